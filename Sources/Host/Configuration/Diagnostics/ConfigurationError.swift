/// Everything that is wrong with a configuration, in the order of the file.
///
/// At most `ConfigurationLimits.diagnosticsMax` diagnostics are kept; `omittedCount` says how many more there were.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  public let diagnostics: [ConfigurationDiagnostic]
  public let omittedCount: Int
  /// The text the positions refer to, when there is one.
  public let source: SourceText?

  public init(diagnostics: [ConfigurationDiagnostic], omittedCount: Int = 0, source: SourceText? = nil) {
    self.diagnostics = diagnostics
    self.omittedCount = omittedCount
    self.source = source
  }

  /// One line per diagnostic.
  public var description: String {
    joined(diagnostics.map(\.description))
  }

  /// The diagnostics with their source lines and carets.
  public func rendered(colour: Bool = false) -> String {
    joined(diagnostics.map { $0.rendered(source: source, colour: colour) })
  }

  private func joined(_ lines: [String]) -> String {
    guard omittedCount > 0 else { return lines.joined(separator: "\n") }
    return (lines + ["and \(omittedCount) more"]).joined(separator: "\n")
  }
}

/// Gathers diagnostics in any order and hands them out sorted by position, bounded and without repetition.
struct DiagnosticCollector {
  private(set) var errors: [ConfigurationDiagnostic] = []
  private(set) var warnings: [ConfigurationDiagnostic] = []
  private(set) var omittedCount = 0

  /// Far more than is shown, so that sorting sees the first errors of the file even when they are found last.
  private static let kept = 1000

  var hasErrors: Bool { !errors.isEmpty }

  mutating func report(_ diagnostic: ConfigurationDiagnostic) {
    switch diagnostic.severity {
    case .error where errors.count < Self.kept: errors.append(diagnostic)
    case .warning where warnings.count < Self.kept: warnings.append(diagnostic)
    case .error: omittedCount += 1
    case .warning: break
    }
  }

  mutating func report(_ diagnostics: [ConfigurationDiagnostic]) {
    for diagnostic in diagnostics { report(diagnostic) }
  }

  /// Throws when an error was reported; otherwise returns the warnings.
  func finish(source: SourceText?) throws(ConfigurationError) -> [ConfigurationDiagnostic] {
    guard hasErrors else { return Array(Self.ordered(warnings).prefix(ConfigurationLimits.diagnosticsMax)) }
    let ordered = Self.ordered(errors)
    let shown = ordered.prefix(ConfigurationLimits.diagnosticsMax)
    throw ConfigurationError(
      diagnostics: Array(shown), omittedCount: omittedCount + ordered.count - shown.count, source: source)
  }

  private static func ordered(_ diagnostics: [ConfigurationDiagnostic]) -> [ConfigurationDiagnostic] {
    let sorted = diagnostics.enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      return (a.line, a.column, left.offset) < (b.line, b.column, right.offset)
    }
    var seen: Set<ConfigurationDiagnostic> = []
    return sorted.map(\.element).filter { seen.insert($0).inserted }
  }
}
