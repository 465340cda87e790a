import TierAPI

/// Holds a plan against the view that it was made for. Nothing of a plan is believed: not that its ranges are segments,
/// not that they are sealed, not that they lie where something may change. Pure.
struct CompactionPlanCheck {
  let view: CompactionView
  /// `CHRONIK_COMPACTION_…` bits of the strategy.
  let abilities: UInt64

  /// Throws what is impossible about the plan, as a sentence.
  func check(
    _ groups: [chronik_compaction_group], observed: (start: Int64, end: Int64), urgency: Double, reason: String
  ) throws(Malformed) -> CompactionPlan {
    var checked: [CompactionPlan.Group] = []
    for group in groups { checked.append(try check(group, after: checked.last)) }
    guard urgency.isFinite else { throw Malformed("the plan's urgency is \(urgency)") }
    guard observed.start <= observed.end else {
      throw Malformed("the plan observes [\(observed.start), \(observed.end))")
    }
    if observed.start < observed.end {
      let first = min(view.startOffset, view.segments.first?.base_offset ?? view.startOffset)
      guard observed.start >= first, observed.end <= view.stableOffset else {
        throw Malformed(
          "the plan observes [\(observed.start), \(observed.end)), outside [\(first), \(view.stableOffset))")
      }
    }
    return CompactionPlan(groups: checked, observed: observed.start..<observed.end, urgency: urgency, reason: reason)
  }

  private func check(
    _ group: chronik_compaction_group, after previous: CompactionPlan.Group?
  ) throws(Malformed) -> CompactionPlan.Group {
    let text = "the plan's group [\(group.first_offset), \(group.next_offset))"
    guard group.first_offset < group.next_offset, group.first_offset >= previous?.range.upperBound ?? .min else {
      throw Malformed("\(text) is empty or overlaps the one before")
    }
    guard let first = view.segments.firstIndex(where: { $0.base_offset == group.first_offset }),
      group.segment_count > 0,
      Int(group.segment_count) <= view.segments.count - first
    else { throw Malformed("\(text) of \(group.segment_count) segments does not begin with a segment") }
    let segments = Array(view.segments[first..<(first + Int(group.segment_count))])
    guard segments.last?.next_offset == group.next_offset,
      zip(segments, segments.dropFirst()).allSatisfy({ $0.next_offset == $1.base_offset })
    else { throw Malformed("\(text) is not made of \(group.segment_count) neighbouring segments") }
    guard segments.allSatisfy({ $0.flags & CHRONIK_SEGMENT_SEALED != 0 }) else {
      throw Malformed("\(text) reaches into the active segment")
    }
    guard group.next_offset <= view.stableOffset else {
      throw Malformed("\(text) reaches beyond the stable offset \(view.stableOffset)")
    }
    let action = try action(of: group, text)
    switch action {
    case .rewrite:
      guard group.first_offset >= view.rewriteStartOffset else {
        throw Malformed("\(text) reaches below \(view.rewriteStartOffset), where a tier below holds its own copy")
      }
    case .delete:
      let isPrefix = previous.map { $0.action == .delete && $0.range.upperBound == group.first_offset } ?? (first == 0)
      guard isPrefix else { throw Malformed("\(text) would leave a hole: deletions go from the first segment on") }
      guard view.settings.policy & CHRONIK_POLICY_DELETE != 0 else {
        throw Malformed("\(text) deletes from a topic whose cleanup.policy has no delete")
      }
    }
    return CompactionPlan.Group(range: group.first_offset..<group.next_offset, action: action, segments: segments)
  }

  private func action(of group: chronik_compaction_group, _ text: String) throws(Malformed) -> CompactionPlan.Action {
    switch group.action {
    case CHRONIK_GROUP_REWRITE where abilities & CHRONIK_COMPACTION_REWRITE != 0: return .rewrite
    case CHRONIK_GROUP_DELETE where abilities & CHRONIK_COMPACTION_DELETE != 0: return .delete
    default: throw Malformed("\(text) asks for the action \(group.action), which the strategy does not have")
    }
  }
}
