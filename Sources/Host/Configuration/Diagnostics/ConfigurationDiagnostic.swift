/// A place in a text. Lines and columns start at 1; a column counts Unicode scalars, as editors do for plain text.
public struct SourcePosition: Sendable, Hashable, Comparable {
  public let line: Int
  public let column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}

/// One thing that is wrong with a configuration, said so that it can be corrected without reading anything else.
public struct ConfigurationDiagnostic: Sendable, Hashable, CustomStringConvertible {
  public enum Severity: Sendable, Hashable {
    /// The configuration is refused.
    case error
    /// The configuration is accepted, but probably does not do what its author thinks.
    case warning
  }

  /// The file as the user named it, the name of a command-line option ("--listen"), or "built-in defaults".
  public var file: String
  /// 1-based; 0 when the origin has no lines.
  public var line: Int
  /// 1-based; 0 when the origin has no columns.
  public var column: Int
  public var message: String
  /// What would have been accepted, without the word "expected".
  public var expected: String?
  /// The text that was probably meant, without quotes.
  public var suggestion: String?
  public var severity: Severity

  public init(
    file: String, line: Int, column: Int, message: String, expected: String? = nil,
    suggestion: String? = nil, severity: Severity = .error
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.message = message
    self.expected = expected
    self.suggestion = suggestion
    self.severity = severity
  }

  /// "file:line:column: message; expected …; did you mean "…"?" on one line, without colour.
  public var description: String {
    "\(location): \(severity == .warning ? "warning: " : "")\(sentence)"
  }

  /// The description without its place.
  public var sentence: String {
    ValueProblem(message, expected: expected, suggestion: suggestion).sentence
  }

  var location: String {
    line > 0 ? "\(file):\(line):\(column)" : file
  }

  /// The description followed, when `source` has the line, by that line and a caret under the column.
  public func rendered(source: SourceText? = nil, colour: Bool = false) -> String {
    let style = DiagnosticStyle(colour: colour)
    var text = style.location(location + ":") + " "
    switch severity {
    case .error: text += colour ? style.error("error:") + " " : ""
    case .warning: text += style.warning("warning:") + " "
    }
    text += style.message(sentence)
    guard line > 0, let excerpt = source?.excerpt(line: line, column: column) else { return text }
    let number = String(line)
    let margin = String(repeating: " ", count: max(0, 5 - number.count))
    text += "\n\(margin)\(number) | \(excerpt.text)"
    text += "\n      | \(excerpt.padding)\(style.caret("^"))"
    return text
  }
}

/// Terminal colours of a rendered diagnostic; without `colour` every function returns its argument.
private struct DiagnosticStyle {
  let colour: Bool

  private func wrap(_ text: String, _ code: String) -> String {
    colour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }

  func location(_ text: String) -> String { wrap(text, "1") }
  func error(_ text: String) -> String { wrap(text, "1;31") }
  func warning(_ text: String) -> String { wrap(text, "1;35") }
  func message(_ text: String) -> String { wrap(text, "1") }
  func caret(_ text: String) -> String { wrap(text, "1;32") }
}
