import Configuration
import Foundation
import Logging

/// Log lines on standard error: one line each, as text or as JSON.
struct LogOutput: LogHandler {
  var metadata: Logger.Metadata = [:]
  let format: Configuration.Log.Format
  private let common: LogLevelSwitch
  /// Of one logger that was given a level of its own.
  private var own: Logger.Level?

  private init(format: Configuration.Log.Format, common: LogLevelSwitch) {
    self.format = format
    self.common = common
  }

  var logLevel: Logger.Level {
    get { own ?? common.level }
    set { own = newValue }
  }

  /// `level` decides for this logger and all its copies.
  static func logger(_ format: Configuration.Log.Format, level: LogLevelSwitch) -> Logger {
    Logger(label: "chronik") { _ in LogOutput(format: format, common: level) }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let level = event.level
    let message = event.message
    let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    Terminal.complain(format == .json ? json(level, message, fields) : text(level, message, fields))
  }

  private func text(
    _ level: Logger.Level, _ message: Logger.Message, _ fields: [(key: String, value: Logger.MetadataValue)]
  ) -> String {
    let pairs = fields.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
    return "\(Self.timestamp) \(level.rawValue.uppercased()) \(message)\(pairs)"
  }

  private func json(
    _ level: Logger.Level, _ message: Logger.Message, _ fields: [(key: String, value: Logger.MetadataValue)]
  ) -> String {
    var object: [String: String] = ["time": Self.timestamp, "level": level.rawValue, "message": "\(message)"]
    for field in fields where object[field.key] == nil { object[field.key] = "\(field.value)" }
    do {
      return String(
        decoding: try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes]),
        as: UTF8.self)
    } catch {
      return "{\"level\":\"error\",\"message\":\"a log line cannot be written as JSON\"}"
    }
  }

  /// A line break in a value must not look like a line of its own.
  private static func quoted(_ value: String) -> String {
    let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != 0x7F }
    if isPlain { return value }
    let escaped = value.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case "\n": "\\n"
      default: scalar.value < 0x20 || scalar.value == 0x7F ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
      }
    }
    return "\"\(escaped.joined())\""
  }

  /// RFC 3339 in UTC with milliseconds.
  private static var timestamp: String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    gmtime_r(&time.tv_sec, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let fraction = String(1000 + time.tv_nsec / 1_000_000).dropFirst()
    return "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
  }
}
