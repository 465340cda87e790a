import Testing
import TierAPI
import TierKit

@testable import CompactionCore

@Suite struct KeyPlannerTests {
  private func view(
    _ segments: [chronik_segment], _ settings: CompactionSettings = CompactionSettings(), cleaned: Int64 = -1,
    stable: Int64 = 1_000, start: Int64 = 0, rewriteStart: Int64 = 0, now: Int64 = 10_000, forced: Bool = false
  ) -> CompactionView {
    CompactionView(
      id: anyPartition, settings: settings, segments: segments, startOffset: start, stableOffset: stable,
      rewriteStartOffset: rewriteStart, cleanedOffset: cleaned, now: now, isForced: forced)
  }

  private let four = [segment(0, 10), segment(10, 20), segment(20, 30), segment(30, 35, isSealed: false)]

  @Test func aTopicThatIsNotCompactedIsLeftAlone() {
    #expect(KeyPlanner(view(four, CompactionSettings(compacts: false), forced: true)).plan().groups.isEmpty)
  }

  @Test func theActiveSegmentIsNeverTouched() {
    let plan = KeyPlanner(view(four)).plan()
    #expect(plan.observed == 0..<30)
    #expect(plan.groups == [.init(0..<30, .rewrite, segmentCount: 3)])
  }

  @Test func nothingAtOrAboveTheStableOffsetIsTouched() {
    #expect(KeyPlanner(view(four, stable: 30)).plan().observed == 0..<30)
    #expect(KeyPlanner(view(four, stable: 29)).plan().observed == 0..<20)
    #expect(KeyPlanner(view(four, stable: 9)).plan().groups.isEmpty)
  }

  @Test func theDirtyShareMustExceedTheRatio() {
    // One of three segments of the same size is dirty.
    let settings = CompactionSettings(minCleanableDirtyRatio: 0.33)
    #expect(KeyPlanner(view(four, settings, cleaned: 20)).plan().observed == 20..<30)
    #expect(KeyPlanner(view(four, CompactionSettings(minCleanableDirtyRatio: 0.34), cleaned: 20)).plan().groups.isEmpty)
    // Equal is not more.
    let half = CompactionSettings(minCleanableDirtyRatio: 0.5)
    let two = [segment(0, 10), segment(10, 20), segment(20, 20, isSealed: false)]
    #expect(KeyPlanner(view(two, half, cleaned: 10)).plan().groups.isEmpty)
    #expect(!KeyPlanner(view(two, half, cleaned: 10, forced: true)).plan().groups.isEmpty)
  }

  @Test func cleanSegmentsAreRewrittenWithTheDirtyOnes() {
    let plan = KeyPlanner(view(four, CompactionSettings(minCleanableDirtyRatio: 0.1, segmentBytes: 2_000), cleaned: 20))
      .plan()
    #expect(plan.groups == [.init(0..<20, .rewrite, segmentCount: 2), .init(20..<30, .rewrite, segmentCount: 1)])
  }

  @Test func recordsYoungerThanTheLagStopTheDirtyPart() {
    let aged = [segment(0, 10, newest: 1_000), segment(10, 20, newest: 9_500), segment(20, 30, newest: 1_000), four[3]]
    #expect(KeyPlanner(view(aged, CompactionSettings(minCompactionLag: 501))).plan().observed == 0..<10)
    #expect(KeyPlanner(view(aged, CompactionSettings(minCompactionLag: 500))).plan().observed == 0..<30)
  }

  @Test func aRecordOlderThanTheLargestLagAsksForARunWhateverTheRatio() {
    let aged = [segment(0, 10), segment(10, 20, oldest: 4_000), four[3]]
    func plan(_ lag: Int64) -> CompactionPlan {
      KeyPlanner(view(aged, CompactionSettings(minCleanableDirtyRatio: 1, maxCompactionLag: lag), cleaned: 10)).plan()
    }
    #expect(plan(5_999).observed == 10..<20)
    #expect(plan(5_999).urgency > 1)
    #expect(plan(6_000).groups.isEmpty)
  }

  @Test func aCheckpointThatCannotBeTrueCountsForNothing() {
    #expect(KeyPlanner(view(four, cleaned: 36)).plan().observed == 0..<30)
    #expect(KeyPlanner(view(four, cleaned: 30)).plan().groups.isEmpty)
  }

  @Test func whatATierBelowHoldsAndWhatWasDeletedStay() {
    #expect(KeyPlanner(view(four, rewriteStart: 10)).plan().groups == [.init(10..<30, .rewrite, segmentCount: 2)])
    #expect(KeyPlanner(view(four, rewriteStart: 11)).plan().groups == [.init(20..<30, .rewrite, segmentCount: 1)])
    #expect(KeyPlanner(view(four, start: 10)).plan().groups == [.init(10..<30, .rewrite, segmentCount: 2)])
    // The start lies inside a segment: what can still be read of it counts.
    let inside = KeyPlanner(view(four, start: 15)).plan()
    #expect(inside.groups == [.init(10..<30, .rewrite, segmentCount: 2)] && inside.observed == 15..<30)
  }

  @Test func groupsStayWithinASegmentsBytesOffsetsAndCount() {
    let many = (0..<10).map { segment($0 * 10, $0 * 10 + 10, bytes: 400) } + [segment(100, 100, isSealed: false)]
    let counts = KeyPlanner(view(many, CompactionSettings(segmentBytes: 1_000))).plan().groups.map(\.segmentCount)
    #expect(counts == [2, 2, 2, 2, 2])
    let few = KeyPlanner(view(many), segmentsPerGroupMax: 3).plan().groups.map(\.segmentCount)
    #expect(few == [3, 3, 3, 1])
    let far = Int64(Int32.max)
    let wide = [segment(0, 10), segment(10, far), segment(far, far + 1), segment(far + 1, far + 1, isSealed: false)]
    #expect(KeyPlanner(view(wide, stable: far + 1)).plan().groups.map(\.range) == [0..<far, far..<far + 1])
    let large = [segment(0, 10, bytes: 5_000), segment(10, 20, bytes: 1), four[3]]
    #expect(KeyPlanner(view(large, CompactionSettings(segmentBytes: 1_000))).plan().groups.count == 2)
  }
}
