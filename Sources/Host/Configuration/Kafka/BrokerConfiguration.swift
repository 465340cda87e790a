/// One setting of the broker under Kafka's name, and where its value comes from.
public struct BrokerConfigDefinition: Sendable {
  public enum Origin: Sendable {
    /// Written under Kafka's name in this section of the file: "topics" or "coordinators".
    case section(String)
    /// Shown under Kafka's name, written as the setting `path`.
    case setting(path: String, value: @Sendable (Configuration) -> String)
    /// The broker's name for the default of a topic setting.
    case topic(String)
    /// Always the default.
    case fixed
    /// Kept for tools and without effect; no file sets it.
    case stored
  }

  public let definition: KafkaConfigDefinition
  public let origin: Origin
  /// How far clients may set it while the broker runs: `cluster` stands for both. Nil: not at all.
  public let scope: DynamicScope?

  public var name: String { definition.name }

  /// The section of the file in which the setting is written under its own name.
  var section: String? {
    guard case .section(let name) = origin else { return nil }
    return name
  }

  public func value(in configuration: Configuration) -> String {
    given(in: configuration) ?? definition.defaultValue
  }

  /// What the file or the command line says; nil where the default holds.
  func given(in configuration: Configuration) -> String? {
    switch origin {
    case .section("coordinators"): return configuration.coordinators.given[name]
    case .section: return configuration.topics.given[name]
    case .setting(_, let read):
      let value = read(configuration)
      return value == definition.defaultValue ? nil : value
    case .topic(let topic): return configuration.topics.given[topic]
    case .fixed, .stored: return nil
    }
  }
}

/// The settings of the broker under Kafka's names: what DescribeConfigs reports for it.
public enum BrokerConfiguration {
  /// In alphabetical order.
  public static let definitions: [BrokerConfigDefinition] = (own + inherited + stored).sorted { $0.name < $1.name }

  static let byName = Dictionary(uniqueKeysWithValues: definitions.map { ($0.name, $0) })

  public static func definition(named name: String) -> BrokerConfigDefinition? { byName[name] }

  /// What the file may set in a section, in alphabetical order.
  static func settable(in section: String) -> [KafkaConfigDefinition] {
    definitions.filter { $0.section == section }.map(\.definition)
  }

  /// The broker's names for topic defaults, all of which clients may change. A name that both tables share is a topic
  /// setting.
  private static let inherited: [BrokerConfigDefinition] = TopicConfiguration.definitions.compactMap { topic in
    guard let synonym = topic.brokerSynonym else { return nil }
    let definition = KafkaConfigDefinition(
      synonym, topic.type, topic.defaultValue, topic.rule, unit: topic.unit, special: topic.special,
      "The default of \(topic.name) for topics that do not set it. " + topic.documentation)
    return BrokerConfigDefinition(definition: definition, origin: .topic(topic.name), scope: .cluster)
  }
}
