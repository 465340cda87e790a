import TierAPI
import TierKit

/// When a partition is worth compacting, which part of it may change, and which segments become one. Pure.
///
/// Kafka's rules (LogCleanerManager, Cleaner). The *dirty* part begins where the last run ended and ends before the
/// first of: the stable offset, the active segment, a segment with a record younger than min.compaction.lag.ms. It is
/// worth it when its share of the bytes exceeds min.cleanable.dirty.ratio, or when its oldest record is older than
/// max.compaction.lag.ms.
struct KeyPlanner {
  let view: CompactionView
  let segmentsPerGroupMax: Int

  init(_ view: CompactionView, segmentsPerGroupMax: Int = Limits.segmentsPerGroupMax) {
    self.view = view
    self.segmentsPerGroupMax = segmentsPerGroupMax
  }

  func plan() -> CompactionPlan {
    guard view.settings.compacts else { return CompactionPlan(reason: "The topic is not compacted.") }
    let own = view.segments.filter {
      $0.flags & CHRONIK_SEGMENT_SEALED != 0 && $0.base_offset >= view.rewriteStartOffset
        && $0.next_offset > view.startOffset
    }
    let dirtyStart = firstDirtyOffset
    let clean = own.prefix { $0.next_offset <= dirtyStart }
    let dirty = own[clean.endIndex...].prefix { !isYoung($0) && $0.next_offset <= view.stableOffset }
    let (cleanBytes, dirtyBytes) = (byteCount(clean), byteCount(dirty))
    guard let end = dirty.last?.next_offset, dirtyBytes > 0 else {
      return CompactionPlan(reason: "No sealed segment is dirty and old enough.")
    }
    let ratio = Double(dirtyBytes) / Double(cleanBytes + dirtyBytes)
    let text = "\(dirtyBytes) of \(cleanBytes + dirtyBytes) bytes are dirty"
    let isOverdue = self.isOverdue(dirty)
    guard view.isForced || isOverdue || ratio > view.settings.minCleanableDirtyRatio else {
      return CompactionPlan(
        reason: "\(text), not more than min.cleanable.dirty.ratio=\(view.settings.minCleanableDirtyRatio).")
    }
    let why = view.isForced ? "; asked for" : isOverdue ? "; max.compaction.lag.ms has passed" : ""
    let start = max(dirtyStart, dirty.first!.base_offset)
    return CompactionPlan(
      groups: groups(Array(own[..<dirty.endIndex])), observed: start..<end, urgency: isOverdue ? 2 : ratio,
      reason: "\(text)\(why).")
  }

  /// Where the last run ended, if that can be true; otherwise everything is dirty.
  private var firstDirtyOffset: Int64 {
    let end = view.segments.last?.next_offset ?? 0
    guard view.cleanedOffset >= 0, view.cleanedOffset <= end else { return view.startOffset }
    return max(view.cleanedOffset, view.startOffset)
  }

  private func isYoung(_ segment: chronik_segment) -> Bool {
    view.settings.minCompactionLag > 0 && segment.max_timestamp > view.now - view.settings.minCompactionLag
  }

  /// A segment whose first timestamp is not known counts as overdue: compacting early costs work, late breaks a
  /// promise.
  private func isOverdue(_ dirty: ArraySlice<chronik_segment>) -> Bool {
    guard view.settings.maxCompactionLag >= 0 else { return false }
    let lag = max(view.settings.maxCompactionLag, view.settings.minCompactionLag)
    return dirty.contains { $0.byte_count > 0 && $0.min_timestamp < view.now - lag }
  }

  private func byteCount(_ segments: ArraySlice<chronik_segment>) -> Int64 { segments.reduce(0) { $0 + $1.byte_count } }

  /// Neighbours that fit into one segment go into one group, greedily from the start.
  private func groups(_ segments: [chronik_segment]) -> [CompactionPlan.Group] {
    var groups: [CompactionPlan.Group] = []
    var bytes: Int64 = 0
    for segment in segments {
      if let last = groups.last, last.segmentCount < segmentsPerGroupMax, last.range.upperBound == segment.base_offset,
        bytes + segment.byte_count <= view.settings.segmentBytes,
        segment.next_offset - last.range.lowerBound <= Limits.offsetsPerSegmentMax
      {
        groups[groups.count - 1] = CompactionPlan.Group(
          last.range.lowerBound..<segment.next_offset, .rewrite, segmentCount: last.segmentCount + 1)
        bytes += segment.byte_count
      } else {
        groups.append(CompactionPlan.Group(segment.base_offset..<segment.next_offset, .rewrite, segmentCount: 1))
        bytes = segment.byte_count
      }
    }
    return groups
  }
}
