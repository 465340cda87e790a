/// Where a value comes from, with DescribeConfigs' numbers.
public enum KafkaConfigSource: Int8, Sendable, Hashable {
  case topic = 1
  case staticBroker = 4
  case `default` = 5
}

/// One row of DescribeConfigs.
public struct KafkaConfigEntry: Sendable, Hashable {
  public struct Synonym: Sendable, Hashable {
    public let name: String
    public let value: String?
    public let source: KafkaConfigSource
  }

  public let name: String
  /// Nil when the setting is sensitive.
  public let value: String?
  public let source: KafkaConfigSource
  public let type: KafkaConfigType
  public let isReadOnly: Bool
  public let isSensitive: Bool
  public let documentation: String
  /// Every layer that has a value, the one in force first.
  public let synonyms: [Synonym]

  public var isDefault: Bool { source == .default }

  fileprivate init(_ definition: KafkaConfigDefinition, layers: [(String, String, KafkaConfigSource)]) {
    let hidden = definition.isSensitive
    name = definition.name
    value = hidden ? nil : layers[0].1
    source = layers[0].2
    type = definition.type
    isReadOnly = definition.isReadOnly
    isSensitive = hidden
    documentation = definition.documentation
    synonyms = layers.map { Synonym(name: $0.0, value: hidden ? nil : $0.1, source: $0.2) }
  }
}

extension TopicConfiguration {
  /// What DescribeConfigs answers for a topic, in the order of the table.
  ///
  /// - Parameters:
  ///   - overrides: the topic's own settings, in normal form.
  ///   - brokerDefaults: `Configuration.Topics.given`.
  public static func describe(overrides: [String: String], brokerDefaults: [String: String]) -> [KafkaConfigEntry] {
    definitions.map { definition in
      let name = definition.name
      let brokerName = definition.brokerSynonym ?? name
      var layers: [(String, String, KafkaConfigSource)] = []
      if let value = overrides[name] { layers.append((name, value, .topic)) }
      if let value = brokerDefaults[name] { layers.append((brokerName, value, .staticBroker)) }
      layers.append((brokerName, definition.defaultValue, .default))
      return KafkaConfigEntry(definition, layers: layers)
    }
  }
}

extension BrokerConfiguration {
  /// What DescribeConfigs answers for the broker, in the order of the table.
  public static func describe(_ configuration: Configuration) -> [KafkaConfigEntry] {
    definitions.map { row in
      let value = row.value(in: configuration)
      let standard = row.definition.defaultValue
      var layers: [(String, String, KafkaConfigSource)] = []
      if value != standard { layers.append((row.name, value, .staticBroker)) }
      layers.append((row.name, standard, .default))
      return KafkaConfigEntry(row.definition, layers: layers)
    }
  }
}
