import KafkaRecords
import SegmentFormat
import TierKit

/// Cutting the log. Rare, so it takes the way on which nothing can go wrong: bytes that readers may hold are never
/// changed. The part of the segment that stays is copied into a new file, which is renamed over the old one.
extension PartitionLog {
  /// Drops every batch that reaches beyond `offset`, durably. Blocks; for the writer only.
  package func truncate(to offset: Int64) throws(TierError) {
    try checkWritable()
    guard offset < state.withLock({ $0.endOffset }) else { return }
    // 1. What stays is durable, and no recovery point vouches for what goes.
    _ = try flush().get()
    try checkpoints.lowerRecoveryPoint(self, to: offset)
    // 2. Where the cut is.
    let (index, entry, first) = state.withLock { state in
      let index = state.segmentIndex(containing: offset)
      return (index, state.segments[index], state.segments[0])
    }
    if offset < first.segment.baseOffset {
      try restart(at: offset)
      return
    }
    let cut = try cutPosition(offset, entry)
    // 3. A copy of what stays, durable under another name.
    let replacement = try copy(entry, upTo: cut)
    // 4. Readers stop seeing what goes.
    let dropped = state.withLock { state -> [SegmentEntry] in
      let dropped = Array(state.segments[(index + 1)...])
      state.segments.removeLast(dropped.count)
      state.noteTruncated(to: replacement.tail, startOffset: min(state.startOffset, replacement.tail.nextOffset))
      return dropped
    }
    // 5. The files, newest first: a crash in between leaves a shorter log, never one with a hole.
    try removeFiles(dropped)
    let old = entry.segment.log.letGo()
    let segment = try replace(entry, with: replacement)
    withExtendedLifetime(old) {}
    // 6. The new file takes over.
    indexing = replacement.indexing
    state.withLock { state in
      var fresh = SegmentEntry(segment: segment, tail: replacement.tail)
      fresh.durableByteCount = fresh.tail.byteCount
      fresh.isNameDurable = true
      state.segments[state.segments.count - 1] = fresh
      state.summarizeSealed()
    }
  }

  private struct Replacement {
    let path: String
    var tail: SegmentTail
    var indexing: IndexingState
  }

  private func cutPosition(_ offset: Int64, _ entry: SegmentEntry) throws(TierError) -> Int64 {
    do throws(ReadStop) {
      let file: OpenFile
      do { file = try entry.segment.log.file() } catch { throw ReadStop(error, entry.segment.log.path) }
      let view = SegmentView(
        segment: entry.segment, byteCount: entry.tail.byteCount, nextOffset: entry.tail.nextOffset, file: file,
        cachedOnly: false)
      return try view.locate(offset)?.position ?? entry.tail.byteCount
    } catch {
      throw TierError(.corrupt, "\(name): cannot find offset \(offset) to truncate to: \(error)")
    }
  }

  /// Copies the first `byteCount` bytes of a log and its indexes into new files and makes them durable.
  private func copy(_ entry: SegmentEntry, upTo byteCount: Int64) throws(TierError) -> Replacement {
    let path = entry.segment.log.path + IndexRebuild.temporarySuffix
    return try naming("copy", entry.segment.log.path) { () throws(Errno) in
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
      return Replacement(
        path: path, tail: SegmentTail(nextOffset: entry.segment.baseOffset), indexing: IndexingState())
    }.indexed(by: self, byteCount: byteCount, entry)
  }
}

extension LogState {
  /// The last segment was cut to what `tail` says.
  fileprivate mutating func noteTruncated(to tail: SegmentTail, startOffset: Int64) {
    let last = segments.count - 1
    segments[last].tail = tail
    segments[last].durableByteCount = tail.byteCount
    segments[last].dirtyFile = nil
    self.startOffset = startOffset
    durableEnd = min(durableEnd, tail.nextOffset)
    epochs.truncate(to: tail.nextOffset)
    boundaries.forgetAll()
    truncations += 1
    summarizeSealed()
  }
}
