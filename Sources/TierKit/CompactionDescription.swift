import TierAPI

/// What a compaction strategy is, readable by the host without creating an instance.
public struct CompactionDescription: Sendable {
  public struct Abilities: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// Lets whole segments go.
    public static let delete = Abilities(rawValue: 1)
    /// Lets single records go.
    public static let rewrite = Abilities(rawValue: 2)
  }

  public var id: String
  public var name: String
  public var version: String
  public var summary: String
  public var abilities: Abilities
  public var keys: [ConfigurationKey]

  public init(
    id: String, name: String, version: String, summary: String, abilities: Abilities, keys: [ConfigurationKey]
  ) {
    self.id = id
    self.name = name
    self.version = version
    self.summary = summary
    self.abilities = abilities
    self.keys = keys
  }

  func makeDescriptor() -> UnsafePointer<chronik_descriptor> {
    Immortal.descriptor(
      id: id, name: name, version: version, summary: summary, abilities: abilities.rawValue, keys: keys)
  }
}

/// What a strategy's `create` receives, as ``TierOptions`` describes it; `dataDirectory` is empty.
public typealias CompactionOptions = TierOptions
