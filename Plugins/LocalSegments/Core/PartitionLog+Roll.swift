import SegmentFormat
import TierKit

/// Beginning and ending segments. All of it blocks and is for the writer only.
extension PartitionLog {
  /// Creates the files of an empty segment. It is published by the caller; its name becomes durable with the next
  /// flush.
  func createSegment(at baseOffset: Int64) throws(TierError) -> SegmentEntry {
    let segment = Segment(directory, baseOffset: baseOffset, .created, context.descriptors)
    do {
      _ = try segment.createFiles()
    } catch {
      // What was created is removed again; a rest is emptied when the same segment is created the next time.
      do throws(Errno) { try segment.removeFiles(fileSystem) } catch {
        log(.warning, "Files of a segment that could not be created remain.", [("file", segment.log.path)])
      }
      throw TierError(error, "create", segment.log.path)
    }
    return SegmentEntry(segment: segment, tail: SegmentTail(nextOffset: baseOffset))
  }

  /// Completes the indexes of a segment that gets no more batches and gives back what was reserved behind its log.
  /// A failure only makes lookups slower, so it is logged; false tells that no start may trust them.
  @discardableResult
  func finishIndexes(_ entry: SegmentEntry, syncing: Bool) -> Bool {
    let segment = entry.segment
    do throws(Errno) {
      if let time = indexing.timeEntry(base: segment.baseOffset, tail: entry.tail) {
        _ = segment.timeIndex.append(time)
      }
      try segment.index.finish(syncing: syncing)
      try segment.timeIndex.finish(syncing: syncing)
      if let file = entry.dirtyFile ?? segment.log.ifOpen() {
        try segment.endReservation(file, size: entry.tail.byteCount)
      }
      return true
    } catch {
      segment.areIndexesIncomplete.store(true, ordering: .releasing)
      log(
        .warning, "The indexes of a segment could not be completed; they are rebuilt at the next start.",
        [("file", segment.log.path), ("error", error.description)])
      return false
    }
  }

  /// Moves pending index entries to the files while the segment is active.
  func writePendingIndexes(_ segment: Segment) {
    do throws(Errno) {
      try segment.index.writePending()
      try segment.timeIndex.writePending()
    } catch {
      log(
        .debug, "Index entries could not be written and stay in memory.",
        [("file", segment.log.path), ("error", error.description)])
    }
  }

  /// Seals the active segment durably and begins another; nothing when it is empty.
  package func seal() throws(TierError) {
    try checkWritable()
    let entry = published.withLock { $0.segments[$0.segments.count - 1] }
    guard entry.tail.byteCount > 0 else { return }
    let fresh = try createSegment(at: entry.tail.nextOffset)
    let isIndexed = finishIndexes(entry, syncing: true)
    indexing = IndexingState()
    published.withLock { state in
      state.segments.append(fresh)
      state.summarizeSealed()
    }
    _ = try flush().get()
    try naming("sync", directory) { () throws(Errno) in try fileSystem.syncDirectory(directory) }
    // The sealed segment may be gone: it could be copied and evicted as soon as it was published.
    published.withLock { state in
      for index in state.segments.indices {
        if state.segments[index].segment === fresh.segment { state.segments[index].isNameDurable = true }
        if state.segments[index].segment === entry.segment { state.segments[index].areIndexesDurable = isIndexed }
      }
    }
  }
}
