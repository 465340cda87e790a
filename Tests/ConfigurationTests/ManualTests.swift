import Testing

@testable import Configuration

@Suite("The manual")
struct ManualTests {
  /// The repository's chronik.yaml, beside Package.swift.
  private static let path: String = {
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/") + "/chronik.yaml"
  }()

  private func file() throws -> String {
    String(decoding: try ConfigurationFile.read(Self.path), as: UTF8.self)
  }

  @Test("chronik.yaml is what the schema prints")
  func matchesSchema() throws {
    let file = try file().split(separator: "\n", omittingEmptySubsequences: false)
    let manual = ConfigurationManual.manual().split(separator: "\n", omittingEmptySubsequences: false)
    for (written, printed) in zip(file, manual) where written != printed {
      Issue.record("chronik.yaml has \(written.debugDescription), the schema \(printed.debugDescription)")
      return
    }
    #expect(file.count == manual.count)
  }

  @Test("chronik.yaml loads and equals the built-in defaults")
  func equalsDefaults() throws {
    let loaded = try load(try file())
    #expect(loaded.configuration == (try loadDefaults().configuration))
    #expect(loaded.warnings.isEmpty)
  }

  /// The lines of a section, or of the top of the file, with their indentation removed.
  private func lines(of section: String, in text: String) -> [Substring] {
    var current = ""
    var found: [Substring] = []
    for line in text.split(separator: "\n") {
      let body = line.drop { $0 == " " }
      if line.count == body.count, !line.hasPrefix("#"), line.hasSuffix(":") { current = String(line.dropLast()) }
      if line.count == body.count, line.contains(": "), !line.hasPrefix("# ") { current = "" }
      if current == section { found.append(body) }
    }
    return found
  }

  @Test("chronik.yaml mentions every setting of the schema with its default and what it accepts")
  func mentionsEverything() throws {
    let text = try file()
    for setting in ConfigurationSchema.settings where !setting.path.hasPrefix("chain[") {
      let here = lines(of: setting.section, in: text)
      let wanted = setting.defaultText.map { "\(setting.key): \($0)" } ?? "#\(setting.key): "
      #expect(here.contains { $0.hasPrefix(wanted) }, "\(setting.path)")
      #expect(text.contains("Default: \(setting.defaultText ?? "none"). Accepted: "), "\(setting.path)")
    }
    for section in ["topics", "coordinators"] {
      let here = lines(of: section, in: text)
      for definition in ConfigurationSchema.kafkaSettings(in: section) {
        let value = definition.defaultValue.isEmpty ? "\"\"" : definition.defaultValue
        #expect(here.contains("#\(definition.name): \(value)"), "\(definition.name)")
      }
    }
    for field in ["tier", "library", "product", "name", "config", "store", "store.type", "store.config"] {
      #expect(text.contains("  # \(field): "))
    }
  }

  @Test("with every comment mark removed, the settings still have their defaults")
  func uncommented() throws {
    let examples = ["#id:", "#advertised:", "#sha256:", "#library:", "#product:", "#name:", "#config:", "#store:"]
    let lines = try file().split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
      let body = line.drop { $0 == " " }
      guard body.hasPrefix("#"), !body.hasPrefix("# "), !examples.contains(where: { body.hasPrefix($0) }) else {
        return String(line)
      }
      return String(line.prefix(line.count - body.count) + body.dropFirst())
    }
    let loaded = try load(lines.joined(separator: "\n"))
    let kafka = ConfigurationSchema.kafkaSettings(in: "topics").map { ($0.name, $0.defaultValue) }
    #expect(loaded.configuration.topics.given == Dictionary(uniqueKeysWithValues: kafka))
    var plain = loaded.configuration
    plain.topics.given = [:]
    plain.coordinators.given = [:]
    #expect(plain == (try loadDefaults().configuration))
  }

  @Test("the examples of optional settings load")
  func examples() throws {
    let text = try file().split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
      let body = line.drop { $0 == " " }
      guard body.hasPrefix("#"), !body.hasPrefix("# ") else { return String(line) }
      return String(line.prefix(line.count - body.count) + body.dropFirst())
    }
    let configuration = try load(text.joined(separator: "\n")).configuration
    #expect(configuration.clusterID == "orders-production")
    #expect(configuration.advertised == Endpoint(host: "broker-1.example.com", port: 9092))
    #expect(configuration.chain[0].name == "hot")
    #expect(configuration.chain[0].config == [TierSetting(key: "capacity", value: "64MiB")])
  }

  @Test("comments are at most 110 columns wide and say a reason in sentences")
  func shape() throws {
    for line in try file().split(separator: "\n") where line.drop(while: { $0 == " " }).hasPrefix("# ") {
      #expect(line.count <= 110, "\(line)")
    }
    for setting in ConfigurationSchema.settings {
      #expect(setting.summary.hasSuffix(".") && setting.reason.hasSuffix("."), "\(setting.path)")
    }
  }

  @Test("every section and every key at the top of the file has its place")
  func schemaIsWhole() {
    #expect(
      ConfigurationSchema.topKeys == [
        "node", "cluster", "data_dir", "listen", "advertised", "volatile", "durability", "plugins", "chain",
        "offload", "compaction", "topics", "coordinators", "network", "fetch", "http", "log",
      ])
    for key in ConfigurationSchema.topKeys where ConfigurationSchema.setting(key) == nil {
      #expect(ConfigurationSchema.sections.contains { $0.name == key }, "\(key)")
    }
    for setting in ConfigurationSchema.settings {
      if case .scalar = setting.shape { _ = setting.defaultValue }
    }
  }
}
