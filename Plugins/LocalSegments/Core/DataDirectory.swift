import SegmentFormat
import TierKit

/// The names in an instance's directory.
///
///     .lock                                held by the process that uses the directory
///     .kafka_cleanshutdown                 there when the last stop was clean
///     recovery-point-offset-checkpoint     per partition: everything below is on disk
///     recovery-tail-checkpoint             per partition: where in its segment that is
///     log-start-offset-checkpoint          per partition: the start, when no file name says it
///     commit-log-00 …                      what flushes of many partitions put in one place first
///     <topic>-<partition>/                 a partition
///     <topic>-<partition>.<hex>-delete/    one that is being deleted
///     <topic>-<partition>.<hex>-stray/     one whose name a newer topic has taken
struct DataDirectory {
  let path: String
  let fileSystem: any FileSystem
  let host: HostServices

  static let lockName = ".lock"
  static let cleanShutdownName = ".kafka_cleanshutdown"
  static let recoveryPointsName = "recovery-point-offset-checkpoint"
  static let logStartsName = "log-start-offset-checkpoint"
  static let tailsName = "recovery-tail-checkpoint"
  /// Files that Kafka keeps in its data directories.
  private static let kafkaNames: Set<String> = [
    "meta.properties", "replication-offset-checkpoint", "cleaner-offset-checkpoint", "lost+found",
    "bootstrap.checkpoint",
  ]

  /// A partition directory that is in use or set aside.
  struct Found: Sendable {
    var id: PartitionID
    var name: String
  }

  /// What a look at the directory found.
  struct Contents: Sendable {
    var partitions: [Found] = []
    /// Why the metadata of a directory in use cannot be read, by its name.
    var unreadable: [String: String] = [:]
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Takes the lock; it ends with the file. Throws `.fenced` when another process has it.
  func lock() throws(TierError) -> OpenFile {
    let lockPath = file(Self.lockName)
    do throws(Errno) {
      let opened = try OpenFile(lockPath, .creating, fileSystem)
      try fileSystem.lock(opened.descriptor)
      return opened
    } catch {
      if error == .wouldBlock {
        throw TierError(
          .fenced, "another process uses the data directory \(path) (it holds \(lockPath)); stop it or choose another")
      }
      throw TierError(error, "lock", lockPath)
    }
  }

  /// Whether the last stop was clean, without taking the marker.
  func hasCleanShutdownMarker() throws(TierError) -> Bool {
    let marker = file(Self.cleanShutdownName)
    do throws(Errno) {
      _ = try fileSystem.byteCount(path: marker)
      return true
    } catch {
      if error == .notFound { return false }
      throw TierError(error, "look at", marker)
    }
  }

  /// Whether the last stop was clean. The marker goes, durably: it must not outlive the first change.
  func takeCleanShutdownMarker() throws(TierError) -> Bool {
    let marker = file(Self.cleanShutdownName)
    do throws(Errno) {
      try fileSystem.remove(marker)
      try fileSystem.syncDirectory(path)
      return true
    } catch {
      if error == .notFound { return false }
      throw TierError(error, "remove", marker)
    }
  }

  func writeCleanShutdownMarker() throws(TierError) {
    let marker = file(Self.cleanShutdownName)
    try naming("write", marker) { () throws(Errno) in
      try fileSystem.replaceSmallFile(marker, in: path, with: "{\"version\":0,\"brokerEpoch\":-1}")
    }
  }

  /// A checkpoint file; empty, with one log line, when it cannot be read.
  func loadCheckpoint<Value>(
    _ name: String, _ parse: (String) throws(TextFileDefect) -> [OffsetCheckpoint.Key: Value]
  ) -> [OffsetCheckpoint.Key: Value] {
    do {
      guard let bytes = try fileSystem.loadSmallFile(file(name)) else { return [:] }
      return try parse(String(decoding: bytes, as: UTF8.self))
    } catch {
      host.log(
        .error, "A checkpoint cannot be read; the partitions it covers are checked from their first segment.",
        [("file", file(name)), ("error", "\(error)")])
      return [:]
    }
  }

  /// Looks at all names: finishes deletions, returns the partitions, names foreign entries in one warning. A partition
  /// whose metadata cannot be read is reported and hurts no other.
  func scan() throws(TierError) -> Contents {
    var contents = Contents()
    var foreign: [String] = []
    for entry in try naming("list", path, { () throws(Errno) in try fileSystem.list(path) }) {
      let aside = PartitionDirectoryName.parseAside(entry.name, suffix: PartitionDirectoryName.straySuffix)
      if entry.isDirectory, let (topic, partition) = PartitionDirectoryName.parse(entry.name) ?? aside {
        do throws(TierError) {
          let topicID = try topicID(of: entry.name) ?? [UInt8](repeating: 0, count: 16)
          let id = PartitionID(topic: topic, topicID: topicID, partition: partition)
          contents.partitions.append(Found(id: id, name: entry.name))
        } catch {
          contents.unreadable[entry.name] = error.message
          host.log(
            .error, "The metadata of a partition cannot be read; the partition stays as it is and is refused.",
            [("directory", file(entry.name)), ("error", error.message)])
        }
      } else if entry.isDirectory,
        PartitionDirectoryName.parseAside(entry.name, suffix: PartitionDirectoryName.deletedSuffix) != nil
      {
        try removePartitionDirectory(entry.name)
      } else if !isKnown(entry) {
        foreign.append(entry.name)
      }
    }
    if !foreign.isEmpty {
      let named = foreign.sorted().prefix(Limits.namedForeignFilesMax).joined(separator: " ")
      host.log(
        .warning, "Entries that do not belong here are left alone.",
        [("directory", path), ("count", String(foreign.count)), ("names", named)])
    }
    return contents
  }

  private func isKnown(_ entry: DirectoryEntry) -> Bool {
    let own: Set<String> = [
      Self.lockName, Self.cleanShutdownName, Self.recoveryPointsName, Self.logStartsName, Self.tailsName,
    ]
    let name = entry.name.hasSuffix(".tmp") ? String(entry.name.dropLast(4)) : entry.name
    return own.contains(name) || Self.kafkaNames.contains(name) || CommitLogFormat.parse(fileName: name) != nil
  }

  /// The topic id that a partition directory names; nil without metadata.
  func topicID(of name: String) throws(TierError) -> [UInt8]? {
    let metadata = "\(path)/\(name)/\(PartitionFiles.metadata)"
    let bytes = try naming("read", metadata) { () throws(Errno) in try fileSystem.loadSmallFile(metadata) }
    guard let bytes else { return nil }
    do throws(TextFileDefect) {
      return try PartitionMetadata.parse(String(decoding: bytes, as: UTF8.self))
    } catch {
      throw TierError(.corrupt, "\(metadata): \(error)")
    }
  }

  /// Writes which topic a partition directory belongs to.
  func writeMetadata(_ id: PartitionID, _ name: String) throws(TierError) {
    let directory = file(name)
    let metadata = "\(directory)/\(PartitionFiles.metadata)"
    try naming("write", metadata) { () throws(Errno) in
      try fileSystem.replaceSmallFile(metadata, in: directory, with: PartitionMetadata.format(topicID: id.topicID))
    }
  }

  /// Creates a partition's directory, durably. One that exists is fine: a crash may have left it empty.
  func createPartitionDirectory(_ id: PartitionID, _ name: String) throws(TierError) {
    try naming("create", file(name)) { () throws(Errno) in
      do throws(Errno) { try fileSystem.makeDirectory(file(name)) } catch {
        if error != .exists { throw error }
      }
      try fileSystem.syncDirectory(path)
    }
    try writeMetadata(id, name)
  }

  /// Gives a partition directory another name, durably, and returns it.
  func setAside(_ found: Found, suffix: String) throws(TierError) -> String {
    let token = hex(host.random) + hex(host.random)
    let name = PartitionDirectoryName.aside(
      topic: found.id.topic, partition: found.id.partition, token: token, suffix: suffix)
    try naming("rename", file(found.name)) { () throws(Errno) in
      try fileSystem.rename(file(found.name), to: file(name))
      try fileSystem.syncDirectory(path)
    }
    return name
  }

  /// As ``setAside(_:suffix:)``; nil when somebody has removed the directory by hand. A data directory that is not there
  /// itself is no sign of that.
  func setAsideIfThere(_ found: Found, suffix: String) throws(TierError) -> String? {
    do throws(TierError) {
      return try setAside(found, suffix: suffix)
    } catch {
      guard error.code == .notFound else { throw error }
      let names = try naming("list", path) { () throws(Errno) in try fileSystem.list(path) }
      if names.contains(where: { $0.name == found.name }) { throw error }
      // It may have been our own rename, whose sync failed the last time.
      try naming("sync", path) { () throws(Errno) in try fileSystem.syncDirectory(path) }
      return nil
    }
  }

  private func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Removes the files of a directory whose name says that it is being deleted, then the directory. Files that are
  /// neither ours nor Kafka's stay, and the directory with them.
  func removePartitionDirectory(_ name: String) throws(TierError) {
    let directory = file(name)
    do throws(Errno) {
      for entry in try fileSystem.list(directory) where !entry.isDirectory && PartitionFiles.isKnown(entry.name) {
        try fileSystem.remove("\(directory)/\(entry.name)")
      }
      try fileSystem.removeDirectory(directory)
      try fileSystem.syncDirectory(path)
    } catch {
      if error == .notEmpty {
        host.log(
          .warning, "A deleted partition's directory holds foreign files and is left to the operator.",
          [("directory", directory)])
      } else if error != .notFound {
        throw TierError(error, "delete", directory)
      }
    }
  }
}
