import Testing
import TierAPI

@testable import PluginLoader

@Suite struct CompactionPlanCheckTests {
  private func segment(_ base: Int64, _ next: Int64, sealed: Bool = true) -> chronik_segment {
    chronik_segment(
      base_offset: base, next_offset: next, byte_count: 100, max_timestamp: 1, min_timestamp: 1, last_leader_epoch: 0,
      flags: sealed ? CHRONIK_SEGMENT_SEALED : 0, reserved: (0, 0))
  }

  private func check(
    _ groups: [(Int64, Int64, UInt32, UInt32)], observed: (Int64, Int64) = (0, 0), stable: Int64 = 100,
    rewriteStart: Int64 = 0, urgency: Double = 1,
    abilities: UInt64 = CHRONIK_COMPACTION_REWRITE | CHRONIK_COMPACTION_DELETE,
    policy: UInt32 = CHRONIK_POLICY_COMPACT | CHRONIK_POLICY_DELETE
  ) -> String? {
    var settings = chronik_compaction_settings()
    settings.policy = policy
    let view = CompactionView(
      id: PartitionIdentity(topic: "t", topicID: (1, 2), partition: 0), settings: settings,
      segments: [segment(0, 10), segment(10, 20), segment(20, 30), segment(30, 40, sealed: false)], startOffset: 0,
      stableOffset: stable, rewriteStartOffset: rewriteStart, cleanedOffset: -1, now: 0, isForced: false)
    let raw = groups.map {
      chronik_compaction_group(
        first_offset: $0.0, next_offset: $0.1, action: $0.2, segment_count: $0.3, reserved: (0, 0))
    }
    do throws(Malformed) {
      let plan = try CompactionPlanCheck(view: view, abilities: abilities).check(
        raw, observed: (observed.0, observed.1), urgency: urgency, reason: "")
      #expect(plan.groups.map(\.range) == groups.map { $0.0..<$0.1 })
      return nil
    } catch {
      return error.reason
    }
  }

  private let rewrite = CHRONIK_GROUP_REWRITE
  private let delete = CHRONIK_GROUP_DELETE

  @Test func aPlanOfWholeSealedSegmentsIsTaken() {
    #expect(check([]) == nil)
    #expect(check([(0, 20, rewrite, 2), (20, 30, rewrite, 1)], observed: (5, 30)) == nil)
    #expect(
      check([(0, 10, delete, 1), (10, 20, delete, 1), (20, 30, rewrite, 1)], observed: (0, 40), stable: 40) == nil)
  }

  @Test func rangesThatAreNotSegmentsAreRefused() {
    #expect(check([(1, 10, rewrite, 1)])?.contains("does not begin with a segment") == true)
    #expect(check([(0, 11, rewrite, 1)])?.contains("not made of 1 neighbouring") == true)
    #expect(check([(0, 20, rewrite, 1)])?.contains("not made of 1 neighbouring") == true)
    #expect(check([(0, 10, rewrite, 0)])?.contains("does not begin") == true)
    #expect(check([(0, 10, rewrite, .max)])?.contains("does not begin") == true)
    #expect(check([(10, 10, rewrite, 1)])?.contains("empty") == true)
    #expect(check([(0, 20, rewrite, 2), (10, 30, rewrite, 2)])?.contains("overlaps") == true)
    #expect(check([(20, 30, rewrite, 1), (0, 10, rewrite, 1)])?.contains("overlaps") == true)
  }

  @Test func theActiveSegmentAndWhatIsNotStableAreRefused() {
    #expect(check([(20, 40, rewrite, 2)])?.contains("active") == true)
    #expect(check([(20, 30, rewrite, 1)], stable: 29)?.contains("stable offset 29") == true)
    #expect(check([], observed: (0, 31), stable: 30)?.contains("observes") == true)
    #expect(check([], observed: (-1, 30))?.contains("observes") == true)
    #expect(check([], observed: (9, 3))?.contains("observes") == true)
  }

  @Test func whatATierBelowHoldsIsRefused() {
    #expect(check([(0, 20, rewrite, 2)], rewriteStart: 10)?.contains("tier below") == true)
    #expect(check([(10, 20, rewrite, 1)], rewriteStart: 10) == nil)
  }

  @Test func actionsThatTheStrategyOrTheTopicDoesNotHaveAreRefused() {
    #expect(check([(0, 10, delete, 1)], abilities: CHRONIK_COMPACTION_REWRITE)?.contains("action 2") == true)
    #expect(check([(0, 10, rewrite, 1)], abilities: CHRONIK_COMPACTION_DELETE)?.contains("action 1") == true)
    #expect(check([(0, 10, 7, 1)])?.contains("action 7") == true)
    #expect(check([(0, 10, delete, 1)], policy: CHRONIK_POLICY_COMPACT)?.contains("no delete") == true)
    #expect(check([(10, 20, delete, 1)])?.contains("hole") == true)
    #expect(check([(0, 10, rewrite, 1), (10, 20, delete, 1)])?.contains("hole") == true)
    #expect(check([], urgency: .nan)?.contains("urgency") == true)
  }
}
