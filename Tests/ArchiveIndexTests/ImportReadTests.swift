import KafkaRecords
import Testing
import TierAPI
import TierKit

@testable import ArchiveIndexCore

@Suite struct ImportReadTests {
  @Test func aReadBeginsBehindAGapAtAFramesEndWhateverItsSize() throws {
    let rig = try Rig { $0.objectByteCount = 64 << 20 }
    let partition = try rig.open()
    // Each batch fills a frame.
    let before = batches(2, size: 300_000, records: 1)
    let behind = batches(2, from: 20, size: 300_000, records: 1)
    try partition.importSegment(before + behind)
    for offset in Int64(2)...20 {
      let answer = try partition.answer(offset, max: 0, minOne: true)
      #expect(answer.bytes == behind[0].bytes, "offset \(offset)")
      #expect(answer.next == 21)
    }
  }

  @Test func importedSegmentsAreReadBackByteForByteAlsoByAnotherInstance() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(60, from: 40)
    try partition.importSegment(Array(all[..<25]))
    try partition.importSegment(Array(all[25...]))
    #expect(rig.store.keys.count > 5)
    #expect(partition.state.startOffset == 40)
    #expect(partition.state.endOffset == 160)
    #expect(partition.state.durableEndOffset == 160)
    #expect(partition.state.byteCount == Int64(bytes(all).count))
    #expect(partition.state.maxTimestamp == all.last!.maxTimestamp)
    #expect(partition.state.maxTimestampOffset == all.last!.baseOffset)
    #expect(partition.state.lastLeaderEpoch == 3)
    #expect(try partition.readAll(from: 40) == bytes(all))
    for batch in all {
      let answer = try partition.answer(batch.nextOffset - 1, max: 1)
      #expect(answer == Answer(outcome: .ok, start: batch.baseOffset, next: batch.nextOffset, bytes: batch.bytes))
    }
    let again = try rig.restarted()
    let found = try again.open()
    #expect(found.state == partition.state)
    #expect(again.store.calls(.list) == 1 + 1, "one when the first instance was new, one before its first import")
    #expect(try found.readAll(from: 40) == bytes(all))
    #expect(again.host.lines(.warning).isEmpty)
    again.tier.stop()
    #expect(again.host.memory == 0)
  }

  /// Producers may leave the time out; the object's name has 0 then, which must not become an age of decades.
  @Test func recordsWithoutATimeHaveNoAgeAfterArchiving() throws {
    var builder = RecordBatchBuilder(baseOffset: 0, partitionLeaderEpoch: 3)
    builder.append(timestamp: -1, key: [1], value: [2])
    let timeless = TestBatch(bytes: builder.build(), baseOffset: 0, nextOffset: 1, maxTimestamp: -1)
    let rig = try Rig()
    let partition = try rig.open()
    try partition.importSegment([timeless])
    #expect(try partition.segments(from: 0, limit: 9).map(\.max_timestamp) == [-1])
    #expect(partition.state.maxTimestamp == -1)
    #expect(partition.state.maxTimestampOffset == -1)
    try partition.importSegment(batches(2, from: 1))
    #expect(try partition.segments(from: 0, limit: 9).map(\.max_timestamp) == [-1, 1_004])
    #expect(partition.state.maxTimestamp == 1_004)
  }

  @Test func aStopEndsCallsOfTheStore() throws {
    let rig = try Rig()
    let call = rig.tier.environment.access.call()
    #expect(!call.isCancelled())
    rig.tier.stop()
    #expect(call.isCancelled())
    #expect(rig.tier.environment.access.call().isCancelled())
  }

  @Test func answersEndWhereTheyAreToldTo() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(10)
    try partition.importSegment(all)
    let first = all[0].bytes.count
    #expect(try partition.answer(0, max: first - 1, minOne: false).bytes.isEmpty)
    #expect(try partition.answer(0, max: first - 1).bytes == all[0].bytes)
    #expect(try partition.answer(0, max: first).next == 2)
    #expect(try partition.answer(0, end: 3).bytes == bytes(all[..<2]))
    #expect(try partition.answer(4, end: 4).bytes.isEmpty)
    #expect(try partition.answer(0, capacity: 1).bytes.count > first)
    for offset in [Int64.min, -1, 20, 21, .max] { #expect(try partition.answer(offset).outcome == .miss) }
  }

  @Test func nothingIsReadFromTheStoreWithoutBlocking() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(4)
    try partition.importSegment(all)
    rig.store.resetCounts()
    #expect(try partition.answer(0, nonblocking: true).outcome == .wouldBlock)
    #expect(rig.store.calls(.read) == 0)
    #expect(try partition.answer(0).bytes == bytes(all))
    rig.store.isDown = true
    #expect(try partition.answer(0, nonblocking: true).bytes == bytes(all))
  }

  @Test func aSegmentThatIsHeldIsFineAndOneBeyondTheEndIsRefused() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(30)
    try partition.importSegment(Array(all[..<20]))
    let keys = rig.store.keys
    rig.store.resetCounts()
    try partition.importSegment(Array(all[..<20]))
    try partition.importSegment(Array(all[5..<15]))
    #expect(rig.store.calls(.put) == 0)
    #expect(throws: TierError.self) { try partition.importSegment(Array(all[25...])) }
    #expect(rig.store.keys == keys)
    // One that overlaps the end goes on there.
    try partition.importSegment(Array(all[10...]))
    #expect(try partition.readAll(from: 0) == bytes(all))
  }

  @Test func aCancelledImportChangesNothingAndCanBeRepeated() throws {
    let rig = try Rig()
    let partition = try rig.open(at: 0)
    let all = batches(40)
    let error = #expect(throws: TierError.self) { try partition.importSegment(all, isCancelled: { true }) }
    #expect(error?.code == .cancelled)
    #expect(partition.state.endOffset == 0)
    var questions = 0
    #expect(throws: TierError.self) {
      try partition.importSegment(all, isCancelled: { questions += 1; return questions > 6 })
    }
    let held = partition.state.endOffset
    #expect(held > 0 && held < 80)
    try partition.importSegment(all)
    #expect(try partition.readAll(from: 0) == bytes(all))
  }

  @Test func segmentsShowTheObjectsSideBySide() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(40)
    try partition.importSegment(all)
    let segments = try partition.segments(from: .min, limit: 100)
    #expect(segments.count == rig.store.keys.count)
    #expect(segments.first?.base_offset == 0 && segments.last?.next_offset == 80)
    for (left, right) in zip(segments, segments.dropFirst()) { #expect(left.next_offset == right.base_offset) }
    #expect(segments.reduce(0) { $0 + $1.byte_count } == Int64(bytes(all).count))
    #expect(segments.allSatisfy { $0.flags == CHRONIK_SEGMENT_SEALED })
    let middle = segments[2]
    #expect(try partition.segments(from: middle.base_offset + 1, limit: 1).first?.base_offset == middle.base_offset)
  }

  @Test func timesAreFoundBatchByBatch() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(30)
    try partition.importSegment(all)
    for time in [Int64(0), 1_000, 1_001, 1_030, 1_059] {
      let expected = all.first { $0.maxTimestamp >= time }!
      #expect(
        try partition.findTimestamp(time, in: 0..<60, nonblocking: false)
          == .found(baseOffset: expected.baseOffset, maxTimestamp: expected.maxTimestamp))
    }
    #expect(try partition.findTimestamp(1_060, in: 0..<60, nonblocking: false) == .miss)
    #expect(try partition.findTimestamp(1_030, in: 0..<30, nonblocking: false) == .miss)
    #expect(
      try partition.findTimestamp(0, in: 33..<60, nonblocking: false) == .found(baseOffset: 32, maxTimestamp: 1_033))
  }

  @Test func offsetsWithoutBatchesBelongToTheObjectAroundThem() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let left = batches(4, from: 10)
    let right = batches(4, from: 30)
    try partition.importSegment(left + right, offsets: 5..<50)
    #expect(partition.state.startOffset == 5 && partition.state.endOffset == 50)
    #expect(try partition.answer(5).bytes == bytes(left + right))
    #expect(try partition.answer(20).bytes == bytes(right))
    #expect(try partition.answer(20).start == 20)
    #expect(try partition.answer(45).bytes.isEmpty)
    // A segment whose batches are all gone counts as imported.
    let next = batches(3, from: 60)
    try partition.importSegment([TestBatch](), offsets: 50..<60)
    #expect(partition.state.endOffset == 60)
    try partition.importSegment(next)
    #expect(try partition.answer(45).bytes == bytes(next))
    #expect(try rig.restarted().open().readAll(from: 0) == [])
  }
}
