import Configuration
import Glibc
import Logging
import PluginLoader
import TierAPI

/// The running chain: one instance of each tier, in the order of `chronik.yaml`.
///
/// Everything here may block and belongs to start, shutdown and the control plane; the data path uses
/// ``PartitionChain``.
final class TierChain: Sendable {
  let tiers: [TierHandle]
  /// The object stores of the tiers that have one of their own.
  private let stores: [ObjectStoreHandle]
  let commitIndex: Int
  private let logger: Logger

  var commitTier: TierHandle { tiers[commitIndex] }
  /// Whether what the commit tier flushed survives power loss.
  var isDurable: Bool { commitTier.has(CHRONIK_TIER_DURABLE) }

  /// Creates the instances, each with a directory of its own below `dataDirectory` when it is durable. With `only`,
  /// that tier alone and its store, for work without a broker.
  init(
    _ chain: ResolvedChain, plugins: TierLibrary, dataDirectory: String, logger: Logger,
    blockingPool: BlockingPool, only: Int? = nil
  ) throws {
    var created: [TierHandle] = []
    var stores: [Int: ObjectStoreHandle] = [:]
    for (index, tier) in chain.tiers.enumerated() {
      if let only, index != only, chain.tiers[only].store != .shared(with: index) { continue }
      let product = try plugins.product(for: tier.spec)
      var directory = ""
      if tier.descriptor.abilities.contains(.durable) || tier.descriptor.abilities.contains(.import) {
        directory = "\(dataDirectory)/\(tier.instanceName)"
        try DataDirectory.makeDirectory(directory)
      }
      switch tier.store {
      case .own(let store):
        let name = "\(tier.instanceName).store"
        stores[index] = try ObjectStoreHandle(
          plugins.store(for: store.spec, of: tier.spec), name: name, dataDirectory: "\(dataDirectory)/\(name)",
          settings: store.settings.map { ($0.key, $0.value) },
          host: TierHost(instance: name, logger: logger, blockingPool: blockingPool))
      case .shared(let holder): stores[index] = stores[holder]
      case nil: break
      }
      if let only, index != only { continue }
      created.append(
        try TierHandle(
          product, name: tier.instanceName, dataDirectory: directory,
          settings: tier.settings.map { ($0.key, $0.value) },
          host: TierHost(
            instance: tier.instanceName, logger: logger, blockingPool: blockingPool, store: stores[index])))
    }
    tiers = created
    self.stores = chain.tiers.indices.compactMap { index in
      if case .own = chain.tiers[index].store { stores[index] } else { nil }
    }
    commitIndex = only == nil ? chain.commitTierIndex : 0
    self.logger = logger
  }

  /// How long the start waits for stores that do not answer. They go on trying by themselves.
  private static let storeStartNanoseconds: Int64 = 15_000_000_000

  /// Starts the stores, and then the tiers from the bottom up, so that whatever sits above finds its ground ready. A
  /// store that cannot be reached now does not keep the broker from serving what it has on its own disks.
  func start() throws(TierFailure) {
    for store in stores {
      do throws(TierFailure) {
        try store.start(deadline: TierHost.monotonicNow + Self.storeStartNanoseconds)
      } catch where error.code == .retriable || error.code == .throttled {
        logger.error(
          "An object store cannot be reached; the broker starts without it and tries again when it is needed",
          metadata: ["store": "\(store.name)", "error": "\(error)"])
      } catch {
        throw error
      }
    }
    for tier in tiers.reversed() { try tier.start() }
  }

  /// Ends what the tiers read from their stores, now and from now on: the broker stops. Any thread; does not block.
  func endReads() {
    for store in stores { store.endReads() }
  }

  /// Stops them from the top down, the stores last. Every partition was closed before.
  func stop() {
    for tier in tiers { tier.stop() }
    for store in stores { store.stop() }
  }

  /// Opens a partition in every tier. Caches begin where the commit tier ends, and a commit tier that has nothing
  /// begins where the tiers below it end, so that no offset is given twice.
  func open(_ id: PartitionIdentity, settings: chronik_partition_settings) throws(TierFailure) -> PartitionChain {
    var opened = [TierPartition?](repeating: nil, count: tiers.count)
    do throws(TierFailure) {
      var lowerEnd: Int64 = 0
      var lowerName = ""
      for index in tiers.indices.dropFirst(commitIndex + 1) {
        let lower = try tiers[index].open(id, settings: settings, initialOffset: 0)
        opened[index] = lower
        let end = lower.state.end_offset
        if end > lowerEnd { (lowerEnd, lowerName) = (end, tiers[index].name) }
      }
      let commit = try commitTier.open(id, settings: settings, initialOffset: lowerEnd)
      opened[commitIndex] = commit
      let end = commit.state.end_offset
      guard end >= lowerEnd else {
        throw TierFailure(
          .corrupt, origin: "\(commitTier.name).open_partition",
          message: "\(id.topic)-\(id.partition) ends at \(end), but \(lowerName) below holds it up to \(lowerEnd): "
            + "records that were stored are missing here, and new ones would get their offsets")
      }
      for index in 0..<commitIndex {
        opened[index] = try tiers[index].open(id, settings: settings, initialOffset: end)
      }
    } catch {
      for partition in opened { partition?.close() }
      throw error
    }
    return PartitionChain(partitions: opened.compactMap { $0 }, commitIndex: commitIndex)
  }

  /// Deletes a partition in every tier, caches first; fine when nothing is held.
  func delete(_ id: PartitionIdentity) throws(TierFailure) {
    for tier in tiers { try tier.delete(id) }
  }
}
