/// One key and its text, as written or as normalized.
public struct TierSetting: Sendable, Hashable {
  public let key: String
  public let value: String

  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }
}

/// One entry of `chain:` as the file declares it. Nothing about the plugin has been checked yet.
public struct TierSpec: Sendable, Hashable {
  /// Names the library (`lib<tier>.so` on `plugins.path`) unless `library` does, and the instance unless `name` does.
  public let tier: String
  /// The library's file, absolute.
  public let library: String?
  /// Which tier of the library; by default the only one, or the one with the name `tier`.
  public let product: String?
  public let name: String?
  /// The plugin's own settings in the order of the file, as written.
  public let config: [TierSetting]
  /// Where the tier keeps its objects; nil when the file does not say.
  public let store: StoreSpec?

  public init(
    tier: String, library: String? = nil, product: String? = nil, name: String? = nil, config: [TierSetting] = [],
    store: StoreSpec? = nil
  ) {
    self.tier = tier
    self.library = library
    self.product = product
    self.name = name
    self.config = config
    self.store = store
  }

  /// How logs, metrics and messages call this instance.
  public var instanceName: String { name ?? tier }
}
