extension ConfigurationReader {
  private static let fields = ConfigurationSchema.chain.map(\.key)

  /// Nil when the declaration is unusable as a whole.
  mutating func readChain(_ node: YAMLNode) -> [TierSpec]? {
    let expected = "a list of tiers, each beginning with \"- tier:\""
    guard case .sequence(let items) = node.content else {
      if case .refused = node.content { return nil }
      let found = node.isNull ? "the chain is empty" : "chain: found \(node.foundDescription)"
      report(node.position, ValueProblem(found, expected: expected))
      return nil
    }
    if items.isEmpty {
      report(node.position, ValueProblem("the chain is empty", expected: expected))
      return nil
    }
    if items.count > ConfigurationLimits.chainTiersMax {
      let position = items[ConfigurationLimits.chainTiersMax].position
      report(
        position,
        ValueProblem("the chain has \(items.count) tiers", expected: "at most \(ConfigurationLimits.chainTiersMax)"))
      return nil
    }
    var tiers: [TierSpec] = []
    for (index, item) in items.enumerated() {
      if let tier = readTier(item, index: index) { tiers.append(tier) }
    }
    return tiers.count == items.count ? tiers : nil
  }

  private mutating func readTier(_ node: YAMLNode, index: Int) -> TierSpec? {
    guard case .mapping(let entries) = node.content else {
      if case .refused = node.content { return nil }
      var suggestion: String?
      if case .scalar(let text, _) = node.content, !node.isNull { suggestion = "tier: \(text)" }
      report(
        node.position,
        ValueProblem("found \(node.foundDescription)", expected: "a mapping with the key tier", suggestion: suggestion))
      return nil
    }
    let path = "chain[\(index)]"
    origins.record(path, key: nil, value: node.position)
    var values: [String: SettingValue] = [:]
    var store: StoreSpec?
    for entry in entries {
      if entry.key == "store" {
        store = readStore(entry, path: "\(path).store")
        continue
      }
      guard let setting = ConfigurationSchema.byPath["chain[].\(entry.key)"] else {
        let suggestion = Suggestion.closest(to: entry.key, among: Self.fields)
        report(
          entry.keyPosition,
          ValueProblem(
            "a chain entry has no key \(entry.key.quoted)",
            expected: Self.fields.alternatives
              + (suggestion == nil ? "; a plugin's own settings belong under config" : ""),
            suggestion: suggestion))
        continue
      }
      if entry.key == "tier", let problem = Self.fileNameProblem(entry.value) {
        report(entry.value.position, problem)
        continue
      }
      values[entry.key] = read(entry, setting, path: "\(path).\(entry.key)")
    }
    guard case .text(let tier) = values["tier"] else {
      if !entries.contains(where: { $0.key == "tier" }) {
        report(
          node.position, ValueProblem("the chain entry has no key \"tier\"", expected: "tier: <name of the plugin>"))
      }
      return nil
    }
    return TierSpec(
      tier: tier, library: Self.text(values["library"]), product: Self.text(values["product"]),
      name: Self.text(values["name"]), config: Self.table(values["config"]), store: store)
  }

  /// Nil when there is none or it was refused as a whole.
  private mutating func readStore(_ entry: YAMLNode.Entry, path: String) -> StoreSpec? {
    let node = entry.value
    origins.record(path, key: entry.keyPosition, value: node.position)
    guard case .mapping(let entries) = node.content else {
      if case .refused = node.content { return nil }
      if node.isNull { return nil }
      var suggestion: String?
      if case .scalar(let text, _) = node.content { suggestion = "{ type: \(text) }" }
      report(
        node.position,
        ValueProblem(
          "store: found \(node.foundDescription)", expected: "a mapping with the key type", suggestion: suggestion))
      return nil
    }
    let fields = ConfigurationSchema.store.map(\.key)
    var values: [String: SettingValue] = [:]
    for entry in entries {
      guard let setting = ConfigurationSchema.byPath["chain[].store.\(entry.key)"] else {
        let suggestion = Suggestion.closest(to: entry.key, among: fields)
        report(
          entry.keyPosition,
          ValueProblem(
            "a store has no key \(entry.key.quoted)",
            expected: fields.alternatives
              + (suggestion == nil ? "; the store's own settings belong under config" : ""),
            suggestion: suggestion))
        continue
      }
      values[entry.key] = read(entry, setting, path: "\(path).\(entry.key)")
    }
    return StoreSpec(
      type: Self.text(values["type"]) ?? StoreSpec.defaultType, plugin: Self.text(values["plugin"]),
      library: Self.text(values["library"]), config: Self.table(values["config"]))
  }

  /// A file name where the plugin's name belongs.
  private static func fileNameProblem(_ node: YAMLNode) -> ValueProblem? {
    guard case .scalar(let text, _) = node.content, text.contains("/") || text.hasSuffix(".so") else { return nil }
    var name = text.split(separator: "/").last.map { String($0) } ?? ""
    if name.hasSuffix(".so") { name.removeLast(3) }
    if name.hasPrefix("lib") { name.removeFirst(3) }
    return ValueProblem(
      "tier: \(text.quoted) is a file", expected: "the plugin's name here and its file, when needed, in library:",
      suggestion: name.isEmpty ? nil : name)
  }

  private static func text(_ value: SettingValue?) -> String? {
    guard case .text(let text) = value else { return nil }
    return text
  }

  private static func table(_ value: SettingValue?) -> [TierSetting] {
    guard case .table(let entries) = value else { return [] }
    return entries
  }
}
