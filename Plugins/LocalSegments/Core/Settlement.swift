import SegmentFormat
import TierKit

/// Checkpoints of many partitions: makes durable what a recovery point relies on, and with `isClosing`, as the second
/// half of closing, what a clean start trusts.
///
/// In steps over all partitions, so that the file system commits each step at once: write what is missing and begin
/// write-back; sync the files; give drafts their names; sync the directories. One after the other, 1,500 partitions are
/// 7,500 commits of its journal.
struct Settlement {
  let workers: WorkerPool
  let isClosing: Bool

  /// One partition on its way; used by one thread at a time.
  private final class Part {
    let log: PartitionLog
    let active: Segment
    let pending: PendingCheckpoint
    var draft: OpenFile?
    var failure: TierError?

    /// Blocks when it has to flush. Nothing is left to flush when a checkpoint of the commit log came before.
    init(_ log: PartitionLog, flushing: Bool) {
      self.log = log
      if flushing, case .failure(let error) = log.flush() { failure = error }
      active = log.published.withLock { $0.segments[$0.segments.count - 1].segment }
      pending = log.beginCheckpoint()
    }

    var epochsPath: String { "\(log.directory)/\(PartitionFiles.epochs)" }

    /// Whether the log was closed or cut since; its directory may belong to another.
    var isOutdated: Bool { log.published.withLock { $0.isDisplaced || $0.releases != pending.releases } }

    func step(_ body: () throws(Errno) -> Void) {
      guard failure == nil else { return }
      do throws(Errno) { try body() } catch { failure = TierError(error, "settle", log.directory) }
    }
  }

  /// One checkpoint for each partition, in order; nil for one that was closed or cut meanwhile and, with a log line,
  /// for one that could not be settled. Blocks.
  func run(_ logs: [PartitionLog]) -> [PartitionCheckpoint?] {
    stride(from: 0, to: logs.count, by: Limits.settledAtOnceMax).flatMap { start in
      runAtOnce(logs[start..<min(logs.count, start + Limits.settledAtOnceMax)])
    }
  }

  private func runAtOnce(_ logs: ArraySlice<PartitionLog>) -> [PartitionCheckpoint?] {
    let parts = logs.map { Part($0, flushing: isClosing) }
    workers.run(parts.count) { write(parts[$0]) }
    workers.run(parts.count) { sync(parts[$0]) }
    workers.run(parts.count) { rename(parts[$0]) }
    workers.run(parts.count) { syncDirectory(parts[$0]) }
    return parts.map { part in
      if let failure = part.failure {
        // A topic that was deleted meanwhile took its directory along.
        if failure.code == .notFound, part.isOutdated { return nil }
        part.log.log(.warning, "A partition's checkpoint could not be prepared.", [("error", failure.message)])
        return nil
      }
      // Its checkpoint would not be taken, and what it skipped still has to be written.
      if part.isOutdated { return nil }
      if isClosing { part.log.letGoOfFiles() }
      return part.log.endCheckpoint(part.pending)
    }
  }

  private func write(_ part: Part) {
    let fileSystem = part.log.fileSystem
    part.step { () throws(Errno) in
      for slot in [part.active.index.slot, part.active.timeIndex.slot] where isClosing {
        guard let file = slot.ifOpen() else { continue }
        fileSystem.startWriteback(file.descriptor, at: 0, byteCount: 0)
      }
      guard part.pending.epochs.isChanged, !part.isOutdated else { return }
      let draft = try OpenFile(part.epochsPath + ".tmp", .replacing, fileSystem)
      try Array(LeaderEpochCheckpoint.format(part.pending.epochs.entries).utf8).withUnsafeBytesTyped {
        (raw) throws(Errno) in
        try fileSystem.writeFully(draft.descriptor, raw, at: 0)
      }
      fileSystem.startWriteback(draft.descriptor, at: 0, byteCount: 0)
      part.draft = draft
    }
  }

  private func sync(_ part: Part) {
    part.step { () throws(Errno) in
      try part.log.syncSealedIndexes(part.pending)
      for slot in [part.active.index.slot, part.active.timeIndex.slot] where isClosing {
        try part.log.syncIfThere(slot)
      }
      if let draft = part.draft { try part.log.fileSystem.syncData(draft.descriptor) }
    }
  }

  private func rename(_ part: Part) {
    guard part.draft != nil, !part.isOutdated else { return }
    part.step { () throws(Errno) in
      try part.log.fileSystem.rename(part.epochsPath + ".tmp", to: part.epochsPath)
    }
  }

  private func syncDirectory(_ part: Part) {
    guard part.draft != nil else { return }
    part.step { () throws(Errno) in try part.log.fileSystem.syncDirectory(part.log.directory) }
  }
}
