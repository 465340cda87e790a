/// What a tier can do. Its role in the chain follows from this and from nothing else.
public struct TierAbilities: OptionSet, Sendable, Hashable, CustomStringConvertible {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Takes new batches.
  public static let append = TierAbilities(rawValue: 1 << 0)
  /// Its `flush` survives power loss.
  public static let durable = TierAbilities(rawValue: 1 << 1)
  /// Offers finished segments.
  public static let seal = TierAbilities(rawValue: 1 << 2)
  /// Takes a finished segment from above.
  public static let `import` = TierAbilities(rawValue: 1 << 3)
  public static let read = TierAbilities(rawValue: 1 << 4)
  public static let search = TierAbilities(rawValue: 1 << 5)
  /// Can replace segments by compacted ones.
  public static let rewrite = TierAbilities(rawValue: 1 << 6)

  /// Keeps its data in an object store that the host hands to it.
  public static let store = TierAbilities(rawValue: 1 << 7)

  static let names: [(ability: TierAbilities, name: String)] = [
    (.append, "append"), (.durable, "durable"), (.seal, "seal"), (.import, "import"), (.read, "read"),
    (.search, "search"), (.rewrite, "rewrite"), (.store, "store"),
  ]

  /// "append, durable, read", or "none". Bits of later ABI versions are not named.
  public var description: String {
    let known = Self.names.filter { contains($0.ability) }.map(\.name)
    return known.isEmpty ? "none" : known.joined(separator: ", ")
  }
}

/// One setting that a plugin accepts under `config:`.
public struct PluginConfigKey: Sendable, Hashable {
  /// Bounds are inclusive; sizes are in bytes, durations in milliseconds.
  public enum Kind: Sendable, Hashable {
    case string
    case bool
    case integer(min: Int64, max: Int64)
    case size(min: Int64, max: Int64)
    case duration(min: Int64, max: Int64)
    case choice([String])

    /// The same kind as the reader of values knows it. A plugin that declares bounds the wrong way round accepts one
    /// value.
    public var valueKind: ValueKind {
      switch self {
      case .string: .text
      case .bool: .boolean
      case .integer(let min, let max): .integer(min...Swift.max(min, max))
      case .size(let min, let max): .size(min...Swift.max(min, max))
      case .duration(let min, let max): .duration(min...Swift.max(min, max))
      case .choice(let choices): .choice(choices)
      }
    }
  }

  public let name: String
  public let kind: Kind
  /// In the syntax of the file, "64MiB"; nil when the plugin treats absence as a value of its own.
  public let defaultValue: String?
  public let summary: String
  public let required: Bool
  /// Its value is never printed.
  public let isSecret: Bool

  /// A name such as `secret_access_key` makes a secret without `isSecret`, too.
  public init(
    name: String, kind: Kind, defaultValue: String? = nil, summary: String, required: Bool = false,
    isSecret: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.summary = summary
    self.required = required
    self.isSecret = isSecret || Secret.isName(name)
  }
}

/// What a library says about one of its tiers, readable without creating an instance.
public struct TierDescriptor: Sendable, Hashable {
  public let id: String
  public let name: String
  public let version: String
  public let summary: String
  public let abilities: TierAbilities
  public let configKeys: [PluginConfigKey]

  public init(
    id: String, name: String, version: String, summary: String, abilities: TierAbilities, configKeys: [PluginConfigKey]
  ) {
    self.id = id
    self.name = name
    self.version = version
    self.summary = summary
    self.abilities = abilities
    self.configKeys = configKeys
  }
}

/// Why no descriptor could be had, in a sentence for the user.
public struct DescriptorFailure: Error, Sendable, Hashable {
  /// Which node of the chain entry is to blame.
  public enum Subject: Sendable, Hashable {
    /// `library` when the entry has it, otherwise `tier`.
    case library
    case product
  }

  /// Such as "libFoo.so: not found on plugins.path (searched: …)" or "libFoo.so: built for ABI 2.1, this host speaks
  /// 1.x".
  public let message: String
  public let expected: String?
  /// Names that would have worked; the closest becomes the suggestion.
  public let candidates: [String]
  public let subject: Subject

  public init(message: String, expected: String? = nil, candidates: [String] = [], subject: Subject = .library) {
    self.message = message
    self.expected = expected
    self.candidates = candidates
    self.subject = subject
  }
}

/// Where descriptors come from: the host's plugin loader, or a table in a test.
public protocol TierDescriptorSource {
  /// Must answer the same for equal specs and must not create an instance of the tier.
  func descriptor(for spec: TierSpec) -> Result<TierDescriptor, DescriptorFailure>
  /// The store that a tier is to have. The same promises.
  func storeDescriptor(for spec: StoreSpec, of tier: TierSpec) -> Result<StoreDescriptor, DescriptorFailure>
}
