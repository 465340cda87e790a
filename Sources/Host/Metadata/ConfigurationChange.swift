import Configuration
import KafkaProtocol

/// What AlterConfigs and IncrementalAlterConfigs do to the settings of one resource. Pure.
struct ConfigurationChange {
  /// IncrementalAlterConfigs' operations, with their numbers on the wire.
  enum Operation: Int8 {
    case set = 0
    case delete = 1
    /// Adds the values of a list that are not in it.
    case append = 2
    /// Takes values out of a list.
    case subtract = 3
  }

  struct Step: Sendable {
    var name: String
    /// As it is on the wire.
    var operation: Int8
    var value: String?
  }

  var steps: [Step]
  /// AlterConfigs: nothing stays of what the resource had before.
  var replacesAll = false

  /// The resource's settings after the change, checked by `table` and in normal form. `own` are those before.
  ///
  /// Names may not repeat, because the outcome would depend on their order.
  func applied(to own: [String: String], in table: ConfigurationTable) throws(AppendRefusal) -> [String: String] {
    try checkShape()
    var changed = replacesAll ? [:] : own
    for step in steps {
      switch try Self.operation(of: step) {
      case .set: changed[step.name] = step.value
      case .delete: changed[step.name] = nil
      case .append: changed[step.name] = try list(step, isAppend: true, own: changed[step.name], table)
      case .subtract: changed[step.name] = try list(step, isAppend: false, own: changed[step.name], table)
      }
    }
    return try table.check(changed)
  }

  static func operation(of step: Step) throws(AppendRefusal) -> Operation {
    guard let operation = Operation(rawValue: step.operation) else {
      throw AppendRefusal(
        code: .invalidRequest, message: "Unknown operation \(step.operation) for the setting \(step.name).")
    }
    return operation
  }

  /// The rules that hold for every kind of resource.
  func checkShape() throws(AppendRefusal) {
    let names = steps.map(\.name)
    guard Set(names).count == names.count else {
      throw AppendRefusal(code: .invalidRequest, message: "A setting may be named only once for each resource.")
    }
    if let step = steps.first(where: { $0.value == nil && $0.operation != Operation.delete.rawValue }) {
      throw AppendRefusal(code: .invalidRequest, message: "Null value not supported for: \(step.name)")
    }
  }

  /// Begins with what is in force, be it another layer's.
  private func list(
    _ step: Step, isAppend: Bool, own: String?, _ table: ConfigurationTable
  ) throws(AppendRefusal) -> String {
    guard let definition = table.definition(step.name) else {
      // The check says what is wrong with the name.
      return step.value ?? ""
    }
    guard definition.type == .list else {
      throw AppendRefusal(
        code: .invalidConfig,
        message: "Can't \(isAppend ? "APPEND to" : "SUBTRACT from") '\(step.name)' because it is not a list.")
    }
    var items = Self.parts(own ?? table.inherited(step.name) ?? definition.defaultValue)
    for item in Self.parts(step.value ?? "") {
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
}

/// The settings that a kind of resource has, and what holds for it without its own.
struct ConfigurationTable {
  var definition: (String) -> KafkaConfigDefinition?
  /// The value of a setting that the resource does not set; nil where the definition's default holds.
  var inherited: (String) -> String?
  /// Checks the resource's settings and returns them in normal form.
  var check: ([String: String]) throws(AppendRefusal) -> [String: String]

  /// Of a topic, under the broker's defaults (`TopicDefaults.values`).
  static func topic(defaults: [String: String]) -> ConfigurationTable {
    ConfigurationTable(
      definition: TopicConfiguration.definition(named:), inherited: { defaults[$0] },
      check: { (settings) throws(AppendRefusal) in
        switch TopicConfiguration.validate(overrides: settings, brokerDefaults: defaults) {
        case .success(let normalized): return normalized
        case .failure(let problems): throw AppendRefusal(code: .invalidConfig, message: "\(problems)")
        }
      })
  }

  /// Of the broker, in one of the scopes in which clients change it.
  static func broker(_ settings: BrokerSettings, _ scope: DynamicScope) -> ConfigurationTable {
    ConfigurationTable(
      definition: { BrokerConfiguration.definition(named: $0)?.definition },
      inherited: { settings.value(of: $0, below: scope) },
      check: { (wanted) throws(AppendRefusal) in
        switch settings.replacing(scope, with: wanted) {
        case .success(let changed): return changed[scope]
        case .failure(let problem): throw AppendRefusal(code: problem.code, message: problem.sentence)
        }
      })
  }
}

extension BrokerChangeProblem {
  /// Kafka answers INVALID_REQUEST to values, too, and calls that a mistake that it keeps for compatibility
  /// (KAFKA-13609); INVALID_CONFIG says the same for topics.
  var code: ErrorCode {
    switch self {
    case .notDynamic, .brokerOnly: .invalidRequest
    case .invalid: .invalidConfig
    }
  }
}
