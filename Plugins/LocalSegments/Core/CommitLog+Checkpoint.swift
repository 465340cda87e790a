import SegmentFormat
import TierKit

/// Making segment files durable behind the log, so that its files can be used again.
extension CommitLog {
  /// Syncs the segment files of all partitions with entries in sealed files, then frees those. With `includingCurrent`
  /// the current file is sealed first. Blocks; beside flushes, from any thread, but never from one that holds
  /// `writing`.
  func checkpoint(includingCurrent: Bool) {
    filing.withLock { hasEnded in
      if hasEnded { return }
      let (files, hasFailed) = writing.withLock { state -> ([File], Bool) in
        if includingCurrent { sealCurrent(&state) }
        return (state.files.filter { $0.state == .sealed }, state.failure != nil)
      }
      if files.isEmpty { return }
      let failed = fileAway(files)
      if hasFailed {
        if failed.isEmpty { discard() } else { keepForNextStart() }
        return
      }
      for file in files {
        if file.partitions.contains(where: { failed.contains(ObjectIdentifier($0)) }) { return keepForNextStart() }
        guard free(file) else { return keepForNextStart() }
      }
    }
  }

  /// Syncs what is dirty of all partitions; returns those that could not be synced.
  private func fileAway(_ files: [File]) -> Set<ObjectIdentifier> {
    var seen: Set<ObjectIdentifier> = []
    let logs = files.flatMap(\.partitions).filter { seen.insert(ObjectIdentifier($0)).inserted }
    // All write-back first, so that the disk sees one long queue, and the file system one transaction, before the first
    // sync waits.
    workers.run(logs.count) { logs[$0].startWriteback() }
    var isFiled = [Bool](repeating: false, count: logs.count)
    isFiled.withUnsafeMutableBufferPointer { slots in
      // Each index is written by the one thread that files it.
      nonisolated(unsafe) let slots = slots
      workers.run(logs.count) { slots[$0] = logs[$0].fileAway() }
    }
    return Set(zip(logs, isFiled).compactMap { log, isFiled in isFiled ? nil : ObjectIdentifier(log) })
  }

  /// Raises the generation of a sealed file, durably, after which nothing in it counts. False when that fails.
  private func free(_ sealed: File) -> Bool {
    let generation = writing.withLock { state -> UInt64 in
      state.lastGeneration += 1
      return state.lastGeneration
    }
    do throws(Errno) {
      try writeHeader(sealed.file, generation)
    } catch {
      host.log(
        .error, "A file of the commit log cannot be used again.", [("file", sealed.file.path), ("error", "\(error)")])
      return false
    }
    writing.withLock { state in
      guard let index = state.files.firstIndex(where: { $0.generation == sealed.generation }) else { return }
      var file = state.files.remove(at: index)
      file.generation = generation
      file.state = .free
      file.partitions = []
      state.files.insert(file, at: 0)
      state.entries = state.entries.filter { $0.value != sealed.generation }
    }
    return true
  }

  /// No file after this one is freed any more: acknowledged bytes may have no other durable copy.
  private func keepForNextStart() { writing.withLock { $0.isStuck = true } }

  /// After a failed sync, with every segment file durable: the files go, and their entries with them.
  private func discard() {
    let files = writing.withLock { $0.files }
    do throws(Errno) {
      // Oldest generation first: a release outlives what it is about. Free files hold nothing.
      for file in files {
        try fileSystem.remove(file.file.path)
        try fileSystem.syncDirectory(directory)
      }
    } catch {
      host.log(
        .error, "Files of the commit log could not be removed.", [("directory", directory), ("error", "\(error)")])
      return keepForNextStart()
    }
    writing.withLock { state in
      state.files = []
      state.entries = [:]
      state.isClosed = true
    }
  }
}
