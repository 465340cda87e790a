/// Where topics without a value of their own get it: the broker's values under the names of topic settings, in layers.
public struct TopicDefaults: Sendable, Hashable {
  struct Layer: Sendable, Hashable {
    let source: KafkaConfigSource
    let values: [String: String]
  }

  /// The one that weighs most first.
  let layers: [Layer]
  /// What holds: the broker layer of `ResolvedTopicConfiguration`.
  public let values: [String: String]

  /// - Parameters:
  ///   - given: `Configuration.Topics.given`.
  ///   - dynamic: what clients set while the broker ran.
  public init(given: [String: String] = [:], dynamic: DynamicBrokerSettings = DynamicBrokerSettings()) {
    layers =
      DynamicBrokerSettings.order.map { Layer(source: $0.source, values: Self.underTopicNames(dynamic[$0])) }
      + [Layer(source: .staticBroker, values: given)]
    values = layers.reduce(into: [:]) { values, layer in values.merge(layer.values) { first, _ in first } }
  }

  private static func underTopicNames(_ settings: [String: String]) -> [String: String] {
    var values: [String: String] = [:]
    for (name, value) in settings {
      guard case .topic(let topic) = BrokerConfiguration.definition(named: name)?.origin else { continue }
      values[topic] = value
    }
    return values
  }
}
