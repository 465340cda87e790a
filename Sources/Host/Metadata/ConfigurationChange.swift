import Configuration
import KafkaProtocol

/// What AlterConfigs and IncrementalAlterConfigs do to a topic's own settings. Pure.
enum ConfigurationChange {
  /// IncrementalAlterConfigs' operations, with their numbers on the wire.
  enum Operation: Int8 {
    case set = 0
    case delete = 1
    /// Adds the values of a list that are not in it.
    case append = 2
    /// Takes values out of a list.
    case subtract = 3
  }

  struct Step {
    var name: String
    /// As it is on the wire.
    var operation: Int8
    var value: String?
  }

  /// The settings after `steps`, validated and in normal form. `overrides` are the topic's own before.
  ///
  /// Names may not repeat, because the outcome would depend on their order. Appending and subtracting begin with what is
  /// in force, be it the broker's default.
  static func apply(
    _ steps: [Step], to overrides: [String: String], brokerDefaults: [String: String]
  ) throws(AppendRefusal) -> [String: String] {
    try checkShape(steps)
    var changed = overrides
    for step in steps {
      guard let operation = Operation(rawValue: step.operation) else {
        throw AppendRefusal(
          code: .invalidRequest, message: "Unknown operation \(step.operation) for the setting \(step.name).")
      }
      switch operation {
      case .set: changed[step.name] = step.value
      case .delete: changed[step.name] = nil
      case .append, .subtract:
        let inForce = changed[step.name] ?? brokerDefaults[step.name]
        changed[step.name] = try list(step, isAppend: operation == .append, inForce: inForce)
      }
    }
    return try validated(changed, brokerDefaults: brokerDefaults)
  }

  /// The settings that replace all of a topic's own (AlterConfigs).
  static func replace(
    with settings: [(name: String, value: String?)], brokerDefaults: [String: String]
  ) throws(AppendRefusal) -> [String: String] {
    let steps = settings.map { Step(name: $0.name, operation: Operation.set.rawValue, value: $0.value) }
    return try apply(steps, to: [:], brokerDefaults: brokerDefaults)
  }

  /// None of the broker's own settings can be changed while it runs; the answer says where each is written. An empty
  /// change is fine.
  static func refuseBrokerChange(_ names: [String]) throws(AppendRefusal) {
    for name in names {
      guard let definition = BrokerConfiguration.definition(named: name) else {
        throw AppendRefusal(code: .invalidConfig, message: "Unknown broker setting '\(name)'.")
      }
      let place: String
      switch definition.origin {
      case .section(let section): place = "write it in the section \(section) of the configuration file and restart"
      case .setting(let path, _): place = "it is \(path) in the configuration file; change it there and restart"
      case .topic(let topic):
        place = "write \(topic) in the section topics of the configuration file and restart, or set \(topic) for a topic"
      case .fixed: place = "it has one value"
      }
      throw AppendRefusal(
        code: .invalidRequest, message: "The broker setting '\(name)' cannot be changed while the broker runs: \(place).")
    }
  }

  private static func checkShape(_ steps: [Step]) throws(AppendRefusal) {
    let names = steps.map(\.name)
    guard Set(names).count == names.count else {
      throw AppendRefusal(code: .invalidRequest, message: "A setting may be named only once for each resource.")
    }
    if let step = steps.first(where: { $0.value == nil && $0.operation != Operation.delete.rawValue }) {
      throw AppendRefusal(code: .invalidRequest, message: "Null value not supported for: \(step.name)")
    }
  }

  private static func list(_ step: Step, isAppend: Bool, inForce: String?) throws(AppendRefusal) -> String {
    guard let definition = TopicConfiguration.definition(named: step.name) else {
      // Validation says what is wrong with the name.
      return step.value ?? ""
    }
    guard definition.type == .list else {
      throw AppendRefusal(
        code: .invalidConfig,
        message: "Can't \(isAppend ? "APPEND to" : "SUBTRACT from") '\(step.name)' because it is not a list.")
    }
    var items = parts(inForce ?? definition.defaultValue)
    for item in parts(step.value ?? "") {
      if !isAppend {
        items.removeAll { $0 == item }
      } else if !items.contains(item) {
        items.append(item)
      }
    }
    return items.joined(separator: ",")
  }

  private static func parts(_ list: String) -> [String] {
    list.split(separator: ",").map { part in
      String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
  }

  private static func validated(
    _ overrides: [String: String], brokerDefaults: [String: String]
  ) throws(AppendRefusal) -> [String: String] {
    switch TopicConfiguration.validate(overrides: overrides, brokerDefaults: brokerDefaults) {
    case .success(let normalized): return normalized
    case .failure(let problems): throw AppendRefusal(code: .invalidConfig, message: "\(problems)")
    }
  }
}
