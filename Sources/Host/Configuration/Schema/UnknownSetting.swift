/// Explains a key that the schema does not have where it stands.
struct UnknownSetting {
  let key: String
  let section: String

  var problem: ValueProblem {
    let message = section.isEmpty ? "unknown setting \(key.quoted)" : "unknown setting \(key.quoted) in \(section)"
    if let path = ownName {
      return ValueProblem("\(key.quoted) has another name here", suggestion: Self.written(path))
    }
    if let place = elsewhere { return ValueProblem(message, suggestion: place) }
    let here = namesHere
    let suggestion = Suggestion.closest(to: key, among: here)
    let expected = suggestion == nil && here.count <= 16 ? here.alternatives : nil
    return ValueProblem(message, expected: expected, suggestion: suggestion)
  }

  private var namesHere: [String] {
    if section.isEmpty { return ConfigurationSchema.topKeys }
    let own = ConfigurationSchema.settings.filter { $0.section == section }.map(\.key)
    return own + ConfigurationSchema.kafkaSettings(in: section).map(\.name)
  }

  /// A name of Kafka's broker for something that this file calls differently.
  private var ownName: String? {
    guard section.isEmpty || section == "topics" || section == "coordinators" else { return nil }
    if let topic = TopicConfiguration.definitions.first(where: { $0.brokerSynonym == key && $0.name != key }) {
      return "topics/\(topic.name)"
    }
    if case .setting(let path, _) = BrokerConfiguration.definition(named: key)?.origin, path != key { return path }
    return nil
  }

  /// The same key where it is known, written as it would have to stand there.
  private var elsewhere: String? {
    for (name, table) in ConfigurationSchema.kafkaByName.sorted(by: { $0.key > $1.key }) where table[key] != nil {
      return Self.written("\(name)/\(key)", from: section)
    }
    if section.isEmpty, ConfigurationSchema.byPath[key] != nil, !key.hasPrefix("chain[") { return Self.written(key) }
    let homes = ConfigurationSchema.settings.filter { $0.key == key && !$0.path.hasPrefix("chain[") }
    if homes.count == 1, let home = homes.first { return Self.written(home.path) }
    return nil
  }

  /// "network: { threads: … }"; a slash separates the section from a key with dots.
  private static func written(_ path: String, from section: String = "") -> String {
    let separator: Character = path.contains("/") ? "/" : "."
    let parts = path.split(separator: separator, maxSplits: 1)
    return parts.count == 2 && parts[0] != section ? "\(parts[0]): { \(parts[1]): … }" : "\(parts.last ?? "")"
  }
}
