/// Walks a document along the schema and collects values, positions and problems. It never stops at the first problem.
struct ConfigurationReader {
  let file: String
  let baseDirectory: String
  let environment: ConfigurationEnvironment
  var collector = DiagnosticCollector()
  var origins: ConfigurationOrigins
  /// Checked values by path. A setting that was refused is absent.
  private(set) var values: [String: SettingValue] = [:]
  /// Checked Kafka settings by section and name.
  private(set) var kafka: [String: [String: String]] = [:]
  /// Nil when the file declares none.
  private(set) var chain: [TierSpec]?

  init(file: String, source: SourceText?, baseDirectory: String, environment: ConfigurationEnvironment) {
    self.file = file
    self.baseDirectory = baseDirectory
    self.environment = environment
    origins = ConfigurationOrigins(file: file, source: source)
  }

  mutating func read(_ root: YAMLNode) {
    guard case .mapping(let entries) = root.content else {
      if case .refused = root.content { return }
      if root.isNull { return }
      report(
        root.position,
        ValueProblem("the file holds \(root.foundDescription)", expected: "settings, one \"key: value\" per line"))
      return
    }
    readMapping(entries, section: "")
  }

  /// Checks and records what a command-line option sets. Relative paths start at the working directory.
  mutating func override(_ path: String, with text: String?, option: String) {
    guard let text, let setting = ConfigurationSchema.byPath[path], case .scalar(let kind) = setting.shape else {
      return
    }
    origins.record(path, option: option)
    switch kind.parse(text) {
    case .success(let value): values[path] = resolved(value, kind, base: environment.workingDirectory)
    case .failure(let problem):
      collector.report(origins.diagnostic(path, problem))
    }
  }

  mutating func report(
    _ position: SourcePosition, _ problem: ValueProblem, severity: ConfigurationDiagnostic.Severity = .error
  ) {
    collector.report(
      ConfigurationDiagnostic(
        file: file, line: position.line, column: position.column, message: problem.message, expected: problem.expected,
        suggestion: problem.suggestion, severity: severity))
  }

  private mutating func readMapping(_ entries: [YAMLNode.Entry], section: String) {
    for entry in entries {
      let path = section.isEmpty ? entry.key : "\(section).\(entry.key)"
      if let definition = ConfigurationSchema.kafkaByName[section]?[entry.key] {
        readKafka(entry, definition, section: section)
      } else if path == "chain" {
        origins.record(path, key: entry.keyPosition, value: entry.value.position)
        chain = readChain(entry.value)
      } else if let setting = ConfigurationSchema.byPath[path], !entry.key.contains(".") {
        if let value = read(entry, setting, path: path) { values[path] = value }
      } else if section.isEmpty, ConfigurationSchema.topKeys.contains(path) {
        readSection(entry)
      } else {
        report(entry.keyPosition, UnknownSetting(key: entry.key, section: section).problem)
      }
    }
  }

  private mutating func readSection(_ entry: YAMLNode.Entry) {
    origins.record(entry.key, key: entry.keyPosition, value: entry.value.position)
    switch entry.value.content {
    case .mapping(let entries): readMapping(entries, section: entry.key)
    case .refused: break
    case .scalar where entry.value.isNull: break
    case .scalar, .sequence:
      report(
        entry.value.position,
        ValueProblem(
          "\(entry.key): found \(entry.value.foundDescription)", expected: "a mapping of settings, indented below it"))
    }
  }

  private mutating func readKafka(_ entry: YAMLNode.Entry, _ definition: KafkaConfigDefinition, section: String) {
    origins.record("\(section).\(entry.key)", key: entry.keyPosition, value: entry.value.position)
    var text: String?
    switch entry.value.content {
    case .scalar(let scalar, _) where !entry.value.isNull: text = scalar
    case .sequence(let items):
      if case .choices = definition.rule { text = joined(items) }
    case .refused: return
    case .scalar, .mapping: break
    }
    guard let text else {
      report(
        entry.value.position,
        ValueProblem("\(entry.key): found \(entry.value.foundDescription)", expected: definition.expectation))
      return
    }
    switch definition.normalizeWithUnits(text) {
    case .success(let value): kafka[section, default: [:]][entry.key] = value
    case .failure(let problem): report(entry.value.position, problem.named(entry.key))
    }
  }

  /// A YAML list of words as Kafka writes lists.
  private func joined(_ items: [YAMLNode]) -> String? {
    var words: [String] = []
    for item in items {
      guard case .scalar(let text, _) = item.content else { return nil }
      words.append(text)
    }
    return words.joined(separator: ",")
  }

  /// Reads one setting at `path`, which for fields of the chain carries an index that the schema's path does not.
  /// Nil when it was refused, or is optional and has no value.
  mutating func read(_ entry: YAMLNode.Entry, _ setting: Setting, path: String) -> SettingValue? {
    origins.record(path, key: entry.keyPosition, value: entry.value.position)
    let node = entry.value
    switch (setting.shape, node.content) {
    case (_, .refused): return nil
    case (.scalar(let kind), .scalar(let text, _)) where !node.isNull:
      switch kind.parse(text) {
      case .success(let value): return resolved(value, kind, base: baseDirectory)
      case .failure(let problem):
        report(node.position, problem.named(displayed(path)))
        return nil
      }
    case (.paths, .sequence(let items)): return readPaths(items, path: path)
    case (.digests, .mapping(let entries)): return readDigests(entries, path: path)
    case (.pluginSettings, .mapping(let entries)): return readPluginSettings(entries, path: path)
    case (.scalar, .scalar) where setting.defaultText == nil && !setting.isRequired: return nil
    case (.digests, .scalar) where node.isNull: return nil
    case (.pluginSettings, .scalar) where node.isNull: return nil
    case (.store, .scalar) where node.isNull: return nil
    case (.paths, .scalar(let text, _)) where !node.isNull:
      report(
        node.position,
        ValueProblem(
          "\(displayed(path)): \(text.quoted) is not a list", expected: setting.expectation, suggestion: "[ \(text) ]"))
      return nil
    default:
      report(
        node.position, ValueProblem("\(displayed(path)): found \(node.foundDescription)", expected: setting.expectation)
      )
      return nil
    }
  }

  private func resolved(_ value: SettingValue, _ kind: ValueKind, base: String) -> SettingValue {
    guard kind == .path, case .text(let path) = value else { return value }
    return .text(PathText.resolve(path, against: base, binaryDirectory: environment.binaryDirectory))
  }

  private mutating func readPaths(_ items: [YAMLNode], path: String) -> SettingValue {
    var paths: [String] = []
    for item in items {
      guard case .scalar(let text, _) = item.content, !item.isNull else {
        report(item.position, ValueProblem("\(path): found \(item.foundDescription)", expected: "a path"))
        continue
      }
      switch ValueKind.path.parse(text) {
      case .success:
        paths.append(PathText.resolve(text, against: baseDirectory, binaryDirectory: environment.binaryDirectory))
      case .failure(let problem): report(item.position, problem.named(path))
      }
    }
    return .list(paths)
  }

  private mutating func readDigests(_ entries: [YAMLNode.Entry], path: String) -> SettingValue {
    var digests: [TierSetting] = []
    for entry in entries {
      origins.record("\(path).\(entry.key)", key: entry.keyPosition, value: entry.value.position)
      let expected = "64 hexadecimal digits, as sha256sum prints them"
      guard case .scalar(let text, _) = entry.value.content, !entry.value.isNull else {
        report(
          entry.value.position,
          ValueProblem("\(path).\(entry.key): found \(entry.value.foundDescription)", expected: expected))
        continue
      }
      guard text.utf8.count == 64, text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
        report(
          entry.value.position,
          ValueProblem("\(path).\(entry.key): \(text.quoted) is not a SHA-256 digest", expected: expected))
        continue
      }
      digests.append(TierSetting(key: entry.key, value: text.lowercased()))
    }
    return .table(digests)
  }

  private mutating func readPluginSettings(_ entries: [YAMLNode.Entry], path: String) -> SettingValue {
    var settings: [TierSetting] = []
    for entry in entries {
      origins.record("\(path).\(entry.key)", key: entry.keyPosition, value: entry.value.position)
      guard case .scalar(let text, _) = entry.value.content, !entry.value.isNull else {
        if case .refused = entry.value.content { continue }
        report(
          entry.value.position,
          ValueProblem("\(entry.key): found \(entry.value.foundDescription)", expected: "one value"))
        continue
      }
      settings.append(TierSetting(key: entry.key, value: text))
    }
    return .table(settings)
  }

  /// Fields of the chain are called by their key: the position says which entry is meant.
  private func displayed(_ path: String) -> String {
    path.hasPrefix("chain[") ? String(path.drop { $0 != "." }.dropFirst()) : path
  }
}
