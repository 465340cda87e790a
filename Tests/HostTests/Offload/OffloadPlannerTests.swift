import Testing

@testable import Host

@Suite("What is offloaded next")
struct OffloadPlannerTests {
  private let planner = OffloadPlanner(unitBytes: 100)

  /// Sealed segments of 100 bytes and 10 offsets each, the last one active.
  private func view(
    taken: Range<Int64> = 0..<0, start: Int64 = 0, stable: Int64 = 1000, from: Int64 = 0, segments: Int = 5
  ) -> OffloadView {
    OffloadView(
      takenStart: taken.lowerBound, takenEnd: taken.upperBound, logStartOffset: start, stableEnd: stable,
      segments: (0..<Int64(segments)).map { index in
        RetentionSegment(
          baseOffset: from + index * 10, nextOffset: from + index * 10 + 10, byteCount: 100,
          maxTimestamp: 1000 + index, isSealed: index < Int64(segments) - 1)
      })
  }

  @Test("an empty tier below begins where the log does")
  func begins() {
    #expect(planner.next(view()) == .copy(from: 0, to: 40, byteCount: 100))
    #expect(planner.next(view(start: 15)) == .copy(from: 15, to: 40, byteCount: 100))
    #expect(planner.next(view(from: 500)) == .copy(from: 500, to: 540, byteCount: 100))
  }

  @Test("copies go on where the tier below ends, also in the middle of a segment")
  func continues() {
    #expect(planner.next(view(taken: 0..<20)) == .copy(from: 20, to: 40, byteCount: 100))
    #expect(planner.next(view(taken: 0..<35)) == .copy(from: 35, to: 40, byteCount: 50))
    #expect(planner.lag(view(taken: 0..<35)) == .init(segments: 1, bytes: 50))
    #expect(planner.next(view(taken: 0..<40)) == .nothing)
  }

  @Test("the active segment and what is not stable stay")
  func stays() {
    #expect(planner.next(view(stable: 29)) == .copy(from: 0, to: 20, byteCount: 100))
    #expect(planner.next(view(stable: 9)) == .nothing)
    #expect(planner.next(view(segments: 1)) == .nothing)
  }

  @Test("short segments go together and long ones in pieces of like size")
  func sizes() {
    let large = OffloadPlanner(unitBytes: 1000)
    #expect(large.next(view()) == .copy(from: 0, to: 40, byteCount: 400))
    let small = OffloadPlanner(unitBytes: 90)
    #expect(small.next(view()) == .copy(from: 0, to: 40, byteCount: 80))
  }

  @Test("a gap that a deletion left is closed by trimming; one that nobody asked for is a hole")
  func gaps() {
    #expect(planner.next(view(taken: 0..<40, start: 500, from: 500)) == .trim)
    #expect(planner.next(view(taken: 0..<40, start: 20, from: 500)) == .hole(from: 40, to: 500))
  }

  @Test("a tier below that still ends below the log's start is trimmed before it takes more")
  func trimsFirst() {
    #expect(planner.next(view(taken: 0..<12, start: 15)) == .trim)
    #expect(planner.next(view(taken: 0..<15, start: 15)) == .copy(from: 15, to: 40, byteCount: 84))
  }

  @Test("what the tier below has lost in the middle is found before anything goes above")
  func uncovered() {
    func missing(_ view: OffloadView, below offset: Int64, _ ranges: Range<Int64>...) -> Int64? {
      planner.firstUncovered(
        view, below: offset,
        by: ranges.map {
          RetentionSegment(
            baseOffset: $0.lowerBound, nextOffset: $0.upperBound, byteCount: 1, maxTimestamp: -1, isSealed: true)
        })
    }
    #expect(missing(view(taken: 0..<40), below: 40, 0..<15, 15..<40) == nil)
    #expect(missing(view(taken: 0..<40), below: 40, 0..<10, 20..<40) == 10)
    #expect(missing(view(taken: 0..<40), below: 10, 0..<10, 20..<40) == nil)
    #expect(missing(view(taken: 0..<40), below: 40, 0..<25, 20..<40) == nil, "objects may overlap")
    #expect(missing(view(taken: 0..<40, start: 20), below: 40, 0..<10, 20..<40) == nil, "the hole is not of the log")
    #expect(missing(view(taken: 0..<40), below: 40, 5..<40) == 0)
    #expect(missing(view(taken: 0..<40), below: 40, 0..<39) == 39)
    #expect(missing(view(taken: 0..<40), below: 40) == 0)
  }

  @Test("only whole segments that are below go from above")
  func evicts() {
    func offset(_ view: OffloadView, ms: Int64? = nil, bytes: Int64? = nil, now: Int64 = 100_000) -> Int64? {
      planner.evictionOffset(view, localMilliseconds: ms, localBytes: bytes, now: now)
    }
    #expect(offset(view(taken: 0..<25), bytes: 0) == 20)
    #expect(offset(view(taken: 0..<25)) == nil, "without a local limit everything stays")
    #expect(offset(view(), bytes: 0) == nil, "nothing is below")
    #expect(offset(view(taken: 20..<40), bytes: 0) == nil, "the first segment is not below")
    #expect(offset(view(taken: 20..<40, start: 20), bytes: 0) == 40, "what the log gave up need not be")
    #expect(offset(view(taken: 0..<40), bytes: 300) == 20, "until no more than the limit is left")
    #expect(offset(view(taken: 0..<40), bytes: 499) == nil, "never less than the limit")
    #expect(offset(view(taken: 0..<40), ms: 98_998) == 20, "older than the limit: newest records at 1000 and 1001")
    #expect(offset(view(taken: 0..<40), ms: 98_998, bytes: 200) == 30, "the stricter limit counts")
  }

  @Test("segments without timestamps have no age")
  func noAge() {
    var unknown = view(taken: 0..<40)
    for index in unknown.segments.indices { unknown.segments[index].maxTimestamp = -1 }
    #expect(planner.evictionOffset(unknown, localMilliseconds: 1, localBytes: nil, now: .max) == nil)
  }

  @Test("a quiet active segment ends when its first record is older than segment.ms")
  func seals() {
    func seals(
      first: Int64, quiet: Int64, segmentMs: Int64 = 60_000, stable: Int64 = 1000, now: Int64 = 100_000
    ) -> Bool {
      planner.mustSeal(
        view(stable: stable), firstTimestamp: first, quietMilliseconds: quiet, segmentMilliseconds: segmentMs,
        now: now)
    }
    #expect(seals(first: 30_000, quiet: 60_000))
    #expect(!seals(first: 50_000, quiet: 60_000), "its first record is young")
    #expect(!seals(first: 30_000, quiet: 59_999), "it still grows")
    #expect(seals(first: 0, quiet: 600_000, segmentMs: 700_000, now: 700_001), "ten minutes are quiet")
    #expect(!seals(first: 30_000, quiet: 60_000, stable: 49), "its last record is not stable")
    #expect(!seals(first: -1, quiet: 60_000), "its age is unknown")
  }

  @Test("bandwidth is lent once and then paid back")
  func tokens() {
    var bucket = TokenBucket(bytesPerSecond: 100)
    #expect(bucket.wait(now: 0) == 0)
    bucket.take(300)
    let wait = bucket.wait(now: 0)
    #expect((2_000_000_000...2_020_000_000).contains(wait), "\(wait)")
    #expect(bucket.wait(now: 1_000_000_000) > 0)
    #expect(bucket.wait(now: wait) == 0)
    #expect(bucket.wait(now: 1_000_000_000_000) == 0)
    bucket.take(100)
    #expect(bucket.wait(now: 1_000_000_000_000) > 0, "an idle time is not saved up")
    var unlimited = TokenBucket(bytesPerSecond: 0)
    unlimited.take(.max)
    #expect(unlimited.wait(now: 0) == 0)
  }

  @Test("a failing partition rests from one second up to five minutes")
  func backoff() {
    var backoff = OffloadBackoff()
    var rests: [Int64] = []
    for _ in 0..<12 {
      backoff.failed(now: 0, random: 0)
      rests.append(backoff.notBefore / 1_000_000_000)
    }
    #expect(rests == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
    backoff.failed(now: 0, random: .max)
    #expect(backoff.notBefore < 376_000_000_000)
    backoff.succeeded()
    #expect(backoff == OffloadBackoff())
  }
}
