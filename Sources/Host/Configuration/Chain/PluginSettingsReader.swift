/// Reads the `config:` of a tier or a store by the keys that its plugin declares.
struct PluginSettingsReader {
  /// How messages call the instance.
  let owner: String
  /// Where the settings stand, "chain[0].config".
  let path: String
  /// What is blamed for a setting that is missing, "chain[0].tier".
  let ownerPath: String
  let written: [TierSetting]
  let keys: [PluginConfigKey]
  let origins: ConfigurationOrigins

  /// Every key that has a value, given or by default, in the order of `keys`, normalised; and the names of those given.
  func resolve(_ collector: inout DiagnosticCollector) -> (settings: [TierSetting], given: Set<String>) {
    let known = Dictionary(keys.map { ($0.name, $0) }) { first, _ in first }
    var given: [String: String] = [:]
    for setting in written {
      let place = "\(path).\(setting.key)"
      guard let key = known[setting.key] else {
        collector.report(origins.diagnostic(place, unknown(setting.key), at: .key))
        continue
      }
      switch key.kind.valueKind.parse(setting.value) {
      case .success(let value): given[key.name] = value.normalized
      case .failure(let problem): collector.report(origins.diagnostic(place, Self.said(problem, of: key)))
      }
    }
    let settings = keys.compactMap { key in
      (given[key.name] ?? absent(key, &collector)).map { TierSetting(key: key.name, value: $0) }
    }
    return (settings, Set(given.keys))
  }

  /// A secret is not repeated to say what is wrong with it.
  private static func said(_ problem: ValueProblem, of key: PluginConfigKey) -> ValueProblem {
    guard key.isSecret else { return problem.named(key.name) }
    return ValueProblem("\(key.name): the value is not valid", expected: problem.expected)
  }

  /// The value of a key that is not given or was refused.
  private func absent(_ key: PluginConfigKey, _ collector: inout DiagnosticCollector) -> String? {
    let isWritten = written.contains { $0.key == key.name }
    if key.required, !isWritten {
      collector.report(
        origins.diagnostic(
          ownerPath,
          ValueProblem(
            "\(owner) needs the setting \(key.name.quoted) under config: (\(key.summary))",
            expected: key.kind.valueKind.summary)))
    }
    guard let text = key.defaultValue else { return nil }
    switch key.kind.valueKind.parse(text) {
    case .success(let value): return value.normalized
    case .failure(let problem):
      collector.report(
        origins.diagnostic(
          ownerPath,
          ValueProblem(
            "\(owner): the plugin's own default of \(key.name.quoted) is not valid: \(problem.message)",
            expected: problem.expected)))
      return nil
    }
  }

  private func unknown(_ name: String) -> ValueProblem {
    let names = keys.map(\.name)
    return ValueProblem(
      "\(owner) has no setting \(name.quoted)",
      expected: names.isEmpty ? "no settings at all" : names.alternatives,
      suggestion: Suggestion.closest(to: name, among: names))
  }
}
