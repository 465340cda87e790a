/// `store:` of a chain entry: which object store the tier keeps its data in. Nothing about it has been checked yet.
public struct StoreSpec: Sendable, Hashable {
  /// The store's name within its library, such as "file".
  public let type: String
  /// The library, found as `lib<plugin>.so`; nil together with `library` for the tier's own.
  public let plugin: String?
  /// The library's file, absolute.
  public let library: String?
  /// The store's own settings in the order of the file, as written.
  public let config: [TierSetting]

  /// What a tier that keeps its data in a store uses when the file says nothing.
  public static let defaultType = "file"

  public init(
    type: String = Self.defaultType, plugin: String? = nil, library: String? = nil, config: [TierSetting] = []
  ) {
    self.type = type
    self.plugin = plugin
    self.library = library
    self.config = config
  }
}

/// What a library says about one of its object stores, readable without creating an instance.
public struct StoreDescriptor: Sendable, Hashable {
  public let id: String
  public let name: String
  public let version: String
  public let summary: String
  public let configKeys: [PluginConfigKey]

  public init(id: String, name: String, version: String, summary: String, configKeys: [PluginConfigKey]) {
    self.id = id
    self.name = name
    self.version = version
    self.summary = summary
    self.configKeys = configKeys
  }
}

/// Where a tier of a validated chain keeps its objects.
public enum TierStore: Sendable, Hashable {
  /// An instance of its own.
  case own(ResolvedStore)
  /// The one of a tier further up, by index.
  case shared(with: Int)
}

/// An object store, ready to be created.
public struct ResolvedStore: Sendable, Hashable {
  public let spec: StoreSpec
  public let descriptor: StoreDescriptor
  /// As `ResolvedTier.settings`.
  public let settings: [TierSetting]

  public init(spec: StoreSpec, descriptor: StoreDescriptor, settings: [TierSetting]) {
    self.spec = spec
    self.descriptor = descriptor
    self.settings = settings
  }
}
