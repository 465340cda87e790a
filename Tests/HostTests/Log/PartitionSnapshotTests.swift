import Testing

@testable import Host

@Suite("Partition snapshots")
struct PartitionSnapshotTests {
  private var sample: PartitionSnapshot {
    var epochs = LeaderEpochHistory()
    epochs.assign(1, at: 3)
    epochs.assign(4, at: 20)
    let batch = ProducerStates.Batch(
      firstSequence: 2_147_483_647, lastSequence: 1, baseOffset: 30, lastOffset: 32, timestamp: -1)
    return PartitionSnapshot(
      offset: 33, logStartOffset: 3, epochs: epochs,
      producers: [
        7: ProducerStates.Producer(epoch: 2, batches: [batch], lastAppendTime: 1_700_000_000_000),
        .max: ProducerStates.Producer(epoch: -1, batches: [], lastAppendTime: 0),
      ])
  }

  @Test("what is written is read again")
  func roundTrip() {
    #expect(PartitionSnapshot(sample.encode()) == sample)
  }

  @Test("the layout is the one in the picture")
  func layout() {
    let bytes = PartitionSnapshot(
      offset: 0x0102, logStartOffset: 5, epochs: LeaderEpochHistory([.init(epoch: 9, startOffset: 6)])!, producers: [:]
    ).encode()
    #expect(Array(bytes[..<8]) == Array("CHRPSNP1".utf8))
    #expect(Array(bytes[12...]) == [1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]
      + [9, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test("no flipped bit and no missing byte goes unnoticed")
  func damage() {
    let bytes = sample.encode()
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 0x10
      #expect(PartitionSnapshot(damaged) == nil, "byte \(index)")
      #expect(PartitionSnapshot(Array(bytes[..<index])) == nil, "\(index) bytes")
    }
    #expect(PartitionSnapshot(bytes + [0]) == nil)
  }

  @Test("the largest snapshot fits the bound for files")
  func bound() {
    var states = ProducerStates()
    for id in 0..<Int64(ProducerStates.countMax) {
      for sequence in 0..<Int32(ProducerStates.batchesKept) {
        states.record(
          .init(producerID: id, producerEpoch: 0, baseSequence: sequence, recordCount: 1), baseOffset: 0, now: 0)
      }
    }
    var epochs = LeaderEpochHistory()
    for epoch in 0..<Int32(LeaderEpochHistory.countMax) { epochs.assign(epoch, at: Int64(epoch)) }
    let snapshot = PartitionSnapshot(offset: 0, logStartOffset: 0, epochs: epochs, producers: states.producers)
    #expect(snapshot.encode().count == PartitionSnapshot.byteCountMax)
  }
}
