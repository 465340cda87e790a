/// What retention knows of one segment. Offsets and bytes are those of the tier that holds it.
struct RetentionSegment: Sendable, Equatable {
  var baseOffset: Int64
  var nextOffset: Int64
  var byteCount: Int64
  /// Largest timestamp of its records, ms; -1 when there is none.
  var maxTimestamp: Int64
  /// Nothing will be appended to it.
  var isSealed: Bool
}

/// Which whole segments go, oldest first. Pure.
///
/// Time: a segment goes when its newest record is older than `retention.ms`; the age is that of the records, never of a
/// file, and a segment without timestamps has none. Size: segments go while what is left is not less than
/// `retention.bytes`, so a partition never holds less than the limit allows. Either ends at the first segment that
/// stays, at the high watermark, and at the active segment, unless everything goes: then that one is sealed first.
struct RetentionPlanner: Sendable {
  /// Nil: no limit.
  var milliseconds: Int64?
  var bytes: Int64?

  enum Reason: String, Sendable, Equatable {
    case time = "retention.ms"
    case size = "retention.bytes"
  }

  struct Deletion: Sendable, Equatable {
    var reason: Reason
    /// The log begins here afterwards.
    var newStartOffset: Int64
    var segmentCount: Int
    var byteCount: Int64
    /// The last one is active and must be sealed first.
    var needsSeal: Bool
  }

  /// `segments` in offset order without gaps, those of the lower tiers first. At most one deletion per reason, in the
  /// order in which they are to be made.
  func plan(_ segments: [RetentionSegment], logStartOffset: Int64, highWatermark: Int64, now: Int64) -> [Deletion] {
    let live = segments.filter { $0.nextOffset > logStartOffset }
    var kept = live[...]
    var deletions: [Deletion] = []
    if let milliseconds {
      let expired = kept.prefix { segment in
        segment.maxTimestamp >= 0 && segment.nextOffset <= highWatermark && now - segment.maxTimestamp > milliseconds
      }
      add(expired, .time, &deletions)
      kept = kept[expired.endIndex...]
    }
    if let bytes {
      var excess = kept.reduce(0) { $0 + $1.byteCount } - bytes
      let surplus = kept.prefix { segment in
        guard segment.nextOffset <= highWatermark, excess >= segment.byteCount else { return false }
        excess -= segment.byteCount
        return true
      }
      add(surplus, .size, &deletions)
    }
    return deletions
  }

  private func add(_ segments: ArraySlice<RetentionSegment>, _ reason: Reason, _ deletions: inout [Deletion]) {
    guard let last = segments.last else { return }
    deletions.append(
      Deletion(
        reason: reason, newStartOffset: last.nextOffset, segmentCount: segments.count,
        byteCount: segments.reduce(0) { $0 + $1.byteCount }, needsSeal: !last.isSealed))
  }

  /// One list from the segments of several tiers, the lowest tier first: where copies overlap, the lower tier's count,
  /// and of a segment that is copied in part, the rest.
  static func merge(_ tiers: [[RetentionSegment]]) -> [RetentionSegment] {
    var merged: [RetentionSegment] = []
    for segments in tiers {
      let end = merged.last?.nextOffset ?? .min
      merged += segments.filter { $0.nextOffset > end && $0.nextOffset > $0.baseOffset }.map { segment in
        guard segment.baseOffset < end else { return segment }
        var rest = segment
        rest.byteCount = segment.byteCount(from: end)
        rest.baseOffset = end
        return rest
      }
    }
    return merged
  }
}
