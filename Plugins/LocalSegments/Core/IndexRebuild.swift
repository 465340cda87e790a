import KafkaRecords
import SegmentFormat
import TierKit

/// Computes the two indexes of a segment again from its batches.
///
/// Indexes of a finished segment, and large ones, are written beside the old files and renamed over them, so that a
/// crash leaves one or the other. Those of a small active segment only replace what is in memory: opening 10,000 idle
/// partitions after a crash must not write 20,000 files. Memory is bounded by the segment index's own limit. A rebuild
/// that continues files which are good as far as they go keeps what it adds in memory, at most the entries of an
/// unflushed tail.
struct IndexRebuild {
  /// The end of the names of files that replace others when they are complete; leftovers are removed at start.
  static let temporarySuffix = ".rebuilding"

  private let segment: Segment
  private let cache: DescriptorCache
  private let interval: Int64
  private var offsets: [OffsetIndexEntry] = []
  private var times: [TimeIndexEntry] = []
  /// The new files, once there is reason to write some.
  private var files: (offsets: SegmentIndex<OffsetIndexEntry>, times: SegmentIndex<TimeIndexEntry>)?
  /// Whether `finish` has put new files in the place of the old ones; their directory is the caller's to sync.
  var hasReplacedFiles: Bool { files != nil }
  /// Entries at the beginning of the old files that are good; nil when everything is computed again.
  private var kept: (offsets: Int, times: Int)?
  private(set) var indexing = IndexingState()
  private(set) var tail: SegmentTail

  init(_ segment: Segment, interval: Int64, _ cache: DescriptorCache) {
    self.segment = segment
    self.interval = interval
    self.cache = cache
    tail = SegmentTail(nextOffset: segment.baseOffset)
  }

  /// Continues the entries that are in the files, which end with the one of the batch that `tail` ends before.
  /// `indexing` is the state when that entry had just been made.
  init(
    continuing segment: Segment, interval: Int64, _ cache: DescriptorCache, kept: (offsets: Int, times: Int),
    indexing: IndexingState, tail: SegmentTail
  ) {
    self.segment = segment
    self.interval = interval
    self.cache = cache
    self.kept = kept
    self.indexing = indexing
    self.tail = tail
  }

  /// Counts the next batch of the log.
  mutating func note(_ header: RecordBatchHeader, at position: Int64) throws(Errno) {
    tail.add(header)
    let due = indexing.note(
      lastOffset: header.lastOffset, position: position, byteCount: Int64(header.byteCount), base: segment.baseOffset,
      tail: tail, interval: interval)
    guard let due else { return }
    offsets.append(due.offset)
    if let time = due.time { times.append(time) }
    if kept == nil, offsets.count >= Limits.indexEntriesPerBlock { try spill() }
  }

  /// Puts the new indexes in the place of the old ones; with `isFinal` the time index gets its last entry and both
  /// files are written and synced.
  mutating func finish(isFinal: Bool, _ fileSystem: any FileSystem) throws(Errno) {
    if let kept {
      precondition(!isFinal, "a finished segment's indexes are computed from its beginning")
      segment.index.replace(with: offsets, behind: kept.offsets)
      segment.timeIndex.replace(with: times, behind: kept.times)
      return
    }
    guard isFinal || files != nil else {
      for slot in [segment.index.slot, segment.timeIndex.slot] { try empty(slot, fileSystem) }
      segment.index.replace(with: offsets)
      segment.timeIndex.replace(with: times)
      return
    }
    try prepare(isFinal: isFinal)
    try install(fileSystem)
  }

  /// What stands in an old file must not come after what is written next, or a later start would take it for good.
  private func empty(_ slot: FileSlot, _ fileSystem: any FileSystem) throws(Errno) {
    do throws(Errno) {
      let file = try slot.file()
      guard try fileSystem.byteCount(file.descriptor) > 0 else { return }
      try fileSystem.truncate(file.descriptor, to: 0)
      try fileSystem.syncData(file.descriptor)
    } catch {
      if error != .notFound { throw error }
    }
  }

  /// The first half of `finish`: everything is in the new files, with `isFinal` durably.
  mutating func prepare(isFinal: Bool) throws(Errno) {
    if isFinal, let time = indexing.timeEntry(base: segment.baseOffset, tail: tail) { times.append(time) }
    try spill()
    try files?.offsets.finish(syncing: isFinal)
    try files?.times.finish(syncing: isFinal)
  }

  /// The second half: the new files get their names.
  mutating func install(_ fileSystem: any FileSystem) throws(Errno) {
    guard let files else { return }
    try fileSystem.rename(files.offsets.slot.path, to: segment.index.slot.path)
    try fileSystem.rename(files.times.slot.path, to: segment.timeIndex.slot.path)
    segment.index.reload(written: files.offsets.count)
    segment.timeIndex.reload(written: files.times.count)
    files.offsets.slot.letGo()
    files.times.slot.letGo()
  }

  /// The new files before they get their names.
  var temporaryPaths: [String] {
    [segment.index.slot.path + Self.temporarySuffix, segment.timeIndex.slot.path + Self.temporarySuffix]
  }

  /// Moves the entries in memory to the new files.
  private mutating func spill() throws(Errno) {
    if files == nil {
      let offsetSlot = FileSlot(segment.index.slot.path + Self.temporarySuffix, cache)
      let timeSlot = FileSlot(segment.timeIndex.slot.path + Self.temporarySuffix, cache)
      _ = try offsetSlot.file(.replacing)
      _ = try timeSlot.file(.replacing)
      files = (SegmentIndex(offsetSlot, written: 0), SegmentIndex(timeSlot, written: 0))
    }
    for entry in offsets { _ = files!.offsets.append(entry) }
    for entry in times { _ = files!.times.append(entry) }
    offsets.removeAll(keepingCapacity: true)
    times.removeAll(keepingCapacity: true)
    try files!.offsets.writePending()
    try files!.times.writePending()
  }
}
