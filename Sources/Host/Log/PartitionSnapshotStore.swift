import KafkaProtocol
import Logging
import PluginLoader

/// The snapshot files: `partitions/<topic id>-<partition>.snapshot` in the data directory, one per partition, each
/// replaced as a whole. Everything here blocks.
struct PartitionSnapshotStore: Sendable {
  private let directory: String
  private let logger: Logger

  /// Creates the directory.
  init(dataDirectory: String, logger: Logger) throws(DataDirectory.Failure) {
    directory = "\(dataDirectory)/partitions"
    self.logger = logger
    try DataDirectory.makeDirectory(directory)
  }

  /// The partition's snapshot; nil when there is none or it is damaged, which costs a longer start and is logged.
  func load(_ id: PartitionIdentity) throws(DataDirectory.Failure) -> PartitionSnapshot? {
    let path = path(id)
    guard let bytes = try AtomicFile.read(path, byteCountMax: PartitionSnapshot.byteCountMax) else { return nil }
    guard let snapshot = PartitionSnapshot(bytes) else {
      logger.warning(
        "A partition's snapshot is damaged; its producers and epochs are read from the log instead",
        metadata: ["topic": "\(id.topic)", "partition": "\(id.partition)", "file": "\(path)"])
      return nil
    }
    return snapshot
  }

  /// Durable when it returns.
  func save(_ snapshot: PartitionSnapshot, _ id: PartitionIdentity) throws(DataDirectory.Failure) {
    try AtomicFile.write(snapshot.encode(), to: path(id))
  }

  /// Saves many at once, durably. Returns the failures, each with its place in the list.
  func save(_ snapshots: [(snapshot: PartitionSnapshot, id: PartitionIdentity)]) -> [(
    index: Int, DataDirectory.Failure
  )] {
    AtomicFile.write(snapshots.map { ($0.snapshot.encode(), path($0.id)) }, in: directory)
  }

  /// Fine when there is none.
  func remove(_ id: PartitionIdentity) throws(DataDirectory.Failure) {
    try AtomicFile.remove(path(id))
  }

  private func path(_ id: PartitionIdentity) -> String {
    let topic = KafkaUUID(high: id.topicID.high, low: id.topicID.low)
    return "\(directory)/\(topic)-\(id.partition).snapshot"
  }
}
