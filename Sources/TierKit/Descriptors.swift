import TierAPI

/// The abilities of a tier: what the host may use it for, whatever its name or place in the chain.
public struct TierAbilities: OptionSet, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let append = TierAbilities(rawValue: 1 << 0)
  public static let durable = TierAbilities(rawValue: 1 << 1)
  public static let seal = TierAbilities(rawValue: 1 << 2)
  public static let `import` = TierAbilities(rawValue: 1 << 3)
  public static let read = TierAbilities(rawValue: 1 << 4)
  public static let search = TierAbilities(rawValue: 1 << 5)
  public static let rewrite = TierAbilities(rawValue: 1 << 6)
  /// The host hands the tier an object store.
  public static let store = TierAbilities(rawValue: 1 << 7)
}

/// One configuration key of a product, as `chronik.yaml` may set it under `config:`.
public struct ConfigurationKey: Sendable {
  /// The kind of a value. The host checks and normalises it: see ``TierOptions``.
  public enum Kind: Sendable {
    case string
    case bool
    /// Bounds are inclusive.
    case integer(ClosedRange<Int64>)
    /// Bounds in bytes.
    case size(ClosedRange<Int64>)
    /// Bounds in milliseconds.
    case duration(ClosedRange<Int64>)
    case choice([String])
  }

  public var name: String
  public var kind: Kind
  /// As a person would write it in YAML, or nil when the key has no default.
  public var defaultValue: String?
  public var isRequired: Bool
  /// One sentence, with the unit.
  public var summary: String

  public init(_ name: String, _ kind: Kind, default defaultValue: String?, required: Bool = false, _ summary: String) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.isRequired = required
    self.summary = summary
  }
}

/// What a tier is, readable by the host without creating an instance.
public struct TierDescription: Sendable {
  public var id: String
  public var name: String
  public var version: String
  public var summary: String
  public var abilities: TierAbilities
  public var keys: [ConfigurationKey]
  /// Functions that the tier does not implement although no ability demands or excludes them; the host then does
  /// without.
  public var omits: OptionalFunctions

  /// Functions that any tier may leave out.
  public struct OptionalFunctions: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The host scans with read.
    public static let findTimestamp = OptionalFunctions(rawValue: 1)
    /// Leftovers cannot be found.
    public static let listPartitions = OptionalFunctions(rawValue: 2)
  }

  public init(
    id: String, name: String, version: String, summary: String, abilities: TierAbilities, keys: [ConfigurationKey],
    omits: OptionalFunctions = []
  ) {
    self.id = id
    self.name = name
    self.version = version
    self.summary = summary
    self.abilities = abilities
    self.keys = keys
    self.omits = omits
  }
}

/// What an object store is, readable by the host without creating an instance.
public struct StoreDescription: Sendable {
  public var id: String
  public var name: String
  public var version: String
  public var summary: String
  public var keys: [ConfigurationKey]

  public init(id: String, name: String, version: String, summary: String, keys: [ConfigurationKey]) {
    self.id = id
    self.name = name
    self.version = version
    self.summary = summary
    self.keys = keys
  }
}

extension TierDescription {
  func makeDescriptor() -> UnsafePointer<chronik_descriptor> {
    Immortal.descriptor(
      id: id, name: name, version: version, summary: summary, abilities: abilities.rawValue, keys: keys)
  }
}

extension StoreDescription {
  /// The C form. It is allocated once and never freed: the ABI wants it valid for ever.
  func makeDescriptor() -> UnsafePointer<chronik_descriptor> {
    Immortal.descriptor(id: id, name: name, version: version, summary: summary, abilities: 0, keys: keys)
  }
}

extension ConfigurationKey {
  fileprivate func makeConfigKey() -> chronik_config_key {
    var key = chronik_config_key(
      name: Immortal.string(name), summary: Immortal.string(summary),
      default_value: defaultValue.map { Immortal.string($0) }, choices: nil, minimum: 0, maximum: 0, kind: 0,
      flags: isRequired ? CHRONIK_CONFIG_REQUIRED : 0, reserved: (0, 0))
    switch kind {
    case .string: key.kind = CHRONIK_CONFIG_STRING
    case .bool: key.kind = CHRONIK_CONFIG_BOOL
    case .integer(let range): key.setBounds(CHRONIK_CONFIG_INTEGER, range)
    case .size(let range): key.setBounds(CHRONIK_CONFIG_SIZE, range)
    case .duration(let range): key.setBounds(CHRONIK_CONFIG_DURATION, range)
    case .choice(let names):
      key.kind = CHRONIK_CONFIG_CHOICE
      let list = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: names.count + 1)
      for (index, name) in names.enumerated() { (list + index).initialize(to: Immortal.string(name)) }
      (list + names.count).initialize(to: nil)
      key.choices = UnsafePointer(list)
    }
    return key
  }
}

extension chronik_config_key {
  fileprivate mutating func setBounds(_ newKind: UInt32, _ range: ClosedRange<Int64>) {
    kind = newKind
    minimum = range.lowerBound
    maximum = range.upperBound
  }
}

/// Static data for the C side that is never freed.
enum Immortal {
  /// The C form of a description: the ABI wants it valid for ever.
  static func descriptor(
    id: String, name: String, version: String, summary: String, abilities: UInt64, keys: [ConfigurationKey]
  ) -> UnsafePointer<chronik_descriptor> {
    pointer(
      to: chronik_descriptor(
        struct_size: UInt32(MemoryLayout<chronik_descriptor>.size), config_key_count: UInt32(keys.count),
        id: string(id), name: string(name), version: string(version), summary: string(summary),
        config_keys: keys.isEmpty ? nil : array(keys.map { $0.makeConfigKey() }), abilities: abilities))
  }

  static func string(_ text: String) -> UnsafePointer<CChar> {
    let utf8 = Array(text.utf8CString)
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: utf8.count)
    copy.initialize(from: utf8, count: utf8.count)
    return UnsafePointer(copy)
  }

  static func pointer<T>(to value: T) -> UnsafePointer<T> {
    let result = UnsafeMutablePointer<T>.allocate(capacity: 1)
    result.initialize(to: value)
    return UnsafePointer(result)
  }

  /// Also of an empty list the address of valid memory.
  static func array<T>(_ values: [T]) -> UnsafePointer<T> {
    let result = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
    result.initialize(from: values, count: values.count)
    return UnsafePointer(result)
  }
}
