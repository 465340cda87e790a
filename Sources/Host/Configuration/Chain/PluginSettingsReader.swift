/// Reads a plugin's `config:` by the keys that the plugin declares.
struct PluginSettingsReader {
  /// What messages call it.
  let name: String
  /// As written.
  let config: [TierSetting]
  /// The path of the mapping that holds `config`, and of the key to blame for what is missing.
  let place: String
  let blamed: String
  let origins: ConfigurationOrigins

  /// Every key with a value, in the order of `configKeys`, and which of them were given.
  func resolve(
    _ configKeys: [PluginConfigKey], _ collector: inout DiagnosticCollector
  ) -> (settings: [TierSetting], givenKeys: Set<String>) {
    let keys = Dictionary(configKeys.map { ($0.name, $0) }) { first, _ in first }
    var given: [String: String] = [:]
    for setting in config {
      let path = "\(place).config.\(setting.key)"
      guard let key = keys[setting.key] else {
        collector.report(origins.diagnostic(path, unknown(setting.key, configKeys), at: .key))
        continue
      }
      switch key.kind.valueKind.parse(setting.value) {
      case .success(let value): given[key.name] = value.normalized
      case .failure(let problem): collector.report(origins.diagnostic(path, problem.named(setting.key)))
      }
    }
    let settings = configKeys.compactMap { key in
      (given[key.name] ?? absent(key, &collector)).map { TierSetting(key: key.name, value: $0) }
    }
    return (settings, Set(given.keys))
  }

  /// The value of a key that is not given or was refused.
  private func absent(_ key: PluginConfigKey, _ collector: inout DiagnosticCollector) -> String? {
    let isWritten = config.contains { $0.key == key.name }
    if key.required, !isWritten {
      collector.report(
        origins.diagnostic(
          blamed,
          ValueProblem(
            "\(name) needs the setting \(key.name.quoted) under config: (\(key.summary))",
            expected: key.kind.valueKind.summary)))
    }
    guard let text = key.defaultValue else { return nil }
    switch key.kind.valueKind.parse(text) {
    case .success(let value): return value.normalized
    case .failure(let problem):
      collector.report(
        origins.diagnostic(
          blamed,
          ValueProblem(
            "\(name): the plugin's own default of \(key.name.quoted) is not valid: \(problem.message)",
            expected: problem.expected)))
      return nil
    }
  }

  private func unknown(_ key: String, _ configKeys: [PluginConfigKey]) -> ValueProblem {
    let names = configKeys.map(\.name)
    return ValueProblem(
      "\(name) has no setting \(key.quoted)",
      expected: names.isEmpty ? "no settings at all" : names.alternatives,
      suggestion: Suggestion.closest(to: key, among: names))
  }
}
