import Testing

@testable import Host

@Suite("Retention")
struct RetentionPlannerTests {
  /// Segments of ten offsets and 100 bytes each; the last one is active.
  private func segments(_ timestamps: [Int64]) -> [RetentionSegment] {
    timestamps.enumerated().map { index, time in
      RetentionSegment(
        baseOffset: Int64(index) * 10, nextOffset: Int64(index + 1) * 10, byteCount: 100, maxTimestamp: time,
        isSealed: index < timestamps.count - 1)
    }
  }

  private func plan(
    _ segments: [RetentionSegment], ms: Int64? = nil, bytes: Int64? = nil, start: Int64 = 0,
    highWatermark: Int64? = nil,
    now: Int64 = 10_000
  ) -> [RetentionPlanner.Deletion] {
    RetentionPlanner(milliseconds: ms, bytes: bytes).plan(
      segments, logStartOffset: start, highWatermark: highWatermark ?? segments.last?.nextOffset ?? 0, now: now)
  }

  @Test("by time, whole segments go while their newest record is too old; exactly the limit is not too old")
  func time() {
    let deletions = plan(segments([7000, 8999, 9000, 9001]), ms: 1000)
    #expect(deletions == [
      .init(reason: .time, newStartOffset: 20, segmentCount: 2, byteCount: 200, needsSeal: false)
    ])
  }

  @Test("a young segment protects the older-looking ones behind it")
  func order() {
    #expect(plan(segments([1, 9999, 1, 1]), ms: 1000).map(\.newStartOffset) == [10])
    #expect(plan(segments([9999, 1, 1, 1]), ms: 1000).isEmpty)
  }

  @Test("a segment without timestamps has no age, one from the future is young")
  func noAge() {
    #expect(plan(segments([-1, 1]), ms: 1000).isEmpty)
    #expect(plan(segments([99_999, 1]), ms: 1000).isEmpty)
  }

  @Test("when everything is too old the active segment is sealed and goes too")
  func active() {
    #expect(plan(segments([1, 2, 3]), ms: 1000) == [
      .init(reason: .time, newStartOffset: 30, segmentCount: 3, byteCount: 300, needsSeal: true)
    ])
  }

  @Test("by size, a partition never shrinks below its limit")
  func size() {
    #expect(
      plan(segments([1, 2, 3, 4]), bytes: 250).map(\.newStartOffset) == [10], "300 are left, 200 would be too few")
    #expect(plan(segments([1, 2, 3, 4]), bytes: 200).map(\.newStartOffset) == [20])
    #expect(plan(segments([1, 2, 3, 4]), bytes: 400).isEmpty)
    #expect(plan(segments([1, 2]), bytes: 0) == [
      .init(reason: .size, newStartOffset: 20, segmentCount: 2, byteCount: 200, needsSeal: true)
    ])
  }

  @Test("size counts what time has left")
  func both() {
    let deletions = plan(segments([1, 9999, 9999, 9999]), ms: 1000, bytes: 200)
    #expect(deletions.map(\.reason) == [.time, .size])
    #expect(deletions.map(\.newStartOffset) == [10, 20])
  }

  @Test("nothing at or above the high watermark goes, and what is below the start does not count")
  func bounds() {
    #expect(plan(segments([1, 2, 3]), ms: 1000, highWatermark: 19).map(\.newStartOffset) == [10])
    #expect(plan(segments([1, 2, 3]), bytes: 100, highWatermark: 5).isEmpty)
    #expect(plan(segments([1, 2, 3, 4]), bytes: 200, start: 10).map(\.newStartOffset) == [20])
  }

  @Test("copies in two tiers count once, the lower tier's")
  func merge() {
    let all = segments([1, 2, 3, 4])
    var copy = all[1]
    copy.byteCount = 40
    #expect(RetentionPlanner.merge([[all[0], copy], Array(all[1...])]) == [all[0], copy, all[2], all[3]])
    let empty = RetentionSegment(baseOffset: 40, nextOffset: 40, byteCount: 0, maxTimestamp: -1, isSealed: false)
    #expect(RetentionPlanner.merge([[], all + [empty]]) == all, "an active segment without records is none")
  }

  @Test("no limits, no deletions; no segments, no deletions")
  func nothing() {
    #expect(plan(segments([1, 2])).isEmpty)
    #expect(plan([], ms: 1, bytes: 0).isEmpty)
  }
}
