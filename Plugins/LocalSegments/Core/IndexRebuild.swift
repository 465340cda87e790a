import KafkaRecords
import SegmentFormat
import TierKit

/// Computes the two index files of a segment again from its batches and puts them in the place of the old ones.
///
/// The new files are written beside the old ones and renamed over them, so that a crash leaves one or the other. Memory
/// is bounded by the segment index's own limit.
struct IndexRebuild {
  /// The end of the names of files that replace others when they are complete; leftovers are removed at start.
  static let temporarySuffix = ".rebuilding"

  private let segment: Segment
  private let newOffsets: SegmentIndex<OffsetIndexEntry>
  private let newTimes: SegmentIndex<TimeIndexEntry>
  private let interval: Int64
  private(set) var indexing = IndexingState()
  private(set) var tail: SegmentTail

  /// Begins with empty files.
  init(_ segment: Segment, interval: Int64, _ cache: DescriptorCache) throws(Errno) {
    self.segment = segment
    self.interval = interval
    tail = SegmentTail(nextOffset: segment.baseOffset)
    let offsetSlot = FileSlot(segment.index.slot.path + Self.temporarySuffix, cache)
    let timeSlot = FileSlot(segment.timeIndex.slot.path + Self.temporarySuffix, cache)
    _ = try offsetSlot.file(.replacing)
    _ = try timeSlot.file(.replacing)
    newOffsets = SegmentIndex(offsetSlot, written: 0)
    newTimes = SegmentIndex(timeSlot, written: 0)
  }

  /// Counts the next batch of the log.
  mutating func note(_ header: RecordBatchHeader, at position: Int64) throws(Errno) {
    tail.add(header)
    let due = indexing.note(
      lastOffset: header.lastOffset, position: position, byteCount: Int64(header.byteCount), base: segment.baseOffset,
      tail: tail, interval: interval)
    guard let due else { return }
    if newOffsets.append(due.offset) { try newOffsets.writePending() }
    if let time = due.time, newTimes.append(time) { try newTimes.writePending() }
  }

  /// Renames the new files into place; with `isFinal` the time index gets its last entry and both are synced.
  mutating func finish(isFinal: Bool, _ fileSystem: any FileSystem) throws(Errno) {
    if isFinal, let time = indexing.timeEntry(base: segment.baseOffset, tail: tail) { _ = newTimes.append(time) }
    try newOffsets.finish(syncing: isFinal)
    try newTimes.finish(syncing: isFinal)
    try fileSystem.rename(newOffsets.slot.path, to: segment.index.slot.path)
    try fileSystem.rename(newTimes.slot.path, to: segment.timeIndex.slot.path)
    segment.index.reload(written: newOffsets.count)
    segment.timeIndex.reload(written: newTimes.count)
    newOffsets.slot.letGo()
    newTimes.slot.letGo()
  }
}
