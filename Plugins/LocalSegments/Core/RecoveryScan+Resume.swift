import KafkaRecords
import SegmentFormat

/// Beginning a scan at the recovery point, so that a start after a crash takes as long as what was not durable is
/// large, and not as long as the segments are.
extension RecoveryScan {
  /// What the scan of the last segment goes on from: its tail up to the recovery point, and the indexes as far as they
  /// are good. nil when the segment has to be read from its beginning.
  ///
  /// The checkpoint says at which byte the recovery point lies. It is believed when the batch headers from the last
  /// good index entry on lead to exactly that byte and offset; the batches below are durable and are not checked. Index
  /// entries are good as long as they rise and stay below the recovery point: what power loss leaves of others is zeros
  /// or missing.
  func resume(_ segment: Segment, _ file: OpenFile, fileByteCount: Int64) throws(Errno) -> IndexRebuild? {
    guard mayResume, let known = recovery.known.tail, known.segmentBase == segment.baseOffset,
      segment.baseOffset == bases[bases.count - 1], known.recoveryPoint == recovery.recoveryPoint,
      known.position <= fileByteCount
    else { return nil }
    let end = known.recoveryPoint - segment.baseOffset
    let offsets = try goodEntries(segment.index) {
      Int64($0.position) < known.position && Int64($0.relativeOffset) < end
    }
    let times = try goodEntries(segment.timeIndex) {
      $0.timestamp >= 0 && $0.timestamp <= known.maxTimestamp && Int64($0.relativeOffset) < end
    }
    guard let offsets, let times else { return nil }
    return try walk(segment, file, known, offsets, times)
  }

  private struct GoodEntries<Entry: IndexEntry> {
    var count = 0
    var last: Entry?
  }

  /// The entries from the first one on that rise and fulfil `isGood`; the file is cut behind them, durably, so that no
  /// later start meets the rest. nil without a file.
  private func goodEntries<Entry: IndexEntry>(
    _ index: SegmentIndex<Entry>, _ isGood: (Entry) -> Bool
  ) throws(Errno) -> GoodEntries<Entry>? {
    let file: OpenFile
    do throws(Errno) { file = try OpenFile(index.slot.path, .existing, fileSystem) } catch {
      if error == .notFound { return nil }
      throw error
    }
    let size = try fileSystem.byteCount(file.descriptor)
    let buffer = recovery.context.buffers.take()
    defer { recovery.context.buffers.put(buffer) }
    var found = GoodEntries<Entry>()
    var position: Int64 = 0
    let pieceByteCount = buffer.bytes.count / Entry.byteCount * Entry.byteCount
    read: while size - position >= Int64(Entry.byteCount) {
      let count = Int(min(Int64(pieceByteCount), size - position)) / Entry.byteCount * Entry.byteCount
      try fileSystem.readFully(
        file.descriptor, at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count]))
      for start in stride(from: 0, to: count, by: Entry.byteCount) {
        let entry = Entry(bytes: UnsafeRawPointer(buffer.bytes.baseAddress! + start))
        guard isGood(entry), found.last.map({ entry.follows($0) }) ?? true else { break read }
        found.count += 1
        found.last = entry
      }
      position += Int64(count)
    }
    let good = Int64(found.count * Entry.byteCount)
    if size > good {
      try fileSystem.truncate(file.descriptor, to: good)
      try fileSystem.syncData(file.descriptor)
    }
    return found
  }

  /// Walks over the headers from the last good entry to the recovery point and computes the entries between.
  private func walk(
    _ segment: Segment, _ file: OpenFile, _ known: RecoveryTail, _ offsets: GoodEntries<OffsetIndexEntry>,
    _ times: GoodEntries<TimeIndexEntry>
  ) throws(Errno) -> IndexRebuild? {
    let start = offsets.last.map { Int64($0.position) } ?? 0
    guard start >= 0 else { return nil }
    var tail = SegmentTail(nextOffset: segment.baseOffset)
    tail.byteCount = start
    tail.maxTimestamp = known.maxTimestamp
    tail.maxTimestampLast = known.maxTimestampLast
    tail.firstTimestamp = known.firstTimestamp
    var rebuild = IndexRebuild(
      continuing: segment, interval: recovery.settings.indexIntervalBytes, recovery.context.descriptors,
      kept: (offsets.count, times.count),
      indexing: IndexingState(bytesSinceEntry: 0, lastTime: times.last, entryCount: offsets.count), tail: tail)
    var scanner = LogScanner(
      RecoverySource(file: file), from: start, to: known.position, expectedOffset: segment.baseOffset,
      verifiesChecksums: false, bufferByteCount: Limits.headerScanByteCount)
    var isFirst = true
    while case .batch(let header, let position) = try scanner.next() {
      if isFirst, let last = offsets.last, header.lastOffset - segment.baseOffset != Int64(last.relativeOffset) {
        return nil
      }
      isFirst = false
      guard header.lastOffset - segment.baseOffset <= Int64(Int32.max) else { return nil }
      try rebuild.note(header, at: position)
    }
    guard rebuild.tail.byteCount == known.position, rebuild.tail.nextOffset == known.recoveryPoint,
      rebuild.tail.maxTimestamp == known.maxTimestamp
    else { return nil }
    return rebuild
  }
}
