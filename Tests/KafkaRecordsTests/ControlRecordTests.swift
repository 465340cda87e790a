import KafkaRecords
import Testing

@Suite("Control records")
struct ControlRecordTests {
  private func read(key: [UInt8]?, value: [UInt8]?) throws -> ControlRecord {
    var builder = RecordBatchBuilder(isControl: true)
    builder.append(timestamp: 0, key: key, value: value)
    return try builder.build().withBytes { bytes in
      try RecordBatchReader(bytes, limit: 0).withCursor { try ControlRecord(#require(try $0.next())) }
    }
  }

  @Test("an end-transaction marker has Kafka's bytes")
  func markerBytes() throws {
    let batch = ControlRecord.commit(coordinatorEpoch: 0x0102_0304)
      .endTransactionBatch(producerID: 0x1122, producerEpoch: 7, timestamp: 0x0000_018B_CFE5_6800)
    let head: [UInt8] =
      [0, 0, 0, 0, 0, 0, 0, 0]  // base offset
      + [0, 0, 0, 66]  // length
      + [0xFF, 0xFF, 0xFF, 0xFF, 2]  // leader epoch, magic
    let body: [UInt8] =
      [0, 0x30, 0, 0, 0, 0]  // transactional | control, last offset delta
      + [0, 0, 0x01, 0x8B, 0xCF, 0xE5, 0x68, 0x00, 0, 0, 0x01, 0x8B, 0xCF, 0xE5, 0x68, 0x00]
      + [0, 0, 0, 0, 0, 0, 0x11, 0x22, 0, 7]  // producer id and epoch
      + [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1]  // no sequence, one record
      + [32, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 1, 2, 3, 4, 0]
    #expect(Array(batch[..<17]) == head)
    #expect(Array(batch[21...]) == body)
    let header = try batch.validated()
    #expect(header.isControl && header.isTransactional)
    #expect(header.lastSequence == -1)
  }

  @Test("abort is 0 and commit is 1, and both are read back")
  func kinds() throws {
    #expect(ControlRecord.abort(coordinatorEpoch: 9).key == [0, 0, 0, 0])
    #expect(ControlRecord.commit(coordinatorEpoch: 9).key == [0, 0, 0, 1])
    let abort = try read(key: [0, 0, 0, 0], value: [0, 0, 0, 0, 0, 9])
    #expect(abort == .abort(coordinatorEpoch: 9))
    #expect(try read(key: [0, 0, 0, 1], value: [0, 0, 0, 0, 0, 9]) == .commit(coordinatorEpoch: 9))
  }

  @Test("later versions and other types are readable")
  func laterVersions() throws {
    #expect(try read(key: [0, 1, 0, 1, 0xAB], value: [0, 1, 0, 0, 0, 9, 0xCD]) == .commit(coordinatorEpoch: 9))
    for (id, kind) in [
      (2, .leaderChange), (3, .snapshotHeader), (4, .snapshotFooter), (5, .kraftVersion), (6, .kraftVoters),
      (77, .unknown(77)),
    ] as [(UInt8, ControlRecord.Kind)] {
      let record = try read(key: [0, 0, 0, id], value: nil)
      #expect(record.kind == kind)
      #expect(record.kind.id == Int16(id))
      #expect(record.coordinatorEpoch == nil)
    }
  }

  @Test("what is too short to be a control record is refused")
  func malformed() {
    let refused = RecordBatchError.malformedRecord(index: 0, reason: .malformedControlRecord)
    #expect(throws: refused) { try read(key: nil, value: nil) }
    #expect(throws: refused) { try read(key: [0, 0, 0], value: nil) }
    #expect(throws: refused) { try read(key: [0xFF, 0xFF, 0, 1], value: [0, 0, 0, 0, 0, 0]) }
    #expect(throws: refused) { try read(key: [0, 0, 0, 1], value: nil) }
    #expect(throws: refused) { try read(key: [0, 0, 0, 1], value: [0, 0, 0, 0, 0]) }
  }
}
