import SegmentFormat
import TierKit

/// The checkpoint files of an instance, for open partitions and for those that are closed.
///
/// Thread-safe. `files` orders the writers and is held across I/O; only calls that may block use it.
final class Checkpoints: CheckpointKeeper {
  private struct Content {
    var recoveryPoints: [OffsetCheckpoint.Key: Int64] = [:]
    var logStarts: [OffsetCheckpoint.Key: Int64] = [:]
    var tails: [OffsetCheckpoint.Key: RecoveryTail] = [:]
  }

  private let directory: DataDirectory
  private let files: Guarded<Content>

  /// Loads what the last run left.
  init(_ directory: DataDirectory) {
    self.directory = directory
    files = Guarded(
      Content(
        recoveryPoints: directory.loadCheckpoint(DataDirectory.recoveryPointsName, OffsetCheckpoint.parse),
        logStarts: directory.loadCheckpoint(DataDirectory.logStartsName, OffsetCheckpoint.parse),
        tails: directory.loadCheckpoint(DataDirectory.tailsName, TailCheckpoint.parse)))
  }

  /// What is known of a partition; the recovery point is 0 when nothing is. A tail counts only for its recovery point.
  func known(_ id: PartitionID) -> PartitionCheckpoint {
    files.withLock { content in
      let key = Self.key(id)
      let point = content.recoveryPoints[key] ?? 0
      let tail = content.tails[key].flatMap { $0.recoveryPoint == point ? $0 : nil }
      return PartitionCheckpoint(recoveryPoint: point, logStart: content.logStarts[key], tail: tail)
    }
  }

  /// Takes over new checkpoints and writes the files that changed. One of a partition whose log was cut since it was
  /// prepared is left out, and so is one whose name is another's by now.
  func save(_ changes: [(log: PartitionLog, checkpoint: PartitionCheckpoint)]) throws(TierError) {
    try update { content in
      for (log, checkpoint) in changes
      where log.published.withLock({ !$0.isDisplaced && $0.releases == checkpoint.releases }) {
        let key = Self.key(log.id)
        content.recoveryPoints[key] = checkpoint.recoveryPoint
        content.logStarts[key] = checkpoint.logStart
        content.tails[key] = checkpoint.tail
      }
    }
  }

  /// Nothing is known of this partition any more; of another with its name nothing yet.
  func forget(_ id: PartitionID) throws(TierError) {
    try update { content in
      content.recoveryPoints[Self.key(id)] = nil
      content.logStarts[Self.key(id)] = nil
      content.tails[Self.key(id)] = nil
    }
  }

  func saveLogStart(_ log: PartitionLog, _ offset: Int64) throws(TierError) {
    try update { content in
      if log.published.withLock({ $0.isDisplaced }) { return }
      content.logStarts[Self.key(log.id)] = offset
    }
  }

  func lowerRecoveryPoint(_ log: PartitionLog, to offset: Int64) throws(TierError) {
    try update { content in
      if log.published.withLock({ $0.isDisplaced }) { return }
      guard let point = content.recoveryPoints[Self.key(log.id)], point > offset else { return }
      content.recoveryPoints[Self.key(log.id)] = offset
      content.tails[Self.key(log.id)] = nil
    }
  }

  private func update(_ change: (inout Content) -> Void) throws(TierError) {
    let failure = files.withLock { content -> TierError? in
      var next = content
      change(&next)
      do throws(TierError) {
        // Tails first: one beside a recovery point of before means nothing.
        if next.tails != content.tails {
          try write(DataDirectory.tailsName, TailCheckpoint.format(next.tails))
          content.tails = next.tails
        }
        if next.recoveryPoints != content.recoveryPoints {
          try write(DataDirectory.recoveryPointsName, OffsetCheckpoint.format(next.recoveryPoints))
          content.recoveryPoints = next.recoveryPoints
        }
        if next.logStarts != content.logStarts {
          try write(DataDirectory.logStartsName, OffsetCheckpoint.format(next.logStarts))
          content.logStarts = next.logStarts
        }
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  private func write(_ name: String, _ text: String) throws(TierError) {
    let path = directory.file(name)
    try naming("write", path) { () throws(Errno) in
      try directory.fileSystem.replaceSmallFile(path, in: directory.path, with: text)
    }
  }

  private static func key(_ id: PartitionID) -> OffsetCheckpoint.Key {
    OffsetCheckpoint.Key(topic: id.topic, partition: id.partition)
  }
}
