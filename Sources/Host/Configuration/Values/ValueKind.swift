/// The kinds of scalar a setting can hold. A kind knows how to read its text, how to describe what it accepts,
/// and the one normal form of each value.
public enum ValueKind: Sendable, Equatable {
  /// Any text, possibly empty.
  case text
  /// 1 to 64 letters, digits, dots, underscores and dashes.
  case identifier
  /// A path; relative paths start at the directory of the file, "$BIN" is the directory of the executable.
  case path
  case boolean
  case integer(ClosedRange<Int64>)
  /// `auto` or a number; `auto` stands for what the machine offers.
  case integerOrAuto(ClosedRange<Int64>)
  /// Bytes.
  case size(ClosedRange<Int64>)
  /// Milliseconds.
  case duration(ClosedRange<Int64>)
  case choice([String])
  case endpoint(allowsPortZero: Bool)
  /// `off` or a place to listen, port 0 included.
  case endpointOrOff

  /// Reads the text of a scalar. Quotes in the file never change a value, so the style is not asked for.
  public func parse(_ text: String) -> Result<SettingValue, ValueProblem> {
    switch self {
    case .text: .success(.text(text))
    case .identifier: Self.parseIdentifier(text).map { .text($0) }
    case .path: Self.parsePath(text).map { .text($0) }
    case .boolean: Self.parseBoolean(text).map { .boolean($0) }
    case .integer(let range): Self.parseInteger(text, range, expected: summary).map { .integer($0) }
    case .integerOrAuto(let range):
      text == "auto" ? .success(.automatic) : Self.parseInteger(text, range, expected: summary).map { .integer($0) }
    case .size(let range): ByteSize.parse(text, in: range).map { .size($0) }
    case .duration(let range): DurationText.parse(text, in: range).map { .duration(milliseconds: $0) }
    case .choice(let choices): Self.parseChoice(text, choices).map { .text($0) }
    case .endpoint(let zero): Endpoint.parse(text, allowsPortZero: zero).map { .endpoint($0) }
    case .endpointOrOff:
      text == "off" ? .success(.text("off")) : Endpoint.parse(text, allowsPortZero: true).map { .endpoint($0) }
    }
  }

  /// What is accepted, in words: "a size from 1KiB to 1GiB".
  public var summary: String {
    switch self {
    case .text: "text"
    case .identifier: "a name of 1 to 64 letters, digits, dots, underscores and dashes"
    case .path: "a path"
    case .boolean: "true or false"
    case .integer(let range): "a whole number\(IntegerText.describe(range))"
    case .integerOrAuto(let range): "auto or a whole number\(IntegerText.describe(range))"
    case .size(let range): "a size\(IntegerText.describe(range, ByteSize.text))"
    case .duration(let range): "a duration\(IntegerText.describe(range, DurationText.text))"
    case .choice(let choices): choices.alternatives
    case .endpoint: "host:port"
    case .endpointOrOff: "host:port or off"
    }
  }

  private static func parseIdentifier(_ text: String) -> Result<String, ValueProblem> {
    let isName = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    if isName, (1...64).contains(text.utf8.count) { return .success(text) }
    return .failure(ValueProblem("\(text.quoted) is not a name", expected: ValueKind.identifier.summary))
  }

  private static func parsePath(_ text: String) -> Result<String, ValueProblem> {
    let expected = "a path, absolute or relative, or one that starts with \"$BIN\""
    if text.isEmpty { return .failure(ValueProblem("the path is empty", expected: expected)) }
    if text == "~" || text.hasPrefix("~/") {
      return .failure(ValueProblem("\(text.quoted): \"~\" is not expanded", expected: expected))
    }
    let rest = text == "$BIN" || text.hasPrefix("$BIN/") ? text.dropFirst(4) : text[...]
    if rest.contains("$") {
      return .failure(ValueProblem("\(text.quoted): environment variables are not expanded", expected: expected))
    }
    return .success(text)
  }

  private static func parseBoolean(_ text: String) -> Result<Bool, ValueProblem> {
    switch text {
    case "true": .success(true)
    case "false": .success(false)
    default:
      .failure(
        ValueProblem("\(text.quoted) is not a boolean", expected: "true or false", suggestion: meantBoolean(text)))
    }
  }

  static func meantBoolean(_ text: String) -> String? {
    switch text.lowercased() {
    case "yes", "y", "on", "1", "enable", "enabled", "true": "true"
    case "no", "n", "off", "0", "disable", "disabled", "false": "false"
    default: Suggestion.closest(to: text, among: ["true", "false"])
    }
  }

  private static func parseInteger(
    _ text: String, _ range: ClosedRange<Int64>, expected: String
  ) -> Result<Int64, ValueProblem> {
    if let value = IntegerText.parse(text) {
      if range.contains(value) { return .success(value) }
      let relation = value < range.lowerBound ? "below the minimum" : "above the maximum"
      return .failure(ValueProblem("\(text) is \(relation)", expected: expected))
    }
    let repaired = IntegerText.repaired(text).flatMap { range.contains($0) ? String($0) : nil }
    return .failure(ValueProblem("\(text.quoted) is not a whole number", expected: expected, suggestion: repaired))
  }

  private static func parseChoice(_ text: String, _ choices: [String]) -> Result<String, ValueProblem> {
    if choices.contains(text) { return .success(text) }
    return .failure(
      ValueProblem(
        "\(text.quoted) is not one of the choices", expected: choices.alternatives,
        suggestion: Suggestion.closest(to: text, among: choices)))
  }
}

/// A value that was read and checked.
public enum SettingValue: Sendable, Hashable {
  case text(String)
  case boolean(Bool)
  case integer(Int64)
  case automatic
  /// Bytes.
  case size(Int64)
  case duration(milliseconds: Int64)
  case endpoint(Endpoint)
  case list([String])
  /// Distinct keys in the order of the file.
  case table([TierSetting])

  /// The form that machines read: sizes as decimal bytes, durations as decimal milliseconds, booleans as true and
  /// false.
  public var normalized: String {
    switch self {
    case .text(let text): text
    case .boolean(let flag): flag ? "true" : "false"
    case .integer(let number), .size(let number), .duration(let number): String(number)
    case .automatic: "auto"
    case .endpoint(let endpoint): endpoint.description
    case .list(let items): items.joined(separator: ",")
    case .table(let entries): entries.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
  }

  /// The form that people read: sizes and durations with their units.
  public var display: String {
    switch self {
    case .size(let bytes): ByteSize.text(bytes)
    case .duration(let milliseconds): DurationText.text(milliseconds)
    case .list(let items): "[" + items.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
    case .table(let entries):
      entries.isEmpty ? "{}" : "{ " + entries.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + " }"
    default: normalized
    }
  }
}
