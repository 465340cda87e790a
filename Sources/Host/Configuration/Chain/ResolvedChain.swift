/// A tier of a validated chain, ready to be created.
public struct ResolvedTier: Sendable, Hashable {
  public let spec: TierSpec
  public let descriptor: TierDescriptor
  /// Every key that has a value, given or by default, in the descriptor's order. Sizes are decimal bytes, durations
  /// decimal milliseconds, booleans true and false.
  public let settings: [TierSetting]
  /// The keys among `settings` that the file sets.
  public let givenKeys: Set<String>
  /// Nil for a tier that keeps nothing in an object store.
  public let store: TierStore?

  public var instanceName: String { spec.instanceName }

  public init(
    spec: TierSpec, descriptor: TierDescriptor, settings: [TierSetting], givenKeys: Set<String>,
    store: TierStore? = nil
  ) {
    self.spec = spec
    self.descriptor = descriptor
    self.settings = settings
    self.givenKeys = givenKeys
    self.store = store
  }
}

/// A chain that keeps every rule of `ChainValidator`.
public struct ResolvedChain: Sendable, Hashable {
  public let tiers: [ResolvedTier]
  /// The first durable appender. In a volatile chain, which has none, the lowest appender.
  public let commitTierIndex: Int
  public let warnings: [ConfigurationDiagnostic]

  public init(tiers: [ResolvedTier], commitTierIndex: Int, warnings: [ConfigurationDiagnostic]) {
    self.tiers = tiers
    self.commitTierIndex = commitTierIndex
    self.warnings = warnings
  }

  public var commitTier: ResolvedTier { tiers[commitTierIndex] }
}
