/// What offload sees of one partition in one pair of tiers: the one whose finished segments are copied, and the one
/// below it that takes them.
struct OffloadView: Sendable, Equatable {
  /// Of the taking tier. Equal: it holds nothing.
  var takenStart: Int64
  var takenEnd: Int64
  /// Below this nothing is read again, so nothing is copied.
  var logStartOffset: Int64
  /// Records at and above this may still be taken back, or belong to open transactions.
  var stableEnd: Int64
  /// All segments of the giving tier, in offset order; the last is active when it is not sealed.
  var segments: [RetentionSegment]

  var isEmptyBelow: Bool { takenStart == takenEnd }
}

/// What to seal, copy and evict next. Pure.
///
/// Compacted topics never come here: their segments are rewritten where they are, and a copy below would bring back
/// the records that a rewrite removed.
struct OffloadPlanner: Sendable {
  /// The most bytes of one copy.
  var unitBytes: Int64

  enum Step: Sendable, Equatable {
    case nothing
    /// The batches of `[from, to)`, about `byteCount` of them and at least one.
    case copy(from: Int64, to: Int64, byteCount: Int64)
    /// The tier below holds offsets that the log has given up, and nothing behind them: it must let go of them first,
    /// because a tier holds one range without holes.
    case trim
    /// Offsets of the log that neither tier holds.
    case hole(from: Int64, to: Int64)
  }

  struct Lag: Sendable, Equatable {
    var segments = 0
    var bytes: Int64 = 0
  }

  /// Finished segments that are not below yet, or not completely, oldest first.
  func waiting(_ view: OffloadView) -> ArraySlice<RetentionSegment> {
    let start = view.isEmptyBelow ? view.logStartOffset : max(view.logStartOffset, view.takenEnd)
    let wanted = view.segments.drop { $0.nextOffset <= start }
    return wanted.prefix { $0.isSealed && $0.nextOffset <= view.stableEnd }
  }

  /// How far the tier below is behind. Of a segment that is copied in part, the part counts that is not.
  func lag(_ view: OffloadView) -> Lag {
    waiting(view).reduce(into: Lag()) { lag, segment in
      lag.segments += 1
      lag.bytes += view.isEmptyBelow ? segment.byteCount : segment.byteCount(from: view.takenEnd)
    }
  }

  func next(_ view: OffloadView) -> Step {
    let waiting = waiting(view)
    guard let first = waiting.first, let last = waiting.last else { return .nothing }
    guard !view.isEmptyBelow else {
      let from = max(first.baseOffset, view.logStartOffset)
      return .copy(from: from, to: last.nextOffset, byteCount: pieceBytes(lag(view).bytes))
    }
    if first.baseOffset > view.takenEnd {
      return view.logStartOffset >= view.takenEnd ? .trim : .hole(from: view.takenEnd, to: first.baseOffset)
    }
    // The upper tier no longer reads what lies below the log's start, although the segment has it.
    if view.logStartOffset > view.takenEnd { return .trim }
    return .copy(from: view.takenEnd, to: last.nextOffset, byteCount: pieceBytes(lag(view).bytes))
  }

  /// Pieces of like size, so that no sliver is left over.
  private func pieceBytes(_ waiting: Int64) -> Int64 {
    let pieces = max(1, (waiting + unitBytes - 1) / unitBytes)
    return min(unitBytes, (waiting + pieces - 1) / pieces)
  }

  /// Whether the active segment should end although nothing is appended to it: its first record is older than
  /// `segmentMilliseconds`, and the log has not grown for `quietMilliseconds`. The second condition keeps a trickle of
  /// old records from making a segment of each.
  func mustSeal(
    _ view: OffloadView, firstTimestamp: Int64, quietMilliseconds: Int64, segmentMilliseconds: Int64, now: Int64
  )
    -> Bool
  {
    guard let active = view.segments.last, !active.isSealed, active.byteCount > 0,
      active.nextOffset > active.baseOffset, active.nextOffset <= view.stableEnd, firstTimestamp >= 0
    else { return false }
    return now - firstTimestamp > segmentMilliseconds && quietMilliseconds >= min(segmentMilliseconds, Self.quietMax)
  }

  /// A log that stood still for ten minutes is quiet, whatever segment.ms says.
  static let quietMax: Int64 = 600_000

  /// Where the giving tier may begin by local retention, ms and bytes (nil: keep); nil when nothing goes. Only whole
  /// sealed segments that the tier below holds completely are let go of.
  func evictionOffset(_ view: OffloadView, localMilliseconds: Int64?, localBytes: Int64?, now: Int64) -> Int64? {
    guard !view.isEmptyBelow else { return nil }
    let copied = view.segments.prefix { segment in
      segment.isSealed && segment.nextOffset <= view.takenEnd
        && max(segment.baseOffset, view.logStartOffset) >= view.takenStart
    }
    var count = 0
    if let localMilliseconds {
      count = copied.prefix { $0.maxTimestamp >= 0 && now - $0.maxTimestamp > localMilliseconds }.count
    }
    if let localBytes {
      var excess = view.segments.dropFirst(count).reduce(0) { $0 + $1.byteCount } - localBytes
      for segment in copied.dropFirst(count) {
        guard excess > 0, excess >= segment.byteCount else { break }
        excess -= segment.byteCount
        count += 1
      }
    }
    return count > 0 ? copied[copied.startIndex + count - 1].nextOffset : nil
  }

  /// The first offset of the log below `offset` that the giving tier has and none of the taking tier's segments, which
  /// are in offset order; nil when there is none. A tier that lost an object has a hole between its start and its end.
  func firstUncovered(_ view: OffloadView, below offset: Int64, by taken: [RetentionSegment]) -> Int64? {
    var end = max(view.segments.first?.baseOffset ?? offset, view.logStartOffset)
    for segment in taken where segment.nextOffset > end && end < offset {
      if segment.baseOffset > end { return end }
      end = segment.nextOffset
    }
    return end < offset ? end : nil
  }
}

extension RetentionSegment {
  /// The bytes at and above an offset, as if they were spread evenly.
  func byteCount(from offset: Int64) -> Int64 {
    guard offset > baseOffset else { return byteCount }
    guard offset < nextOffset else { return 0 }
    return Int64(Double(byteCount) * Double(nextOffset - offset) / Double(nextOffset - baseOffset))
  }
}
