extension ConfigurationReport {
  /// One JSON object: `settings` (name, value, origin), `chain` and `warnings`. Sizes are in bytes, durations in
  /// milliseconds; a setting without value is null.
  public func json() -> String {
    let settings = rows.map { row in
      JSONText.object([
        ("name", JSONText.string(row.name)), ("value", JSONText.scalar(row)), ("origin", JSONText.string(row.origin)),
      ])
    }
    return JSONText.object([
      ("settings", JSONText.array(settings)), ("chain", JSONText.array(jsonChain)),
      ("warnings", JSONText.array(allWarnings.map { JSONText.string($0.description) })),
    ]) + "\n"
  }

  private var jsonChain: [String] {
    guard let chain = resolved else {
      return declared.map { spec in
        JSONText.object([
          ("name", JSONText.string(spec.instanceName)), ("tier", JSONText.string(spec.tier)),
          ("settings", JSONText.settings(Self.masked(spec.config) { Secret.isName($0) })),
        ])
      }
    }
    return chain.tiers.indices.map { index in
      let tier = chain.tiers[index]
      let abilities = TierAbilities.names.filter { tier.descriptor.abilities.contains($0.ability) }.map(\.name)
      return JSONText.object([
        ("name", JSONText.string(tier.instanceName)), ("tier", JSONText.string(tier.spec.tier)),
        ("plugin", JSONText.string(tier.descriptor.name)), ("version", JSONText.string(tier.descriptor.version)),
        ("role", JSONText.string(Self.role(index, in: chain))),
        ("abilities", JSONText.array(abilities.map { JSONText.string($0) })),
        ("settings", Self.settings(tier.settings, tier.descriptor.configKeys)),
      ] + (tier.store.map { [("store", Self.store($0, in: chain))] } ?? []))
    }
  }

  private static func store(_ store: TierStore, in chain: ResolvedChain) -> String {
    switch store {
    case .shared(let index): JSONText.object([("shared_with", JSONText.string(chain.tiers[index].instanceName))])
    case .own(let store):
      JSONText.object([
        ("type", JSONText.string(store.descriptor.name)), ("version", JSONText.string(store.descriptor.version)),
        ("settings", settings(store.settings, store.descriptor.configKeys)),
      ])
    }
  }

  private static func settings(_ settings: [TierSetting], _ keys: [PluginConfigKey]) -> String {
    let secrets = Set(keys.filter(\.isSecret).map(\.name))
    return JSONText.settings(masked(settings) { secrets.contains($0) })
  }

  private static func masked(_ settings: [TierSetting], _ isSecret: (String) -> Bool) -> [TierSetting] {
    settings.map { isSecret($0.key) ? TierSetting(key: $0.key, value: Secret.mask) : $0 }
  }
}

/// JSON as text, for output only.
public enum JSONText {
  public static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  public static func array(_ items: [String]) -> String { "[" + items.joined(separator: ",") + "]" }

  /// Keys must be distinct; values are JSON already.
  public static func object(_ members: [(String, String)]) -> String {
    "{" + members.map { "\(string($0.0)):\($0.1)" }.joined(separator: ",") + "}"
  }

  static func settings(_ settings: [TierSetting]) -> String {
    object(settings.map { ($0.key, string($0.value)) })
  }

  static func scalar(_ row: ConfigurationReport.Row) -> String {
    switch row.value {
    case nil: "null"
    case .boolean(let flag): flag ? "true" : "false"
    case .integer(let number), .size(let number), .duration(let number): String(number)
    case .list(let items): array(items.map { string($0) })
    case .table(let entries): settings(entries)
    case .text(let text): string(text)
    case .automatic: string("auto")
    case .endpoint(let endpoint): string(endpoint.description)
    }
  }
}
