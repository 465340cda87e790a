/// Where a value comes from, with DescribeConfigs' numbers.
public enum KafkaConfigSource: Int8, Sendable, Hashable {
  case topic = 1
  case dynamicBroker = 2
  case dynamicDefaultBroker = 3
  case staticBroker = 4
  case `default` = 5
  case dynamicBrokerLogger = 6
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

  init(_ definition: KafkaConfigDefinition, layers: [(String, String, KafkaConfigSource)]) {
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
  /// - Parameter overrides: the topic's own settings, in normal form.
  public static func describe(overrides: [String: String], defaults: TopicDefaults) -> [KafkaConfigEntry] {
    definitions.map { definition in
      let name = definition.name
      let brokerName = definition.brokerSynonym ?? name
      var layers: [(String, String, KafkaConfigSource)] = []
      if let value = overrides[name] { layers.append((name, value, .topic)) }
      for layer in defaults.layers {
        if let value = layer.values[name] { layers.append((brokerName, value, layer.source)) }
      }
      layers.append((brokerName, definition.defaultValue, .default))
      return KafkaConfigEntry(definition, layers: layers)
    }
  }
}

extension BrokerSettings {
  /// What DescribeConfigs answers for this broker, in the order of the table.
  public func describe() -> [KafkaConfigEntry] {
    BrokerConfiguration.definitions.map { row in
      var layers: [(String, String, KafkaConfigSource)] = []
      for scope in DynamicBrokerSettings.order {
        if let value = dynamic[scope][row.name] { layers.append((row.name, value, scope.source)) }
      }
      if let value = row.given(in: configuration) { layers.append((row.name, value, .staticBroker)) }
      layers.append((row.name, row.definition.defaultValue, .default))
      return KafkaConfigEntry(row.definition, layers: layers)
    }
  }

  /// What DescribeConfigs answers for the defaults of the cluster: only what clients have set, as in Apache Kafka.
  public func describeClusterDefaults() -> [KafkaConfigEntry] {
    BrokerConfiguration.definitions.compactMap { row in
      dynamic.cluster[row.name].map { value in
        KafkaConfigEntry(row.definition, layers: [(row.name, value, DynamicScope.cluster.source)])
      }
    }
  }
}
