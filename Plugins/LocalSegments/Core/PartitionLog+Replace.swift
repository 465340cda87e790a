import SegmentFormat
import TierAPI
import TierKit

/// Replacing sealed segments by a compacted one, as Kafka does: the new one is written and synced under another name, a
/// durable rename decides, and the rest can be finished by a restart (``SwapRecovery``).
///
///  1. `.log.cleaned` and its indexes are written, checked and synced. A crash: they go, nothing has happened.
///  2. Readers are bound to the old files' descriptors, so that no path is opened any more; entries of the commit log
///     for the old files are released.
///  3. `.log.cleaned` becomes `.log.swap`, durably. From here on the new segment counts; a crash: the restart goes on
///     here.
///  4. The old segments' files and the old indexes go, durably.
///  5. `.log.swap` becomes `.log`, the new indexes take their places, durably.
///  6. Readers see the new segment. Who still reads the old ones holds their descriptors.
///
/// Runs beside appends, seals, flushes and reads; never beside another change of which segments there are (`tier.h`).
extension PartitionLog {
  package func replaceSegments(
    _ range: Range<Int64>, with extents: UnsafeBufferPointer<chronik_extent>
  ) throws(TierError) {
    try checkWritable()
    let old = try segmentsToReplace(range)
    // What is replaced must be durable in its files: the new segment claims to be.
    if published.withLock({ $0.filedEnd }) < range.upperBound { _ = try flush().get() }
    var rewrite = SegmentRewrite(
      range, directory: directory, interval: settings.indexIntervalBytes, context)
    do throws(TierError) {
      try rewrite.write(extents)
      try bindReaders(to: old)
      try releaseEntries(below: range.upperBound)
    } catch {
      rewrite.discard()
      throw error
    }
    let rename = Result { () throws(Errno) in try fileSystem.rename(rewrite.cleanedPath, to: rewrite.swapPath) }
    if case .failure(let error) = rename {
      rewrite.discard()
      throw TierError(error, "rename", rewrite.cleanedPath)
    }
    do throws(Errno) {
      try fileSystem.syncDirectory(directory)
      try removeReplaced(old)
      try fileSystem.rename(rewrite.swapPath, to: rewrite.segment.log.path)
      try rewrite.installIndexes()
      try fileSystem.syncDirectory(directory)
      _ = try rewrite.segment.log.file()
    } catch {
      // Whether the rename is on disk is not known. Readers go on with the old files; nothing may be written before a
      // restart has decided.
      throw poison("an exchange of segments stopped half way: \(error)")
    }
    publish(rewrite, in: old)
  }

  /// Nothing in the commit log may bring back bytes of the old files: they have the names of the new one. What else
  /// lies below is in its files, because they were flushed.
  private func releaseEntries(below offset: Int64) throws(TierError) {
    published.withLock { $0.releases += 1 }
    try context.commitLog.release(id, below: offset)
  }

  /// The sealed segments that cover exactly the range.
  private func segmentsToReplace(_ range: Range<Int64>) throws(TierError) -> [SegmentEntry] {
    let found = published.withLock { state in
      state.segments.dropLast().filter {
        $0.segment.baseOffset < range.upperBound && $0.tail.nextOffset > range.lowerBound
      }
    }
    guard let first = found.first, first.segment.baseOffset == range.lowerBound,
      found[found.count - 1].tail.nextOffset == range.upperBound
    else {
      throw TierError(
        .permanent, "\(name): [\(range.lowerBound), \(range.upperBound)) is not made of whole sealed segments")
    }
    return Array(found)
  }

  /// Opens the old logs and keeps them open in the published state. Whoever looked at the state before and opens a path
  /// after this finds that files have changed and looks again.
  private func bindReaders(to old: [SegmentEntry]) throws(TierError) {
    var files: [OpenFile] = []
    for entry in old {
      files.append(try naming("open", entry.segment.log.path) { () throws(Errno) in try entry.segment.log.file() })
    }
    published.withLock { state in
      state.fileChanges += 1
      for (entry, file) in zip(old, files) {
        guard let index = state.segments.firstIndex(where: { $0.segment === entry.segment }) else { continue }
        state.segments[index].dirtyFile = file
      }
    }
  }

  /// Removes the names of the old segments but that of the first log, which the new one takes over.
  private func removeReplaced(_ old: [SegmentEntry]) throws(Errno) {
    for entry in old.dropFirst() { try entry.segment.removeFiles(fileSystem) }
    for path in [old[0].segment.index.slot.path, old[0].segment.timeIndex.slot.path] {
      do { try fileSystem.remove(path) } catch {
        if error != .notFound { throw error }
      }
    }
    try fileSystem.syncDirectory(directory)
  }

  private func publish(_ rewrite: SegmentRewrite, in old: [SegmentEntry]) {
    var entry = SegmentEntry(segment: rewrite.segment, tail: rewrite.rebuild.tail)
    entry.durableByteCount = entry.tail.byteCount
    entry.isNameDurable = true
    entry.areIndexesDurable = true
    published.withLock { state in
      guard let first = state.segments.firstIndex(where: { $0.segment === old[0].segment }) else {
        preconditionFailure("segments went while they were replaced")
      }
      state.segments.replaceSubrange(first..<(first + old.count), with: [entry])
      state.fileChanges += 1
      state.boundaries.forgetAll()
      state.summarizeSealed()
    }
    for entry in old {
      entry.segment.log.letGo()
      entry.segment.index.slot.letGo()
      entry.segment.timeIndex.slot.letGo()
    }
    resolveNewestTimestamp()
  }
}
