import SegmentFormat
import TierAPI
import TierKit

/// A run of whole batches in an open file. `file` keeps the descriptor open.
package struct FileRegion: Sendable {
  package let file: OpenFile
  package let position: Int64
  package let byteCount: Int
  package var descriptor: Int32 { file.descriptor }
}

/// What a read found.
package struct LogSlice: Sendable {
  package var startOffset: Int64 = -1
  package var nextOffset: Int64 = -1
  package var byteCount = 0
}

/// Reading. A read answers with regions of the log files, found through the index; record bytes are not copied.
///
/// A nonblocking read answers only when index, headers and the whole region are in the page cache. A blocking one takes
/// it that the bytes come from the disk and checks every batch's checksum before it hands the region out.
extension PartitionLog {
  /// Adds regions to `regions`, at most `limit`, one per segment. `.ok` with none: the first batch is too large or not
  /// visible.
  package func read(
    _ request: ReadRequest, limit: Int, _ regions: (FileRegion) -> Void
  ) throws(TierError) -> (outcome: ReadOutcome, slice: LogSlice) {
    do throws(ReadStop) {
      return try attempt(request, limit: limit, regions)
    } catch {
      switch error {
      case .wouldBlock: return (.wouldBlock, LogSlice())
      case .failed(let errno, let path): throw TierError(errno, "read", path)
      case .damaged(let reason, let path, let position):
        throw TierError(.corrupt, "\(path) byte \(position): \(reason)")
      }
    }
  }

  private func attempt(
    _ request: ReadRequest, limit: Int, _ regions: (FileRegion) -> Void
  ) throws(ReadStop) -> (outcome: ReadOutcome, slice: LogSlice) {
    var slice = LogSlice()
    var wanted = request.offset
    var fileChanges: Int?
    for number in 0..<max(1, limit) {
      let budget = request.maxBytes - slice.byteCount
      do throws(ReadStop) {
        guard let (look, part) = try find(wanted, request, budget: budget, isFirst: number == 0) else {
          return number == 0 ? (.miss, slice) : (.ok, slice)
        }
        // What was added to the answer may be cut off by now and followed by other batches.
        if let fileChanges, fileChanges != look.fileChanges { return (.ok, slice) }
        fileChanges = look.fileChanges
        guard let part else { return (.ok, slice) }
        let view = look.view
        regions(FileRegion(file: view.file, position: part.start, byteCount: Int(part.end - part.start)))
        if number == 0 { slice.startOffset = min(part.baseOffset, request.offset) }
        slice.nextOffset = part.nextOffset
        slice.byteCount += Int(part.end - part.start)
        guard part.end == view.byteCount, slice.byteCount < request.maxBytes else { return (.ok, slice) }
        wanted = part.nextOffset
      } catch {
        // What was found before stands; the next read meets the trouble at its start.
        if number > 0 { return (.ok, slice) }
        throw error
      }
    }
    return (.ok, slice)
  }

  /// What a reader looks at, and the count of file changes at the moment it was taken from the state.
  private struct Look {
    let view: SegmentView
    let known: (start: Int64?, end: Int64?)
    let fileChanges: Int
  }

  /// The run of batches at `wanted` in one segment; nil when the offset is not held, without a part when the first
  /// batch is too large or not visible.
  ///
  /// A truncation or a replacement beside this gives the segment's paths to other files, the index among them: what was
  /// found, good or bad, counts only if none began or ended since the state was looked at.
  private func find(
    _ wanted: Int64, _ request: ReadRequest, budget: Int, isFirst: Bool
  ) throws(ReadStop) -> (look: Look, part: Part?)? {
    for _ in 0..<Limits.lookUpAttempts {
      guard let look = try look(for: wanted, request) else { return nil }
      do throws(ReadStop) {
        let part = try region(of: wanted, look.view, look.known, request, budget: budget, isFirst: isFirst)
        let isValid = published.withLock { state in
          guard state.fileChanges == look.fileChanges else { return false }
          if let part { state.boundaries.remember(part.nextOffset, base: look.view.baseOffset, position: part.end) }
          return true
        }
        if isValid { return (look, part) }
      } catch {
        if published.withLock({ $0.fileChanges }) == look.fileChanges { throw error }
      }
    }
    throw .failed(.wouldBlock, path: directory)
  }

  /// The segment that holds the next batch at or above `offset`; nil when the offset is not held.
  private func look(for offset: Int64, _ request: ReadRequest) throws(ReadStop) -> Look? {
    // A segment that was deleted between the look at the state and the opening of its file is looked up again. So is
    // one whose path leads to another file since a truncation or a replacement: what was opened must be what was looked
    // up.
    for attempt in 1...Limits.lookUpAttempts {
      let found = published.withLock {
        state -> (entry: SegmentEntry, known: (start: Int64?, end: Int64?), changes: Int)? in
        guard offset >= state.startOffset, offset < state.endOffset else { return nil }
        var index = state.segmentIndex(containing: offset)
        while offset >= state.segments[index].tail.nextOffset, index + 1 < state.segments.count { index += 1 }
        let entry = state.segments[index]
        let base = entry.segment.baseOffset
        let start = state.boundaries.position(of: offset, base: base)
        let end = state.boundaries.position(of: request.endOffset, base: base)
        return (entry, (start, end), state.fileChanges)
      }
      guard let (entry, known, changes) = found else { return nil }
      do throws(Errno) {
        let open = entry.dirtyFile ?? entry.segment.log.ifOpen()
        if open == nil, request.nonblocking { throw .wouldBlock }
        let file = if let open { open } else { try entry.segment.log.file() }
        if entry.dirtyFile == nil, published.withLock({ $0.fileChanges }) != changes { continue }
        let view = SegmentView(
          segment: entry.segment, byteCount: entry.tail.byteCount, nextOffset: entry.tail.nextOffset, file: file,
          cachedOnly: request.nonblocking)
        return Look(view: view, known: known, fileChanges: changes)
      } catch {
        if error == .notFound, attempt < Limits.lookUpAttempts { continue }
        throw ReadStop(error, entry.segment.log.path)
      }
    }
    throw .failed(.wouldBlock, path: directory)
  }

  private struct Part {
    var start: Int64
    var end: Int64
    var baseOffset: Int64
    var nextOffset: Int64
  }

  private func region(
    of wanted: Int64, _ view: SegmentView, _ known: (start: Int64?, end: Int64?), _ request: ReadRequest, budget: Int,
    isFirst: Bool
  ) throws(ReadStop) -> Part? {
    guard let first = try view.locate(wanted, known: known.start) else {
      throw .damaged("no batch holds offset \(wanted)", path: view.file.path, position: view.byteCount)
    }
    guard first.header.baseOffset < request.endOffset else { return nil }
    let isTooLarge = first.header.byteCount > budget
    if isTooLarge, !(isFirst && request.minOneBatch) { return nil }
    let limit = isTooLarge ? first.end : first.position + min(view.byteCount - first.position, Int64(budget))
    var end = try view.runEnd(after: first, limit: limit, endOffset: request.endOffset, known: known.end)
    if request.nonblocking {
      let count = Int(end.position - first.position)
      guard fileSystem.isCached(view.file.descriptor, at: first.position, byteCount: count) else { throw .wouldBlock }
    } else {
      end = try verified(view, first, end)
    }
    return Part(
      start: first.position, end: end.position, baseOffset: first.header.baseOffset, nextOffset: end.nextOffset)
  }

  /// Reads the run from the disk and checks every batch. A bad batch ends the run before it; a bad first one is an
  /// error.
  private func verified(
    _ view: SegmentView, _ first: LocatedBatch, _ end: (position: Int64, nextOffset: Int64)
  ) throws(ReadStop) -> (position: Int64, nextOffset: Int64) {
    fileSystem.readAhead(view.file.descriptor, at: first.position, byteCount: Int(end.position - first.position))
    let buffer = context.buffers.take()
    defer { context.buffers.put(buffer) }
    var scanner = LogScanner(
      LogSource(file: view.file, cachedOnly: false), from: first.position, to: end.position,
      expectedOffset: first.header.baseOffset, borrowing: buffer.bytes)
    var good: (position: Int64, nextOffset: Int64)?
    while true {
      switch try scanner.next() {
      case .batch(let header, let position):
        good = (position + Int64(header.byteCount), header.nextOffset)
      case .end: return end
      case .damage(let damage, let position):
        log(
          .error, "A batch on disk is damaged.",
          [("file", view.file.path), ("byte", String(position)), ("reason", damage.description)])
        guard let good else { throw .damaged(damage.description, path: view.file.path, position: position) }
        return good
      }
    }
  }
}
