import KafkaRecords
import SegmentFormat
import TierAPI

/// Decides when a segment gets its next index entries. A plain value: the appender holds one, and so does whoever
/// computes the indexes of a segment again.
struct IndexingState: Sendable {
  /// Bytes of batches since the last entry.
  private var bytesSinceEntry: Int64 = 0
  private var lastTime: TimeIndexEntry?
  /// Entries of .index so far.
  private(set) var entryCount = 0

  /// For a segment that starts empty.
  init() {}

  /// For one that is continued: what its index files hold.
  init(bytesSinceEntry: Int64, lastTime: TimeIndexEntry?, entryCount: Int) {
    self.bytesSinceEntry = bytesSinceEntry
    self.lastTime = lastTime
    self.entryCount = entryCount
  }

  /// Notes the batch with the last offset `lastOffset` at `position`; `tail` already counts it. Returns the entries
  /// due.
  mutating func note(
    lastOffset: Int64, position: Int64, byteCount: Int64, base: Int64, tail: SegmentTail, interval: Int64
  ) -> (offset: OffsetIndexEntry, time: TimeIndexEntry?)? {
    defer { bytesSinceEntry += byteCount }
    guard bytesSinceEntry > interval else { return nil }
    bytesSinceEntry = 0
    entryCount += 1
    let entry = OffsetIndexEntry(relativeOffset: Int32(lastOffset - base), position: Int32(position))
    return (entry, timeEntry(base: base, tail: tail))
  }

  /// The entry that carries the largest timestamp so far, unless the last one does already.
  mutating func timeEntry(base: Int64, tail: SegmentTail) -> TimeIndexEntry? {
    guard tail.maxTimestamp >= 0, tail.maxTimestamp > (lastTime?.timestamp ?? -1) else { return nil }
    let entry = TimeIndexEntry(timestamp: tail.maxTimestamp, relativeOffset: Int32(tail.maxTimestampLast - base))
    lastTime = entry
    return entry
  }
}

extension SegmentTail {
  /// Counts a batch that was appended.
  mutating func add(
    baseOffset: Int64, nextOffset: Int64, byteCount: Int64, maxTimestamp: Int64, leaderEpoch: Int32
  ) {
    if self.byteCount == 0 { firstTimestamp = maxTimestamp }
    self.byteCount += byteCount
    self.nextOffset = nextOffset
    lastLeaderEpoch = leaderEpoch
    if maxTimestamp > self.maxTimestamp {
      self.maxTimestamp = maxTimestamp
      maxTimestampBase = baseOffset
      maxTimestampLast = nextOffset - 1
    }
  }

  mutating func add(_ header: RecordBatchHeader) {
    add(
      baseOffset: header.baseOffset, nextOffset: header.nextOffset, byteCount: Int64(header.byteCount),
      maxTimestamp: header.maxTimestamp, leaderEpoch: header.partitionLeaderEpoch)
  }

  mutating func add(_ batch: chronik_batch) {
    add(
      baseOffset: batch.base_offset, nextOffset: batch.next_offset, byteCount: Int64(batch.bytes.len),
      maxTimestamp: batch.max_timestamp, leaderEpoch: batch.leader_epoch)
  }
}
