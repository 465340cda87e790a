import SegmentFormat
import TierKit

/// Letting go of the oldest data. Readers stop seeing a segment before its files go; files that readers hold stay
/// readable until they let go. All of it blocks and is for the writer only, except that `evict` may run beside appends.
extension PartitionLog {
  /// Raises the start to `offset` durably and deletes segments that end at or below it, never the active one.
  package func advanceStart(to offset: Int64) throws(TierError) {
    let (start, end, durableEnd) = published.withLock { ($0.startOffset, $0.endOffset, $0.durableEnd) }
    guard offset > start else { return }
    guard offset <= end else {
      throw TierError(.permanent, "\(name): the start cannot move to \(offset), the log ends at \(end)")
    }
    // What survives power loss must reach the new start.
    if durableEnd < offset { _ = try flush().get() }
    let isSegmentStart = published.withLock { state in
      state.segments[state.segmentIndex(containing: offset)].segment.baseOffset == offset
    }
    if !isSegmentStart { try checkpoints.saveLogStart(self, offset) }
    try drop(below: offset, newStart: offset)
  }

  /// Lets go of sealed segments that end at or below `offset`; the start rises to the first one left.
  package func evict(before offset: Int64) throws(TierError) {
    let start = published.withLock { state -> Int64 in
      let sealed = state.segments.dropLast()
      let first = sealed.firstIndex { $0.tail.nextOffset > offset } ?? sealed.count
      return max(state.startOffset, state.segments[first].segment.baseOffset)
    }
    guard start > published.withLock({ $0.startOffset }) else { return }
    if published.withLock({ $0.durableEnd }) < start { _ = try flush().get() }
    try drop(below: start, newStart: start)
  }

  /// Publishes the new start without the segments that end at or below it, then removes their files, oldest first, so
  /// that what is left after a crash is always one piece.
  private func drop(below offset: Int64, newStart: Int64) throws(TierError) {
    let dropped = published.withLock { state -> [SegmentEntry] in
      let count = state.segments.dropLast().prefix { $0.tail.nextOffset <= offset }.count
      let dropped = Array(state.segments.prefix(count))
      state.segments.removeFirst(count)
      state.startOffset = newStart
      state.durableEnd = max(state.durableEnd, newStart)
      // What lies below the start in a segment that stays must still reach its file, or the end would move back.
      state.filedEnd = max(state.filedEnd, state.segments[0].segment.baseOffset)
      state.releases += 1
      state.epochs.advanceStart(to: newStart)
      state.summarizeSealed()
      return dropped
    }
    defer { resolveNewestTimestamp() }
    guard !dropped.isEmpty else { return }
    do throws(TierError) {
      let first = published.withLock { $0.segments[0].segment.baseOffset }
      try context.commitLog.release(id, below: first)
      try naming("remove segments from", directory) { () throws(Errno) in
        for entry in dropped { try entry.segment.removeFiles(fileSystem) }
        try fileSystem.syncDirectory(directory)
      }
    } catch {
      // The files may come back at the next start; the checkpoint keeps them out of the log then.
      log(.warning, "Files of deleted segments could not be removed.", [("error", error.message)])
      published.withLock { $0.hasLeftovers = true }
      try checkpoints.saveLogStart(self, newStart)
    }
  }

  /// Makes the reported largest timestamp that of a batch that can be read, with its offset: batches below the start do
  /// not count any more, and a segment found on disk knows its largest time but not yet whose it is. Blocks; for the
  /// writer only. A failure leaves the numbers as they are.
  func resolveNewestTimestamp() {
    do throws(ReadStop) {
      let (first, start) = published.withLock { ($0.segments[0], $0.startOffset) }
      if first.segment.baseOffset < start, first.tail.maxTimestamp >= 0, first.tail.maxTimestampLast < start {
        setNewest(of: first, try newest(in: first, from: start))
      }
      let newestEntry = published.withLock { state -> SegmentEntry? in
        guard let index = state.maxTimestampIndex, state.segments[index].tail.maxTimestampBase < 0 else { return nil }
        return state.segments[index]
      }
      guard let entry = newestEntry else { return }
      let range = max(entry.segment.baseOffset, start)..<max(entry.tail.nextOffset, start)
      if let batch = try blockingView(entry).firstBatch(reaching: entry.tail.maxTimestamp, in: range) {
        setNewest(of: entry, batch)
      }
    } catch {
      log(.debug, "The batch with the largest timestamp could not be found.", [("error", "\(error)")])
    }
  }

  func blockingView(_ entry: SegmentEntry) throws(ReadStop) -> SegmentView {
    do {
      return SegmentView(
        segment: entry.segment, byteCount: entry.tail.byteCount, nextOffset: entry.tail.nextOffset,
        file: try entry.segment.log.file(), cachedOnly: false)
    } catch {
      throw ReadStop(error, entry.segment.log.path)
    }
  }

  /// The first batch with the largest timestamp among those that reach `start`; nil when there is none.
  private func newest(in entry: SegmentEntry, from start: Int64) throws(ReadStop) -> LocatedBatch? {
    let view = try blockingView(entry)
    guard let first = try view.locate(start) else { return nil }
    var scanner = view.scanner(from: first.position, expectedOffset: first.header.baseOffset)
    var best: LocatedBatch?
    while let batch = try view.nextBatch(&scanner) {
      if batch.header.maxTimestamp > (best?.header.maxTimestamp ?? -1) { best = batch }
    }
    return best
  }

  private func setNewest(of entry: SegmentEntry, _ batch: LocatedBatch?) {
    published.withLock { state in
      guard let index = state.segments.firstIndex(where: { $0.segment === entry.segment }) else { return }
      // An append beside this may have brought a newer one.
      let tail = state.segments[index].tail
      guard tail.maxTimestamp == entry.tail.maxTimestamp, tail.maxTimestampBase == entry.tail.maxTimestampBase else {
        return
      }
      state.segments[index].tail.maxTimestamp = batch?.header.maxTimestamp ?? -1
      state.segments[index].tail.maxTimestampBase = batch?.header.baseOffset ?? -1
      state.segments[index].tail.maxTimestampLast = batch?.header.lastOffset ?? -1
      state.summarizeSealed()
    }
  }
}
