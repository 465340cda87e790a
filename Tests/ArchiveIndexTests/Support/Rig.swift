import Foundation
import Testing
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
    disk: any IndexDisk = PosixDisk(), start: Bool = true, _ change: (inout Configuration) -> Void = { _ in }
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
      directory: self.directory.path, disk: disk, hasThreads: false, sleep: { host.clock.add($0, ordering: .relaxed) })
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

extension Rig {
  /// What verifying finds, everything read.
  func findings() throws -> [ArchiveFinding] {
    var found: [ArchiveFinding] = []
    _ = try tier.verify(readsEverything: true, progress: { _, _ in true }) { found.append($0) }
    return found
  }

  /// The archive and its store agree and nothing is left to delete.
  func expectClean(_ comment: Comment? = nil, _ location: SourceLocation = #_sourceLocation) throws {
    try tier.environment.deletions.runOnce()
    let found = try findings()
    #expect(found.isEmpty, comment, sourceLocation: location)
    #expect(tier.environment.index.current.pendingDeletionCount == 0, comment, sourceLocation: location)
  }
}

/// JSON as somebody else reads it.
enum JSONReader {
  static func read(_ text: String) throws -> Any { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
}
