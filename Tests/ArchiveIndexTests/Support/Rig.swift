import Foundation
import TierKit

@testable import ArchiveIndexCore

/// A directory that goes when the test ends.
final class ScratchDirectory: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("archive-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: path) } catch { print("left behind: \(path): \(error)") }
  }
}

/// One instance of the tier on a store in memory, without threads of its own.
final class Rig {
  let store: MemoryStore
  let host = FakeHost()
  let directory: ScratchDirectory
  let tier: ArchiveTier

  static let orders = PartitionID(topic: "orders", topicID: Array(0..<16), partition: 3)

  init(
    _ store: MemoryStore = MemoryStore(), in directory: ScratchDirectory? = nil, name: String = "archive",
    start: Bool = true, _ change: (inout Configuration) -> Void = { _ in }
  ) throws {
    self.store = store
    self.directory = try directory ?? ScratchDirectory()
    var configuration = Configuration()
    configuration.compressionLevel = 1
    configuration.objectByteCount = 4_000
    configuration.cacheByteCount = 8 << 20
    configuration.readAheadByteCount = 0
    change(&configuration)
    let host = host
    tier = try ArchiveTier(
      host: host.services, store: store, configuration: configuration, instanceName: name,
      directory: self.directory.path, hasThreads: false, sleep: { host.clock.add($0, ordering: .relaxed) })
    if start { try tier.start() }
  }

  func open(_ id: PartitionID = Rig.orders, at offset: Int64 = 0) throws -> ArchivePartition {
    try tier.open(id, initialOffset: offset)
  }

  /// Stops this instance and starts another on the same directory and store.
  func restarted() throws -> Rig {
    tier.stop()
    return try Rig(store, in: directory)
  }
}
