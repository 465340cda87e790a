/// The settings of a topic under Kafka's names.
public enum TopicConfiguration {
  static let byName = Dictionary(uniqueKeysWithValues: definitions.map { ($0.name, $0) })

  public static func definition(named name: String) -> KafkaConfigDefinition? { byName[name] }

  /// Checks one setting of CreateTopics, AlterConfigs or IncrementalAlterConfigs and returns the value to store.
  ///
  /// The failure's `sentence` is the text for INVALID_CONFIG: it names the setting, what is accepted and what was
  /// probably meant.
  public static func validate(name: String, value: String) -> Result<String, ValueProblem> {
    guard let definition = byName[name] else { return .failure(unknown(name)) }
    return definition.normalize(value).mapError { $0.named(name) }
  }

  /// Checks a whole set of overrides, including the rules between settings, against the broker's defaults.
  ///
  /// - Parameter brokerDefaults: `Configuration.Topics.given`.
  /// - Returns: the overrides in normal form, or every problem in the order of the names.
  public static func validate(
    overrides: [String: String], brokerDefaults: [String: String] = [:]
  ) -> Result<[String: String], TopicConfigurationProblems> {
    var problems: [ValueProblem] = []
    var normalized: [String: String] = [:]
    for (name, value) in overrides.sorted(by: { $0.key < $1.key }) {
      switch validate(name: name, value: value) {
      case .success(let text): normalized[name] = text
      case .failure(let problem): problems.append(problem)
      }
    }
    guard problems.isEmpty else { return .failure(TopicConfigurationProblems(problems: problems)) }
    let resolved = ResolvedTopicConfiguration(brokerDefaults: brokerDefaults, overrides: normalized)
    let conflicts = resolved.conflicts().map(\.problem)
    return conflicts.isEmpty ? .success(normalized) : .failure(TopicConfigurationProblems(problems: conflicts))
  }

  /// The problem of a name that is no topic setting: says what happened to it in Kafka, where it belongs, or what it
  /// resembles.
  static func unknown(_ name: String) -> ValueProblem {
    if let reason = retired[name] { return ValueProblem("\(name): \(reason)") }
    if let topic = definitions.first(where: { $0.brokerSynonym == name }) {
      return ValueProblem("\(name.quoted) is the broker's name for a topic setting", suggestion: topic.name)
    }
    if BrokerConfiguration.definition(named: name) != nil {
      return ValueProblem("\(name.quoted) is a setting of the broker, not of a topic")
    }
    return ValueProblem(
      "unknown topic setting \(name.quoted)", suggestion: Suggestion.closest(to: name, among: definitions.map(\.name)))
  }

  /// Names that older clients and scripts still send.
  private static let retired = [
    "message.format.version": "removed in Kafka 4.0; records are always stored in format v2",
    "message.downconversion.enable": "removed in Kafka 4.0; records are never converted to older formats",
    "message.timestamp.difference.max.ms":
      "removed in Kafka 4.0; use message.timestamp.before.max.ms and message.timestamp.after.max.ms",
  ]
}

/// Everything wrong with a set of topic settings.
public struct TopicConfigurationProblems: Error, Sendable, Hashable, CustomStringConvertible {
  public let problems: [ValueProblem]

  /// The sentences, separated by ". ".
  public var description: String { problems.map(\.sentence).joined(separator: ". ") }
}
