/// What `chronik config check` prints: the effective configuration and where each value comes from.
public struct ConfigurationReport: Sendable {
  /// One effective setting.
  public struct Row: Sendable, Hashable {
    public let name: String
    /// Nil when the setting is optional and absent.
    public let value: SettingValue?
    /// "default", "chronik.yaml:3" or "--listen".
    public let origin: String

    /// For people: sizes and durations with units.
    public var display: String { value?.display ?? "-" }
  }

  private let loaded: LoadedConfiguration
  let resolved: ResolvedChain?

  /// - Parameter chain: the validated chain, when plugins were loaded; otherwise the chain is shown as declared.
  public init(_ loaded: LoadedConfiguration, chain: ResolvedChain? = nil) {
    self.loaded = loaded
    resolved = chain
  }

  var declared: [TierSpec] { loaded.configuration.chain }

  var allWarnings: [ConfigurationDiagnostic] { loaded.warnings + (resolved?.warnings ?? []) }

  /// Every setting of the schema outside the chain, in the manual's order. Kafka's settings appear when they are given.
  public var rows: [Row] {
    var rows: [Row] = []
    for key in ConfigurationSchema.topKeys {
      rows += ConfigurationSchema.settings.filter { $0.path == key || $0.section == key }.map { row($0) }
      for definition in ConfigurationSchema.kafkaSettings(in: key) {
        if let row = row(definition, section: key) { rows.append(row) }
      }
    }
    return rows
  }

  private func row(_ setting: Setting) -> Row {
    let configuration = loaded.configuration
    let value: SettingValue? =
      switch setting.path {
      case "data_dir": .text(configuration.dataDirectory)
      case "plugins.path": .list(configuration.plugins.path)
      case "network.threads": .integer(Int64(configuration.network.threads))
      default: loaded.values[setting.path] ?? setting.defaultValue
      }
    return Row(name: setting.path, value: value, origin: origin(setting.path))
  }

  private func row(_ definition: KafkaConfigDefinition, section: String) -> Row? {
    let given = section == "topics" ? loaded.configuration.topics.given : loaded.configuration.coordinators.given
    guard let value = given[definition.name] else { return nil }
    let path = "\(section).\(definition.name)"
    return Row(name: path, value: .text(value), origin: origin(path))
  }

  private func origin(_ path: String) -> String {
    if let option = loaded.origins.option(path) { return option }
    guard let position = loaded.origins.value(path) else { return "default" }
    return "\(loaded.origins.file):\(position.line)"
  }

  /// Aligned columns: setting, value, origin; then the chain; then warnings.
  public func table() -> String {
    let rows = rows
    var text = Self.align(
      [["SETTING", "VALUE", "FROM"]] + rows.map { [$0.name, $0.display, $0.origin] })
    text += "\n" + chainTable()
    if !allWarnings.isEmpty { text += "\n" + allWarnings.map(\.description).joined(separator: "\n") + "\n" }
    return text
  }

  private func chainTable() -> String {
    guard let chain = resolved else {
      let tiers = declared.map { spec in
        [
          spec.instanceName, spec.tier,
          spec.config.map { "\($0.key)=\(Secret.isName($0.key) ? Secret.mask : $0.value)" }.joined(separator: " "),
        ]
      }
      return Self.align([["CHAIN (not loaded)", "TIER", "SETTINGS"]] + tiers)
    }
    let tiers = chain.tiers.indices.map { index in
      let tier = chain.tiers[index]
      return [
        tier.instanceName, "\(tier.descriptor.name) \(tier.descriptor.version)", Self.role(index, in: chain),
        tier.descriptor.abilities.description,
        (tier.settings.map { "\($0.key)=\(Self.display($0, tier.descriptor.configKeys))" }
          + Self.store(of: tier, in: chain))
          .joined(separator: " "),
      ]
    }
    return Self.align([["CHAIN", "TIER", "ROLE", "ABILITIES", "SETTINGS"]] + tiers)
  }

  private static func store(of tier: ResolvedTier, in chain: ResolvedChain) -> [String] {
    switch tier.store {
    case nil: []
    case .shared(let index): ["store=that of \(chain.tiers[index].instanceName)"]
    case .own(let store):
      ["store=\(store.descriptor.name)"]
        + store.settings.map { "store.\($0.key)=\(display($0, store.descriptor.configKeys))" }
    }
  }

  private static func display(_ setting: TierSetting, _ keys: [PluginConfigKey]) -> String {
    guard let key = keys.first(where: { $0.name == setting.key }) else { return setting.value }
    if key.isSecret { return Secret.mask }
    guard let number = Int64(setting.value) else { return setting.value }
    return switch key.kind {
    case .size: ByteSize.text(number)
    case .duration: DurationText.text(number)
    case .string, .bool, .integer, .choice: setting.value
    }
  }

  static func role(_ index: Int, in chain: ResolvedChain) -> String {
    if index < chain.commitTierIndex { return "cache" }
    if index == chain.commitTierIndex { return "commit" }
    return chain.tiers[index].descriptor.abilities.contains(.import) ? "import" : "fallback"
  }

  /// The last column is not padded.
  private static func align(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line += cell
        if column + 1 < row.count { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
      }
      return line.trimmed + "\n"
    }.joined()
  }
}
