import Testing
import TierKit

@testable import LocalSegmentsCore

@Suite struct AppendReadTests {
  @Test func theLogFileHoldsTheBatchesVerbatim() throws {
    let rig = try Rig()
    let log = try rig.open()
    let batches = series(5)
    #expect(try log.append(Array(batches[..<3]), nonblocking: true) == .ok)
    #expect(try log.append(Array(batches[3...]), nonblocking: true) == .ok)
    #expect(rig.disk.bytes(rig.log(0)) == bytes(batches))
    let state = log.currentState
    #expect(state.startOffset == 0)
    #expect(state.endOffset == 5)
    #expect(state.durableEndOffset == 0)
    #expect(state.byteCount == 5 * 101)
    #expect(state.maxTimestamp == 1_004)
    #expect(state.maxTimestampOffset == 4)
  }

  @Test func aReadBeginsWithTheBatchThatContainsTheOffset() throws {
    let rig = try Rig()
    let log = try rig.open()
    let batches = [TestBatch(at: 0, count: 10), TestBatch(at: 10, count: 5), TestBatch(at: 15, count: 1)]
    try log.append(batches)
    let answer = try log.answer(12)
    #expect(answer.start == 10)
    #expect(answer.next == 16)
    #expect(answer.bytes == bytes(batches[1...]))
    #expect(try log.answer(16).outcome == .miss)
    #expect(try log.answer(-1).outcome == .miss)
  }

  @Test(arguments: [false, true]) func limitsCutAtBatchBoundaries(nonblocking: Bool) throws {
    let rig = try Rig()
    let log = try rig.open()
    let batches = series(50)
    try log.append(batches)
    for offset in stride(from: 0, to: 50, by: 7) {
      for count in [0, 1, 2, 5, 49] {
        let expected = bytes(batches[offset..<min(50, offset + max(1, count))])
        let answer = try log.answer(Int64(offset), max: count * 101 + 100, nonblocking: nonblocking)
        #expect(answer.bytes == expected, "offset \(offset), \(count) batches")
        let bounded = try log.answer(Int64(offset), end: Int64(offset + count), nonblocking: nonblocking)
        #expect(bounded.bytes == bytes(batches[offset..<min(50, offset + count)]))
        #expect(bounded.next == (count == 0 ? -1 : Int64(min(50, offset + count))))
      }
    }
  }

  @Test func aBatchLargerThanTheLimitNeedsPermission() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(2, size: 500))
    let refused = try log.answer(0, max: 100, minOne: false)
    #expect(refused.outcome == .ok)
    #expect(refused.regions == 0)
    #expect(try log.answer(0, max: 100, minOne: true).next == 1)
  }

  @Test func segmentsRollBySizeAndReadsContinueIntoTheNext() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let batches = series(30)
    var blocked = 0
    for batch in batches {
      if try log.append([batch], nonblocking: true) == .wouldBlock {
        blocked += 1
        #expect(try log.append([batch]) == .ok)
      }
    }
    // Ten batches of 101 bytes fit into 1,024.
    #expect(blocked == 2)
    #expect(rig.disk.names(Rig.directory).filter { $0.hasSuffix(".log") } == [0, 10, 20].map { file($0, "log") })
    for base in [0, 10, 20] { #expect(rig.disk.bytes(rig.log(Int64(base))) == bytes(batches[base..<(base + 10)])) }
    let answer = try log.answer(5, nonblocking: true)
    #expect(answer.regions == 3)
    #expect(answer.bytes == bytes(batches[5...]))
    #expect(try log.answer(5, limit: 2).next == 20)
  }

  @Test func oneCallMayFillSeveralSegments() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let batches = series(35)
    #expect(try log.append(batches, nonblocking: true) == .wouldBlock)
    #expect(log.currentState.endOffset == 0)
    try log.append(batches)
    #expect(try log.answer(0).bytes == bytes(batches))
    #expect(try log.segments(from: 0, limit: 10).map(\.base_offset) == [0, 10, 20, 30])
    #expect(try log.segments(from: 15, limit: 2).map(\.flags) == [1, 1])
    #expect(try log.segments(from: 34, limit: 2).map(\.flags) == [0])
  }

  @Test func segmentsRollByAgeOfTheirFirstBatch() throws {
    let rig = try Rig()
    let log = try rig.open(milliseconds: 100)
    try log.append([TestBatch(at: 0, timestamp: 1_000), TestBatch(at: 1, timestamp: 1_100)])
    #expect(try log.append([TestBatch(at: 2, timestamp: 1_101)], nonblocking: true) == .wouldBlock)
    try log.append([TestBatch(at: 2, timestamp: 1_101)])
    #expect(try log.segments(from: 0, limit: 9).map(\.base_offset) == [0, 2])
  }

  @Test func indexFilesFollowTheFormat() throws {
    let rig = try Rig()
    let log = try rig.open(interval: 250)
    try log.append(series(12))
    try log.seal()
    // Batches have 101 bytes. An entry is due at the first batch with more than 250 bytes before it since the last one:
    // the fourth (303 bytes before it), then every third behind it.
    let due: [Int32] = [3, 6, 9]
    #expect(rig.disk.bytes("\(Rig.directory)/" + file(0, "index")) == due.flatMap { big($0) + big($0 * 101) })
    // The time index also ends with the largest time of all.
    let times: [UInt8] = (due + [11]).flatMap { big(Int64(1_000) + Int64($0)) + big($0) }
    #expect(rig.disk.bytes("\(Rig.directory)/" + file(0, "timeindex")) == times)
  }

  @Test func batchesThatDoNotContinueTheLogAreRefused() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(2))
    #expect(throws: TierError.self) { try log.append([TestBatch(at: 3)]) }
    #expect(throws: TierError.self) { try log.append([TestBatch(at: 1)]) }
    #expect(try log.append([TestBatch(at: 2)]) == .ok)
  }

  @Test func whatIsNotCachedIsLeftToACallThatMayWait() throws {
    let rig = try Rig()
    let log = try rig.open()
    let batches = series(20)
    try log.append(batches)
    rig.disk.isCold = true
    #expect(try log.answer(4, nonblocking: true).outcome == .wouldBlock)
    #expect(try log.findTimestamp(1_004, in: 0..<20, nonblocking: true) == .wouldBlock)
    #expect(try log.answer(4, nonblocking: false).bytes == bytes(batches[4...]))
  }

  @Test func timesAreFoundInOffsetOrder() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let times: [Int64] = (0..<60).map { 1_000 + ($0 * 37) % 101 }
    for (offset, time) in times.enumerated() {
      try log.append([TestBatch(at: Int64(offset), payload: Array(repeating: 9, count: 40), timestamp: time)])
    }
    for wanted in stride(from: Int64(995), through: 1_105, by: 3) {
      for range in [0..<60, 7..<60, 20..<45] {
        let expected = range.first { times[$0] >= wanted }
        let found = try log.findTimestamp(
          wanted, in: Int64(range.lowerBound)..<Int64(range.upperBound), nonblocking: true)
        #expect(
          found == (expected.map { .found(baseOffset: Int64($0), maxTimestamp: times[$0]) } ?? .miss),
          "time \(wanted) in \(range)")
      }
    }
  }

  @Test func descriptorsOfIdleFilesAreBounded() throws {
    let rig = try Rig { $0.openFilesMax = 8 }
    let log = try rig.open(segmentBytes: 1024)
    let batches = series(400)
    for batch in batches { try log.append([batch]) }
    _ = try log.flush().get()
    for offset in stride(from: 0, to: 400, by: 10) {
      #expect(try log.answer(Int64(offset), max: 303).bytes == bytes(batches[offset..<(offset + 3)]))
    }
    // The lock, the directory's idle files, and the one that the last read holds.
    #expect(rig.disk.openDescriptorCount <= 8 + 3)
  }
}

@Suite struct LargeIndexTests {
  @Test func everyOffsetIsFoundThroughAnIndexOfManyBlocks() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1 << 30, interval: 0)
    let batches = series(5_000, size: 10)
    for start in stride(from: 0, to: 5_000, by: 500) { try log.append(Array(batches[start..<(start + 500)])) }
    for offset in 0..<5_000 {
      let answer = try log.answer(Int64(offset), max: 300, nonblocking: true)
      #expect(answer.bytes == bytes(batches[offset..<min(5_000, offset + 4)]), "offset \(offset)")
    }
  }
}
