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
  let commitIndex: Int
  private let logger: Logger

  var commitTier: TierHandle { tiers[commitIndex] }
  /// Whether what the commit tier flushed survives power loss.
  var isDurable: Bool { commitTier.has(CHRONIK_TIER_DURABLE) }

  /// Creates the instances, each with a directory of its own below `dataDirectory` when it is durable.
  init(
    _ chain: ResolvedChain, plugins: TierLibrary, dataDirectory: String, logger: Logger,
    blockingPool: BlockingPool
  ) throws {
    var created: [TierHandle] = []
    for tier in chain.tiers {
      let product = try plugins.product(for: tier.spec)
      var directory = ""
      if tier.descriptor.abilities.contains(.durable) || tier.descriptor.abilities.contains(.import) {
        directory = "\(dataDirectory)/\(tier.instanceName)"
        try DataDirectory.makeDirectory(directory)
      }
      created.append(
        try TierHandle(
          product, name: tier.instanceName, dataDirectory: directory,
          settings: tier.settings.map { ($0.key, $0.value) },
          host: TierHost(instance: tier.instanceName, logger: logger, blockingPool: blockingPool)))
    }
    tiers = created
    commitIndex = chain.commitTierIndex
    self.logger = logger
  }

  /// Starts the tiers from the bottom up, so that whatever sits above finds its store ready.
  func start() throws(TierFailure) {
    for tier in tiers.reversed() { try tier.start() }
  }

  /// Stops them from the top down. Every partition was closed before.
  func stop() {
    for tier in tiers { tier.stop() }
  }

  /// Opens a partition in every tier. Caches begin where the commit tier ends.
  func open(_ id: PartitionIdentity, settings: chronik_partition_settings) throws(TierFailure) -> PartitionChain {
    var opened = [TierPartition?](repeating: nil, count: tiers.count)
    do throws(TierFailure) {
      let commit = try commitTier.open(id, settings: settings, initialOffset: 0)
      opened[commitIndex] = commit
      let end = commit.state.end_offset
      for (index, tier) in tiers.enumerated() where index != commitIndex {
        opened[index] = try tier.open(id, settings: settings, initialOffset: index < commitIndex ? end : 0)
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

/// Finds the libraries of a chain and answers the configuration's questions about them.
struct TierLibrary: TierDescriptorSource {
  private final class State {
    var loader: PluginLoader
    init(_ loader: PluginLoader) { self.loader = loader }
  }
  private let state: State

  init(_ plugins: Configuration.Plugins) {
    state = State(PluginLoader(searchPath: plugins.path, pins: plugins.sha256))
  }

  /// The product a chain entry means.
  func product(for spec: TierSpec) throws(PluginError) -> TierProduct {
    let plugin = try state.loader.load(name: spec.tier, file: spec.library)
    if let product = spec.product { return try plugin.product(named: product) }
    // A library of several products is asked for the one named like the tier, any other for its only one.
    let isNamed = plugin.products.contains { $0.descriptor.name == spec.tier }
    return try plugin.product(named: isNamed ? spec.tier : nil)
  }

  /// The strategy that `compaction:` means.
  func strategy(for settings: Configuration.Compaction) throws(PluginError) -> CompactionProduct {
    try state.loader.load(name: settings.plugin, file: settings.library).strategy(named: settings.strategy)
  }

  /// The settings that this strategy declares.
  func strategyKeys(for settings: Configuration.Compaction) -> Result<[PluginConfigKey], DescriptorFailure> {
    do throws(PluginError) {
      return .success(try strategy(for: settings).descriptor.keys.map(PluginConfigKey.init))
    } catch {
      if case .noSuchStrategy(_, _, let offered) = error {
        return .failure(DescriptorFailure(message: "\(error)", candidates: offered, subject: .product))
      }
      var candidates: [String] = []
      if case .notFound = error { candidates = state.loader.libraryNames }
      return .failure(DescriptorFailure(message: "\(error)", candidates: candidates, subject: .library))
    }
  }

  func descriptor(for spec: TierSpec) -> Result<TierDescriptor, DescriptorFailure> {
    do throws(PluginError) {
      return .success(TierDescriptor(try product(for: spec).descriptor))
    } catch {
      if case .noSuchProduct(_, _, let offered) = error {
        return .failure(DescriptorFailure(message: "\(error)", candidates: offered, subject: .product))
      }
      var candidates: [String] = []
      if case .notFound = error { candidates = state.loader.libraryNames }
      return .failure(DescriptorFailure(message: "\(error)", candidates: candidates, subject: .library))
    }
  }
}

extension TierDescriptor {
  init(_ descriptor: ProductDescriptor) {
    self.init(
      id: descriptor.id, name: descriptor.name, version: descriptor.version, summary: descriptor.summary,
      abilities: TierAbilities(rawValue: descriptor.abilities),
      configKeys: descriptor.keys.map(PluginConfigKey.init))
  }
}

extension PluginConfigKey {
  init(_ key: ProductDescriptor.Key) {
    self.init(
      name: key.name, kind: Kind(key.kind), defaultValue: key.defaultValue, summary: key.summary,
      required: key.isRequired)
  }
}

extension PluginConfigKey.Kind {
  init(_ kind: ProductDescriptor.Key.Kind) {
    self =
      switch kind {
      case .string: .string
      case .bool: .bool
      case .integer(let range): .integer(min: range.lowerBound, max: range.upperBound)
      case .size(let range): .size(min: range.lowerBound, max: range.upperBound)
      case .duration(let range): .duration(min: range.lowerBound, max: range.upperBound)
      case .choice(let names): .choice(names)
      }
  }
}
