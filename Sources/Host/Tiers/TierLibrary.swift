import Configuration
import PluginLoader

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

  /// The object store that a tier's entry means.
  func store(for spec: StoreSpec, of tier: TierSpec) throws(PluginError) -> StoreProduct {
    let isElsewhere = spec.plugin != nil || spec.library != nil
    let name = spec.plugin ?? (isElsewhere ? ConfigurationRules.libraryName(spec) : nil) ?? tier.tier
    let plugin = try state.loader.load(name: name, file: isElsewhere ? spec.library : tier.library)
    return try plugin.store(named: spec.type)
  }

  func storeDescriptor(for spec: StoreSpec, of tier: TierSpec) -> Result<StoreDescriptor, DescriptorFailure> {
    do throws(PluginError) {
      return .success(StoreDescriptor(try store(for: spec, of: tier).descriptor))
    } catch {
      if case .noSuchStore(_, _, let offered) = error {
        return .failure(DescriptorFailure(message: "\(error)", candidates: offered, subject: .product))
      }
      var candidates: [String] = []
      if case .notFound = error { candidates = state.loader.libraryNames }
      return .failure(DescriptorFailure(message: "\(error)", candidates: candidates, subject: .library))
    }
  }

  /// The strategy that `compaction:` means.
  func strategy(for settings: Configuration.Compaction) throws(PluginError) -> CompactionProduct {
    try state.loader.load(name: settings.plugin, file: settings.library).strategy(named: settings.strategy)
  }

  /// The settings that this strategy declares.
  func strategyKeys(for settings: Configuration.Compaction) -> Result<[PluginConfigKey], DescriptorFailure> {
    do throws(PluginError) {
      return .success(try strategy(for: settings).descriptor.keys.map { PluginConfigKey($0) })
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
      configKeys: descriptor.keys.map { PluginConfigKey($0) })
  }
}

extension StoreDescriptor {
  init(_ descriptor: ProductDescriptor) {
    self.init(
      id: descriptor.id, name: descriptor.name, version: descriptor.version, summary: descriptor.summary,
      configKeys: descriptor.keys.map { PluginConfigKey($0) })
  }
}

extension PluginConfigKey {
  init(_ key: ProductDescriptor.Key) {
    self.init(
      name: key.name, kind: Kind(key.kind), defaultValue: key.defaultValue, summary: key.summary,
      required: key.isRequired, isSecret: key.isSecret)
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
