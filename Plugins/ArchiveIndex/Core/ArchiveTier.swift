import Glibc
import TierKit

/// The tier: sealed segments as immutable, searchable objects in an object store, and an index of them on local disk.
///
/// Thread-safe as `tier.h` asks.
package final class ArchiveTier: Tier {
  private struct Registry {
    var open: [PartitionID: ArchivePartition] = [:]
    var lock: Int32 = -1
    var isStarted = false
    var completion: WorkerThread?
  }

  let host: HostServices
  package let environment: ArchiveEnvironment
  let instanceName: String
  private let disk: any IndexDisk
  private let directory: String
  private let hasThreads: Bool
  let sleep: @Sendable (Int64) -> Void
  private let registry = Guarded(Registry())

  package convenience init(host: HostServices, options: TierOptions) throws(TierError) {
    guard let store = host.objectStore else {
      throw TierError(.invalidConfiguration, "store: this tier needs an object store")
    }
    try self.init(
      host: host, store: store, configuration: Configuration(options), instanceName: options.instanceName,
      directory: options.dataDirectory)
  }

  /// `sleep` waits for so many nanoseconds. Without `hasThreads` nothing runs in the background: tests call what would.
  package init(
    host: HostServices, store: any ObjectStore, configuration: Configuration, instanceName: String, directory: String,
    disk: any IndexDisk = PosixDisk(), hasThreads: Bool = true,
    sleep: @escaping @Sendable (Int64) -> Void = { usleep(UInt32(clamping: $0 / 1000)) }
  ) throws(TierError) {
    guard directory.hasPrefix("/") else {
      throw TierError(.invalidConfiguration, "data directory: expected an absolute path, got \"\(directory)\"")
    }
    self.host = host
    self.disk = disk
    self.directory = directory
    self.instanceName = instanceName
    self.hasThreads = hasThreads
    self.sleep = sleep
    environment = ArchiveEnvironment(
      host: host, store: store, configuration: configuration, directory: directory, disk: disk)
  }

  package static let description = TierDescription(
    id: "chronik.archive-index", name: "ArchiveIndex", version: "1.0.0",
    summary: "The archive: segments as immutable, searchable objects in an object store.",
    abilities: [.import, .durable, .read, .search, .store], keys: Configuration.keys)

  // MARK: life

  package func start() throws(TierError) {
    try lockDirectory()
    let isReachable: Bool
    do throws(TierError) {
      try openIndex()
      isReachable = try environment.identity.confirmIfReachable()
    } catch {
      environment.index.close()
      unlockDirectory()
      throw error
    }
    environment.noteLostObjects()
    environment.chunks.start()
    environment.footers.start()
    if isReachable { confirmEnds() }
    if hasThreads {
      environment.readAhead.start(threadCount: Limits.readAheadThreads)
      environment.searchHelpers.start(threadCount: Limits.searchThreads, .belowClients)
      environment.deletions.start()
    } else {
      environment.readAhead.start(threadCount: 0)
      environment.searchHelpers.start(threadCount: 0)
    }
    registry.withLock { $0.isStarted = true }
    if hasThreads { completeEntriesInBackground() }
    ArchiveRegistry.shared.add(self)
  }

  package func stop() {
    ArchiveRegistry.shared.remove(self)
    environment.access.stop()
    let completion = registry.withLock { registry in
      registry.isStarted = false
      registry.open = [:]
      defer { registry.completion = nil }
      return registry.completion
    }
    completion?.join()
    environment.readAhead.stop()
    environment.searchHelpers.stop()
    environment.deletions.stop()
    environment.frames.removeAll()
    environment.chunks.stop()
    environment.index.close()
    unlockDirectory()
  }

  /// One bad object, or a store that fails meanwhile, does not hold up the start.
  private func confirmEnds() {
    do throws(TierError) {
      try environment.confirmEnds()
    } catch {
      host.log(.warning, "The ends of archived partitions were not confirmed.", [("error", error.message)])
    }
  }

  /// After a rebuild from names alone.
  private func completeEntriesInBackground() {
    guard environment.index.current.entries.contains(where: { $0.rawByteCount < 0 }) else { return }
    let thread = WorkerThread(.background) { [self] in
      do throws(TierError) {
        _ = try environment.completeEntries(width: Limits.footerReadsInBackgroundMax) { _, _ in
          registry.withLock { $0.isStarted }
        }
      } catch where error.code != .cancelled {
        host.log(.warning, "Sizes of archived objects are not known exactly yet.", [("error", error.message)])
      } catch {}
    }
    registry.withLock { $0.completion = thread }
  }

  private func lockDirectory() throws(TierError) {
    let path = "\(directory)/lock"
    let descriptor = try naming("open", path) { () throws(DiskError) in try disk.open(path, .creating) }
    guard let descriptor else { throw TierError(.permanent, "\(path) cannot be created") }
    do throws(TierError) {
      let isOurs = try naming("lock", path) { () throws(DiskError) in try disk.lock(descriptor) }
      guard isOurs else { throw TierError(.fenced, "\(directory) is in use by another process") }
    } catch {
      disk.close(descriptor)
      throw error
    }
    registry.withLock { $0.lock = descriptor }
  }

  private func unlockDirectory() {
    registry.withLock { registry in
      if registry.lock >= 0 { disk.close(registry.lock) }
      registry.lock = -1
    }
  }

  // MARK: partitions

  package func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierPartition {
    try open(id, initialOffset: initialOffset)
  }

  package func open(_ id: PartitionID, initialOffset: Int64 = 0) throws(TierError) -> ArchivePartition {
    let partition = ArchivePartition(id, initialOffset: initialOffset, environment) { [weak self] closed in
      self?.registry.withLock { $0.open[closed.id] = nil }
    }
    try registry.withLock { (registry) throws(TierError) in
      guard registry.isStarted else { throw TierError(.permanent, "the tier is not started") }
      guard registry.open[id] == nil, initialOffset >= 0 else {
        throw TierError(.permanent, "\(id.topic)-\(id.partition) is already open")
      }
      registry.open[id] = partition
    }
    return partition
  }

  package func deletePartition(_ id: PartitionID) throws(TierError) {
    let (isOpen, isStarted) = registry.withLock { ($0.open[id] != nil, $0.isStarted) }
    guard isStarted else { throw TierError(.permanent, "the tier is not started") }
    guard !isOpen else { throw TierError(.permanent, "\(id.topic)-\(id.partition) is open and cannot be deleted") }
    let names = environment.index[id]?.objects.keys.map { $0 } ?? []
    defer { for name in names { environment.forget(name) } }
    // Also when nothing is known: the store may have more than the index.
    try environment.deletions.accept(id)
  }

  /// Those included of which only the memory of lost objects is left: whoever deletes leftovers must find them, too.
  package func listPartitions() throws(TierError) -> [PartitionID] {
    environment.index.current.partitions.values.filter { !$0.isEmpty || !$0.lost.isEmpty }.map(\.id)
  }

  /// Everything imported is durable already.
  package func flush(_ partitions: [any TierPartition]) -> [Result<Int64, TierError>] {
    partitions.map { .success($0.state.endOffset) }
  }
}
