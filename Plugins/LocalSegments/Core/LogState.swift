import SegmentFormat

/// The part of a segment's description that only appending changes.
struct SegmentTail: Sendable {
  /// Bytes of whole batches.
  var byteCount: Int64 = 0
  /// Offset after the last batch; the base offset while there is none.
  var nextOffset: Int64
  /// Largest maxTimestamp of the batches, ms; -1: none.
  var maxTimestamp: Int64 = -1
  /// Base offset of the first batch with that timestamp; -1: none, or not looked up yet.
  var maxTimestampBase: Int64 = -1
  /// Last offset of that batch; -1: none.
  var maxTimestampLast: Int64 = -1
  /// maxTimestamp of the first batch, ms; -1: none or unknown.
  var firstTimestamp: Int64 = -1
  /// -1: none or unknown.
  var lastLeaderEpoch: Int32 = -1
}

/// A segment as the partition's state holds it.
struct SegmentEntry: Sendable {
  let segment: Segment
  var tail: SegmentTail
  /// Bytes from the start of the log that the file itself keeps through a power loss.
  var durableByteCount: Int64 = 0
  /// Bytes from the start of the log of which the last are in the commit log, durably, when that is more.
  var loggedByteCount: Int64 = 0
  var isNameDurable = false
  var areIndexesDurable = false
  /// Keeps the log open while it has bytes to flush, because a sync must reach the descriptor that saw the writes, and
  /// while its segment is being replaced, because its path will be another file's.
  var dirtyFile: OpenFile?

  /// Whether the file has to be synced, now or at a checkpoint.
  var isDirty: Bool { durableByteCount < tail.byteCount || (tail.byteCount > 0 && !isNameDurable) }

  /// Bytes that survive power loss, in the file or in the commit log. While the file's name is not durable nothing of
  /// it is, so the commit log has all of them from byte 0 on and recovery can make the file again.
  var safeByteCount: Int64 { isNameDurable ? max(durableByteCount, loggedByteCount) : loggedByteCount }
}

/// Offsets at which a batch is known to begin, so that readers who go on where they stopped, and reads up to a flushed
/// end, need no index. A ring that forgets the oldest.
struct KnownBoundaries: Sendable {
  private var slots: [(offset: Int64, base: Int64, position: Int64)] = []
  private var next = 0

  /// The batch after the one that ends before `offset` starts at byte `position` of the segment at `base`.
  mutating func remember(_ offset: Int64, base: Int64, position: Int64) {
    if slots.contains(where: { $0.offset == offset && $0.base == base }) { return }
    if slots.count < Limits.rememberedBoundaries {
      slots.append((offset, base, position))
    } else {
      slots[next] = (offset, base, position)
      next = (next + 1) % slots.count
    }
  }

  func position(of offset: Int64, base: Int64) -> Int64? {
    for slot in slots where slot.offset == offset && slot.base == base { return slot.position }
    return nil
  }

  mutating func forgetAll() {
    slots.removeAll(keepingCapacity: true)
    next = 0
  }
}

/// Sums over all segments but the active one.
struct SealedSummary: Sendable {
  var byteCount: Int64 = 0
  var maxTimestamp: Int64 = -1
  var maxTimestampBase: Int64 = -1
}

/// What is published of a partition. A plain value behind the partition's lock; nothing here does I/O.
struct LogState: Sendable {
  /// In offset order, never empty; the last one is active.
  var segments: [SegmentEntry]
  var startOffset: Int64
  /// Everything below survives power loss, in segment files or in the commit log.
  var durableEnd: Int64
  /// Everything below survives in segment files, which is what a recovery point says. At most `durableEnd`.
  var filedEnd: Int64
  /// Where `filedEnd` lies in the active segment, as of the last sync that reached it; nil while that is not known.
  var filedTail: RecoveryTail?
  var epochs: LeaderEpochs
  /// Why nothing may be written any more; nil while all is well.
  var poison: String?
  /// Whether the disk refused a sync of a segment file: no later one may vouch for what it lost.
  var hasFailedSync = false
  /// Counts truncations, so that a flush notices one beside it.
  var truncations = 0
  /// Counts releases of commit-log entries, so that no flush beside one adds an entry that it should have covered.
  var releases = 0
  /// Its directory has gone to another partition of the same name; nothing is written down about this one any more.
  var isDisplaced = false
  /// Counts failed appends, and how many of them a sync of the files came after. While they differ the next flush syncs
  /// the files: bytes of a failed append may be on the disk where later ones belong, and replaying the commit log must
  /// not meet them.
  var failedAppends = 0
  var settledAppends = 0
  /// Whether files below the start could not be removed, so that only the checkpoint keeps them out of the log.
  var hasLeftovers = false
  /// Counts the moments from which a segment's path may lead to another file than before, so that a reader who opened
  /// one notices.
  var fileChanges = 0
  var boundaries = KnownBoundaries()
  private(set) var sealed = SealedSummary()

  var endOffset: Int64 { segments[segments.count - 1].tail.nextOffset }

  /// Bytes appended and not durable yet.
  var unflushedByteCount: Int64 {
    var sum: Int64 = 0
    for entry in segments.reversed() {
      if entry.tail.nextOffset <= durableEnd, entry.tail.byteCount > 0 { break }
      sum += entry.tail.byteCount - entry.safeByteCount
    }
    return sum
  }

  /// Index of the segment whose range contains `offset`, or the first one; O(log n).
  func segmentIndex(containing offset: Int64) -> Int {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].segment.baseOffset <= offset { low = middle + 1 } else { high = middle }
    }
    return max(0, low - 1)
  }

  /// Computes what the sealed segments add up to; after every change of which segments there are.
  mutating func summarizeSealed() {
    var sum = SealedSummary()
    for entry in segments.dropLast() {
      sum.byteCount += entry.tail.byteCount
      if entry.tail.maxTimestamp > sum.maxTimestamp {
        sum.maxTimestamp = entry.tail.maxTimestamp
        sum.maxTimestampBase = entry.tail.maxTimestampBase
      }
    }
    sealed = sum
  }

  /// Index of the segment with the largest timestamp, the first of equals; nil when there is none.
  var maxTimestampIndex: Int? {
    var best: Int?
    for index in segments.indices where segments[index].tail.maxTimestamp >= 0 {
      if best.map({ segments[$0].tail.maxTimestamp < segments[index].tail.maxTimestamp }) ?? true { best = index }
    }
    return best
  }

  func _checkInvariants() {
    precondition(!segments.isEmpty && startOffset <= endOffset && durableEnd <= endOffset && filedEnd <= durableEnd)
    for (left, right) in zip(segments, segments.dropFirst()) {
      precondition(left.tail.nextOffset <= right.segment.baseOffset, "segments overlap")
    }
    precondition(segments.allSatisfy { max($0.durableByteCount, $0.loggedByteCount) <= $0.tail.byteCount })
    precondition(segments.allSatisfy { !$0.isDirty || $0.dirtyFile != nil || $0.durableByteCount == $0.tail.byteCount })
  }
}

extension SegmentTail {
  /// What a recovery point at the end of these batches can say about them; nil without batches.
  func recoveryTail(base: Int64) -> RecoveryTail? {
    guard byteCount > 0 else { return nil }
    return RecoveryTail(
      recoveryPoint: nextOffset, segmentBase: base, position: byteCount, maxTimestamp: maxTimestamp,
      maxTimestampLast: maxTimestampLast, firstTimestamp: max(-1, firstTimestamp))
  }
}
