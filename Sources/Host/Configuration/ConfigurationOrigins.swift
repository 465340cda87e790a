/// Where each setting of a configuration was written, for problems that are found after reading.
///
/// Paths are those of the schema; entries of the chain are `chain[0].tier`, `chain[0].config.capacity`.
public struct ConfigurationOrigins: Sendable {
  public enum Part: Sendable, Hashable {
    case key, value
  }

  /// As the user named it, or "built-in defaults".
  public let file: String
  public let source: SourceText?
  private var keys: [String: SourcePosition] = [:]
  private var values: [String: SourcePosition] = [:]
  /// The command-line option that replaced a setting.
  private var options: [String: String] = [:]

  public init(file: String, source: SourceText? = nil) {
    self.file = file
    self.source = source
  }

  public static let builtIn = ConfigurationOrigins(file: "built-in defaults")

  public mutating func record(_ path: String, key: SourcePosition?, value: SourcePosition) {
    keys[path] = key
    values[path] = value
    options[path] = nil
  }

  public mutating func record(_ path: String, option: String) {
    options[path] = option
  }

  public func key(_ path: String) -> SourcePosition? { keys[path] }
  public func value(_ path: String) -> SourcePosition? { values[path] }
  public func option(_ path: String) -> String? { options[path] }

  /// Whether the file or the command line sets it.
  public func isGiven(_ path: String) -> Bool { values[path] != nil || options[path] != nil }

  /// A diagnostic at the setting, at the nearest part of it that was written, or at the file as a whole.
  public func diagnostic(
    _ path: String, _ problem: ValueProblem, at part: Part = .value,
    severity: ConfigurationDiagnostic.Severity = .error
  ) -> ConfigurationDiagnostic {
    let option = options[path]
    let position = option == nil ? (part == .key ? keys[path] ?? values[path] : values[path] ?? keys[path]) : nil
    var message = problem.message
    // "--listen: listen: …" would say it twice.
    if option != nil, message.hasPrefix(path + ": ") { message.removeFirst(path.count + 2) }
    return ConfigurationDiagnostic(
      file: option ?? file, line: position?.line ?? 0, column: position?.column ?? 0, message: message,
      expected: problem.expected, suggestion: problem.suggestion, severity: severity)
  }
}
