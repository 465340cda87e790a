import KafkaProtocol
import Logging
import Testing

@testable import Host

/// Texts and codes are those of Apache Kafka's RuntimeLoggerManager.
@Suite("Levels of the broker's loggers (KIP-412)")
struct LoggerLevelsTests {
  private func change(_ steps: (String, Int8, String?)...) throws(AppendRefusal) -> Logger.Level? {
    try LoggerLevels.change(
      ConfigurationChange(steps: steps.map { .init(name: $0.0, operation: $0.1, value: $0.2) }))
  }

  @Test("the root logger takes Kafka's levels", arguments: [
    ("TRACE", Logger.Level.trace), ("DEBUG", .debug), ("INFO", .info), ("WARN", .warning), ("ERROR", .error),
    ("FATAL", .critical),
  ])
  func set(_ name: String, _ level: Logger.Level) throws {
    #expect(try change(("root", 0, name)) == level)
    #expect(try change(("ROOT", 0, name)) == level)
    #expect(LoggerLevels.name(of: level) == name)
  }

  @Test("every level that the configuration file may give has a name")
  func names() {
    #expect(Set(Logger.Level.allCases.map(LoggerLevels.name)).count == Logger.Level.allCases.count)
  }

  @Test("nothing asked, nothing changed")
  func nothing() throws {
    #expect(try LoggerLevels.change(ConfigurationChange(steps: [])) == nil)
  }

  @Test("what Kafka refuses is refused in its words", arguments: [
    (("root", 0, "LOUD"), ErrorCode.invalidConfig, "Cannot set the log level of root to LOUD as it is not a supported"),
    (("kafka.log", 0, "INFO"), .invalidConfig, "Logger kafka.log does not exist!"),
    (("root", 1, nil), .invalidRequest, "Removing the log level of the root logger is not allowed"),
    (("root", 2, "INFO"), .invalidRequest, "APPEND operation is not allowed for the BROKER_LOGGER resource"),
    (("root", 3, "INFO"), .invalidRequest, "SUBTRACT operation is not allowed for the BROKER_LOGGER resource"),
      (("root", 0, nil), .invalidRequest, "Null value not supported"),
      (("root", 9, "INFO"), .invalidRequest, "Unknown operation 9"),
  ] as [((String, Int8, String?), ErrorCode, String)])
  func refused(_ step: (String, Int8, String?), _ code: ErrorCode, _ text: String) {
    do {
      _ = try change(step)
      Issue.record("not refused")
    } catch {
      #expect(error.code == code && error.message.hasPrefix(text), "\(error)")
    }
  }

  @Test("one switch decides for a logger and all its copies")
  func levelSwitch() {
    let level = LogLevelSwitch(Logger.Level.info)
    let logger = LogOutput.logger(.text, level: level)
    var copy = logger
    copy[metadataKey: "part"] = "x"
    level.level = .error
    #expect(logger.logLevel == .error && copy.logLevel == .error)
    copy.logLevel = .trace
    #expect(copy.logLevel == .trace && logger.logLevel == .error)
  }
}
