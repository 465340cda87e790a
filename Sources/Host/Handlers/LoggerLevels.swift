import KafkaProtocol
import Logging

/// The broker's loggers as Kafka shows them (KIP-412): there is one, the root. Its level lasts until the next start, as
/// in Apache Kafka. Pure.
enum LoggerLevels {
  static let root = "root"

  /// Kafka's names; NOTICE, which Kafka does not have, is what `log.level: notice` is called.
  static let names: [(name: String, level: Logger.Level)] = [
    ("TRACE", .trace), ("DEBUG", .debug), ("INFO", .info), ("NOTICE", .notice), ("WARN", .warning), ("ERROR", .error),
    ("FATAL", .critical),
  ]

  static func name(of level: Logger.Level) -> String {
    guard let row = names.first(where: { $0.level == level }) else { preconditionFailure("\(level) has no name") }
    return row.name
  }

  /// The level that a change asks for; nil when it asks for nothing.
  static func change(_ change: ConfigurationChange) throws(AppendRefusal) -> Logger.Level? {
    try change.checkShape()
    var wanted: Logger.Level?
    for step in change.steps {
      let operation = try ConfigurationChange.operation(of: step)
      if operation == .append || operation == .subtract {
        let name = operation == .append ? "APPEND" : "SUBTRACT"
        throw AppendRefusal(
          code: .invalidRequest, message: "\(name) operation is not allowed for the BROKER_LOGGER resource")
      }
      guard step.name.lowercased() == root else {
        throw AppendRefusal(
          code: .invalidConfig, message: "Logger \(step.name) does not exist! The only one here is \(root).")
      }
      guard operation == .set else {
        throw AppendRefusal(
          code: .invalidRequest, message: "Removing the log level of the \(root) logger is not allowed")
      }
      wanted = try level(named: step.value ?? "")
    }
    return wanted
  }

  private static func level(named name: String) throws(AppendRefusal) -> Logger.Level {
    guard let row = names.first(where: { $0.name == name }) else {
      throw AppendRefusal(
        code: .invalidConfig,
        message: "Cannot set the log level of \(root) to \(name) as it is not a supported log level. "
          + "Valid log levels are \(names.map(\.name).joined(separator: ", "))")
    }
    return row.level
  }
}
