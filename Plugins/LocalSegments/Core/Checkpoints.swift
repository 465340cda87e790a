import SegmentFormat
import TierKit

/// The two checkpoint files of an instance, for open partitions and for those that are closed.
///
/// Thread-safe. `files` orders the writers and is held across I/O; only calls that may block use it.
final class Checkpoints: CheckpointKeeper {
  private struct Content: Equatable {
    var recoveryPoints: [OffsetCheckpoint.Key: Int64] = [:]
    var logStarts: [OffsetCheckpoint.Key: Int64] = [:]
  }

  private let directory: DataDirectory
  private let files: Guarded<Content>

  /// Loads what the last run left.
  init(_ directory: DataDirectory) {
    self.directory = directory
    files = Guarded(
      Content(
        recoveryPoints: directory.loadCheckpoint(DataDirectory.recoveryPointsName),
        logStarts: directory.loadCheckpoint(DataDirectory.logStartsName)))
  }

  func recoveryPoint(_ id: PartitionID) -> Int64 { files.withLock { $0.recoveryPoints[Self.key(id)] ?? 0 } }
  func logStart(_ id: PartitionID) -> Int64? { files.withLock { $0.logStarts[Self.key(id)] } }

  /// Takes over new checkpoints and writes the files that changed. nil forgets a partition.
  func save(_ changes: [(PartitionID, PartitionCheckpoint?)]) throws(TierError) {
    try update { content in
      for (id, checkpoint) in changes {
        content.recoveryPoints[Self.key(id)] = checkpoint?.recoveryPoint
        content.logStarts[Self.key(id)] = checkpoint?.logStart
      }
    }
  }

  func saveLogStart(_ log: PartitionLog, _ offset: Int64) throws(TierError) {
    try update { $0.logStarts[Self.key(log.id)] = offset }
  }

  func lowerRecoveryPoint(_ log: PartitionLog, to offset: Int64) throws(TierError) {
    try update { content in
      guard let point = content.recoveryPoints[Self.key(log.id)], point > offset else { return }
      content.recoveryPoints[Self.key(log.id)] = offset
    }
  }

  private func update(_ change: (inout Content) -> Void) throws(TierError) {
    let failure = files.withLock { content -> TierError? in
      var next = content
      change(&next)
      do throws(TierError) {
        if next.recoveryPoints != content.recoveryPoints {
          try write(DataDirectory.recoveryPointsName, next.recoveryPoints)
          content.recoveryPoints = next.recoveryPoints
        }
        if next.logStarts != content.logStarts {
          try write(DataDirectory.logStartsName, next.logStarts)
          content.logStarts = next.logStarts
        }
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  private func write(_ name: String, _ offsets: [OffsetCheckpoint.Key: Int64]) throws(TierError) {
    let path = directory.file(name)
    try naming("write", path) { () throws(Errno) in
      try directory.fileSystem.replaceSmallFile(path, in: directory.path, with: OffsetCheckpoint.format(offsets))
    }
  }

  private static func key(_ id: PartitionID) -> OffsetCheckpoint.Key {
    OffsetCheckpoint.Key(topic: id.topic, partition: id.partition)
  }
}
