import KafkaRecords
import SegmentFormat
import TierKit

/// Cutting the log. Rare, so it takes the way on which nothing can go wrong: bytes that readers may hold are never
/// changed. The part of the segment that stays is copied into a new file, which is renamed over the old one.
extension PartitionLog {
  /// Drops every batch that reaches beyond `offset`, durably. Blocks; for the writer only.
  package func truncate(to offset: Int64) throws(TierError) {
    try checkWritable()
    guard offset < published.withLock({ $0.endOffset }) else { return }
    // 1. What stays is durable in its files, nothing in the commit log can bring back what goes, and no recovery point
    //    vouches for it.
    _ = try flush().get()
    published.withLock { $0.releases += 1 }
    try context.commitLog.release(id, below: .max)
    try checkpoints.lowerRecoveryPoint(self, to: offset)
    let (entry, start, first) = published.withLock { state in
      (state.segments[state.segmentIndex(containing: offset)], state.startOffset, state.segments[0].segment.baseOffset)
    }
    if offset < first {
      try restart(at: offset)
    } else {
      // 2. A copy of what stays in the segment that is cut, durable under another name.
      let cut = try cutPosition(offset, entry)
      var replacement = try copy(entry, upTo: cut)
      // 3. Readers stop seeing what goes; 4. its files go and the copy takes over.
      let dropped = publishCut(entry, replacement.rebuild.tail)
      try takeOver(&replacement, dropped)
    }
    let newStart = published.withLock { $0.startOffset }
    if newStart < start { try checkpoints.saveLogStart(self, newStart) }
    resolveNewestTimestamp()
  }

  private struct Replacement {
    let path: String
    let segment: Segment
    var rebuild: IndexRebuild
  }

  private func cutPosition(_ offset: Int64, _ entry: SegmentEntry) throws(TierError) -> Int64 {
    do throws(ReadStop) {
      return try blockingView(entry).locate(offset)?.position ?? entry.tail.byteCount
    } catch {
      throw TierError(.corrupt, "\(name): cannot find offset \(offset) to truncate to: \(error)")
    }
  }

  /// Copies the first `byteCount` bytes of a log into a new file, makes it durable and computes its indexes.
  private func copy(_ entry: SegmentEntry, upTo byteCount: Int64) throws(TierError) -> Replacement {
    let path = entry.segment.log.path + IndexRebuild.temporarySuffix
    let segment = Segment(directory, baseOffset: entry.segment.baseOffset, .found, context.descriptors)
    do throws(Errno) {
      let source = try entry.segment.log.file()
      let target = try OpenFile(path, .replacing, fileSystem)
      let buffer = context.buffers.take()
      defer { context.buffers.put(buffer) }
      var position: Int64 = 0
      while position < byteCount {
        let count = Int(min(Int64(buffer.bytes.count), byteCount - position))
        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
        try fileSystem.readFully(source.descriptor, at: position, into: piece)
        try fileSystem.writeFully(target.descriptor, UnsafeRawBufferPointer(piece), at: position)
        position += Int64(count)
      }
      try fileSystem.syncData(target.descriptor)
      let rebuild = IndexRebuild(segment, interval: settings.indexIntervalBytes, context.descriptors)
      var replacement = Replacement(path: path, segment: segment, rebuild: rebuild)
      try index(&replacement.rebuild, target, byteCount)
      return replacement
    } catch {
      throw TierError(error, "copy for truncation", entry.segment.log.path)
    }
  }

  private func index(_ rebuild: inout IndexRebuild, _ file: OpenFile, _ byteCount: Int64) throws(Errno) {
    let buffer = context.buffers.take()
    defer { context.buffers.put(buffer) }
    var scanner = LogScanner(
      RecoverySource(file: file), to: byteCount, expectedOffset: rebuild.tail.nextOffset, borrowing: buffer.bytes)
    while true {
      switch try scanner.next() {
      case .batch(let header, let position): try rebuild.note(header, at: position)
      case .end: return
      case .damage: throw .inputOutput
      }
    }
  }

  /// Returns the segments that are gone.
  private func publishCut(_ entry: SegmentEntry, _ tail: SegmentTail) -> [SegmentEntry] {
    published.withLock { state in
      let index = state.segmentIndex(containing: entry.segment.baseOffset)
      let dropped = Array(state.segments[(index + 1)...])
      state.segments.removeLast(dropped.count)
      state.segments[index].tail = tail
      state.segments[index].durableByteCount = tail.byteCount
      state.segments[index].loggedByteCount = 0
      state.segments[index].dirtyFile = nil
      state.noteTruncated(to: tail.nextOffset)
      return dropped
    }
  }

  /// Removes files newest first, so that a crash in between leaves a shorter log and never one with a hole, and renames
  /// the copy over the log. A failure is final: file and state would differ.
  private func takeOver(_ replacement: inout Replacement, _ dropped: [SegmentEntry]) throws(TierError) {
    do throws(Errno) {
      for entry in dropped.reversed() {
        try entry.segment.removeFiles(fileSystem)
        try fileSystem.syncDirectory(directory)
      }
      try fileSystem.rename(replacement.path, to: replacement.segment.log.path)
      try replacement.rebuild.finish(isFinal: false, fileSystem)
      try fileSystem.syncDirectory(directory)
      _ = try replacement.segment.log.file()
    } catch {
      throw poison("truncation stopped half way: \(error)")
    }
    indexing = replacement.rebuild.indexing
    let fresh = replacement.segment
    let tail = replacement.rebuild.tail
    published.withLock { state in
      var entry = SegmentEntry(segment: fresh, tail: tail)
      entry.durableByteCount = tail.byteCount
      entry.isNameDurable = true
      state.segments[state.segments.count - 1] = entry
      state.truncations += 1
      state.fileChanges += 1
    }
  }

  /// Drops everything and begins again, empty, below what was held.
  private func restart(at offset: Int64) throws(TierError) {
    var fresh = try createSegment(at: offset)
    fresh.isNameDurable = true
    try naming("sync", directory) { () throws(Errno) in try fileSystem.syncDirectory(directory) }
    indexing = IndexingState()
    let dropped = published.withLock { state -> [SegmentEntry] in
      defer {
        state.segments = [fresh]
        state.noteTruncated(to: offset)
      }
      return state.segments
    }
    do throws(Errno) {
      for entry in dropped.reversed() { try entry.segment.removeFiles(fileSystem) }
      try fileSystem.syncDirectory(directory)
    } catch {
      throw poison("truncation stopped half way: \(error)")
    }
  }
}

extension LogState {
  /// The log ends at `end` now, which is durable.
  fileprivate mutating func noteTruncated(to end: Int64) {
    startOffset = min(startOffset, end)
    durableEnd = end
    filedEnd = end
    filedTail = nil
    epochs.truncate(to: end)
    boundaries.forgetAll()
    truncations += 1
    fileChanges += 1
    summarizeSealed()
  }
}
