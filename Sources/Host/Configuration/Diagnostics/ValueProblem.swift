/// What is wrong with one value, before anyone knows where it was written.
public struct ValueProblem: Error, Sendable, Hashable, CustomStringConvertible {
  public let message: String
  public let expected: String?
  public let suggestion: String?

  public init(_ message: String, expected: String? = nil, suggestion: String? = nil) {
    self.message = message
    self.expected = expected
    self.suggestion = suggestion
  }

  /// "message; expected …; did you mean "…"?"
  public var sentence: String {
    var text = message
    if let expected { text += "; expected \(expected)" }
    if let suggestion { text += "; did you mean \"\(suggestion)\"?" }
    return text
  }

  public var description: String { sentence }

  /// The same problem with the name of the setting in front.
  func named(_ name: String) -> ValueProblem {
    ValueProblem("\(name): \(message)", expected: expected, suggestion: suggestion)
  }
}

extension String {
  /// The text in double quotes as a message repeats it: bounded, and without characters that would disturb a terminal.
  var quoted: String {
    var text = "\""
    for scalar in unicodeScalars.prefix(ConfigurationLimits.quotedCharactersMax) {
      switch scalar {
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.properties.generalCategory == .control: text += "\\u{\(String(scalar.value, radix: 16))}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + (unicodeScalars.count > ConfigurationLimits.quotedCharactersMax ? "…\"" : "\"")
  }
}

extension Sequence<String> {
  /// "a, b or c"
  var alternatives: String {
    let words = Array(self)
    guard words.count > 1, let last = words.last else { return words.first ?? "nothing" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}
