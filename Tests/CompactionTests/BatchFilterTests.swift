import KafkaRecords
import Testing

@testable import CompactionCore

@Suite struct BatchFilterTests {
  /// Key "a" newest at 101, "b" at 102; 100 is an older "a".
  private func batch(
    _ codec: Compression = .none, tombstone: Bool = false, producer: Int64 = -1, time: [Int64] = [5_000, 4_000, 6_000]
  ) -> [UInt8] {
    var builder = RecordBatchBuilder(
      baseOffset: 100, compression: codec, producerID: producer, producerEpoch: producer < 0 ? -1 : 3,
      baseSequence: producer < 0 ? -1 : 40, partitionLeaderEpoch: 9)
    builder.append(timestamp: time[0], key: [97], value: [1], headers: [RecordHeader("h", nil)])
    builder.append(timestamp: time[1], key: [97], value: tombstone ? nil : [2])
    builder.append(timestamp: time[2], key: [98], value: [3], headers: [RecordHeader("h", [4])])
    return builder.build()
  }

  private func filter(
    _ bytes: [UInt8], now: Int64 = 100_000, mustStay: Bool = false, newest: Set<Int64>
  ) throws -> BatchFilter.Outcome {
    try bytes.withUnsafeBytes { raw in
      try BatchFilter(now: now, deleteRetention: 1_000).filter(raw, mustStay: mustStay) { newest.contains($1) }.outcome
    }
  }

  private func replaced(_ outcome: BatchFilter.Outcome) throws -> [UInt8] {
    guard case .replace(let bytes) = outcome else {
      Issue.record("not replaced: \(outcome)")
      return []
    }
    return bytes
  }

  @Test func aBatchThatLosesNothingIsKeptByteForByte() throws {
    #expect(try filter(batch(), newest: [100, 101, 102]) == .keep)
  }

  @Test func aBatchThatLosesEverythingGoesUnlessItMustStay() throws {
    #expect(try filter(batch(), newest: []) == .drop)
    let empty = try replaced(try filter(batch(.gzip, producer: 7), mustStay: true, newest: []))
    // The layout of Kafka's writeEmptyHeader: 61 bytes, no codec, no base timestamp, everything else as it was.
    #expect(empty.count == 61)
    let head = try header(of: empty)
    #expect(head.baseOffset == 100 && head.lastOffset == 102 && head.recordCount == 0 && head.compressionID == 0)
    #expect(head.producerID == 7 && head.producerEpoch == 3 && head.baseSequence == 40 && head.lastSequence == 42)
    #expect(head.partitionLeaderEpoch == 9 && head.baseTimestamp == -1 && head.maxTimestamp == 6_000)
    #expect(try filter(empty, mustStay: true, newest: []) == .keep)
    #expect(try filter(empty, newest: []) == .drop)
  }

  @Test(arguments: Compression.allCases) func recordsKeepOffsetsTimesAndHeaders(codec: Compression) throws {
    let old = batch(codec, producer: 7)
    let new = try replaced(try filter(old, newest: [101, 102]))
    #expect(try records(of: new) == records(of: old).filter { $0.offset != 100 })
    let (before, after) = (try header(of: old), try header(of: new))
    #expect(after.compression == codec && after.lastOffset == 102 && after.baseOffset == 100)
    #expect(after.producerID == 7 && after.producerEpoch == 3 && after.baseSequence == 40)
    #expect(after.partitionLeaderEpoch == before.partitionLeaderEpoch)
    #expect(try header(of: replaced(try filter(old, newest: [100]))).maxTimestamp == 5_000)
  }

  @Test func aTombstonesBatchGetsItsHorizonOnceAndLosesItThen() throws {
    let old = batch(tombstone: true)
    let first = try replaced(try filter(old, now: 50_000, newest: [100, 101, 102]))
    let head = try header(of: first)
    #expect(head.attributes & 0x40 != 0 && head.baseTimestamp == 51_000)
    #expect(try records(of: first) == records(of: old))
    // Until the horizon nothing changes any more; from it on the tombstone goes, and only it.
    #expect(try filter(first, now: 50_999, newest: [100, 101, 102]) == .keep)
    let last = try replaced(try filter(first, now: 51_000, newest: [100, 101, 102]))
    #expect(try records(of: last) == records(of: old).filter { $0.offset != 101 })
    #expect(try header(of: last).baseTimestamp == 51_000)
  }

  @Test func aTombstoneStaysWhileItMayHideARecordOutOfReach() throws {
    let first = try replaced(try filter(batch(tombstone: true), now: 50_000, newest: [101, 102]))
    let outcome = try first.withUnsafeBytes { raw in
      try BatchFilter(now: 99_000, deleteRetention: 1_000, dropsTombstones: false)
        .filter(raw, mustStay: false) { _, _ in true }.outcome
    }
    #expect(outcome == .keep)
  }

  @Test func aTombstoneThatIsObsoleteSetsNoHorizon() throws {
    let new = try replaced(try filter(batch(tombstone: true), newest: [102]))
    #expect(try header(of: new).attributes & 0x40 == 0)
  }

  @Test func logAppendTimeSurvivesAHorizon() throws {
    var bytes = batch(tombstone: true)
    bytes.withUnsafeMutableBytes { RecordBatch.setLogAppendTime(77_000, in: $0) }
    let new = try replaced(try filter(bytes, newest: [100, 101, 102]))
    #expect(try records(of: new).map(\.timestamp) == [77_000, 77_000, 77_000])
    #expect(try header(of: new).timestampType == .logAppendTime)
  }

  @Test func damagedRecordsAreReportedAndNeverTrap() throws {
    var bytes = batch()
    for position in 61..<bytes.count {
      for value: UInt8 in [0, 0x7F, 0x80, 0xFF] {
        let old = bytes[position]
        bytes[position] = value
        do { _ = try filter(bytes, newest: [101]) } catch is RecordBatchError {}
        bytes[position] = old
      }
    }
  }
}
