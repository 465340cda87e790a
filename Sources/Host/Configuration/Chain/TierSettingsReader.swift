/// Reads the `config:` of one chain entry by the keys that its plugin declares.
struct TierSettingsReader {
  let spec: TierSpec
  let index: Int
  let origins: ConfigurationOrigins

  func resolve(_ descriptor: TierDescriptor, _ collector: inout DiagnosticCollector) -> ResolvedTier {
    let keys = Dictionary(descriptor.configKeys.map { ($0.name, $0) }) { first, _ in first }
    var given: [String: String] = [:]
    for setting in spec.config {
      let path = "chain[\(index)].config.\(setting.key)"
      guard let key = keys[setting.key] else {
        collector.report(origins.diagnostic(path, unknown(setting.key, descriptor), at: .key))
        continue
      }
      switch key.kind.valueKind.parse(setting.value) {
      case .success(let value): given[key.name] = value.normalized
      case .failure(let problem): collector.report(origins.diagnostic(path, problem.named(setting.key)))
      }
    }
    let settings = descriptor.configKeys.compactMap { key in
      (given[key.name] ?? absent(key, &collector)).map { TierSetting(key: key.name, value: $0) }
    }
    return ResolvedTier(spec: spec, descriptor: descriptor, settings: settings, givenKeys: Set(given.keys))
  }

  /// The value of a key that is not given or was refused.
  private func absent(_ key: PluginConfigKey, _ collector: inout DiagnosticCollector) -> String? {
    let isWritten = spec.config.contains { $0.key == key.name }
    if key.required, !isWritten {
      collector.report(
        origins.diagnostic(
          "chain[\(index)].tier",
          ValueProblem(
            "\(spec.instanceName) needs the setting \(key.name.quoted) under config: (\(key.summary))",
            expected: key.kind.valueKind.summary)))
    }
    guard let text = key.defaultValue else { return nil }
    switch key.kind.valueKind.parse(text) {
    case .success(let value): return value.normalized
    case .failure(let problem):
      collector.report(
        origins.diagnostic(
          "chain[\(index)].tier",
          ValueProblem(
            "\(spec.instanceName): the plugin's own default of \(key.name.quoted) is not valid: \(problem.message)",
            expected: problem.expected)))
      return nil
    }
  }

  private func unknown(_ name: String, _ descriptor: TierDescriptor) -> ValueProblem {
    let names = descriptor.configKeys.map(\.name)
    return ValueProblem(
      "\(spec.instanceName) has no setting \(name.quoted)",
      expected: names.isEmpty ? "no settings at all" : names.alternatives,
      suggestion: Suggestion.closest(to: name, among: names))
  }
}
