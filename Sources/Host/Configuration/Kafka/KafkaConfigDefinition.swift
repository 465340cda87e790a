/// The type numbers of DescribeConfigs.
public enum KafkaConfigType: Int8, Sendable, Hashable, CaseIterable {
  case boolean = 1
  case string = 2
  case int = 3
  case short = 4
  case long = 5
  case double = 6
  case list = 7
  case `class` = 8
  case password = 9
}

/// What a Kafka setting accepts.
public enum KafkaValueRule: Sendable, Hashable {
  case boolean
  case integer(ClosedRange<Int64>)
  case decimal(ClosedRange<Double>)
  case choice([String])
  /// A comma-separated list of distinct choices, at least one.
  case choices([String])
  /// `*`, nothing, or `partition:broker` pairs with commas.
  case replicas
  case text
}

/// What the number of a Kafka setting counts.
public enum KafkaValueUnit: Sendable, Hashable {
  case none, bytes, milliseconds, minutes
}

/// One setting under Kafka's own name: what clients see in DescribeConfigs and what a value must look like.
public struct KafkaConfigDefinition: Sendable, Hashable {
  public let name: String
  public let type: KafkaConfigType
  public let unit: KafkaValueUnit
  /// In normal form.
  public let defaultValue: String
  public let rule: KafkaValueRule
  /// What an unusual number means: "-1 = unlimited".
  public let special: String?
  /// One sentence.
  public let documentation: String
  /// The broker's name for the default of a topic setting.
  public let brokerSynonym: String?
  /// No client can change it.
  public let isReadOnly: Bool
  /// The value is never shown.
  public let isSensitive: Bool

  init(
    _ name: String, _ type: KafkaConfigType, _ defaultValue: String, _ rule: KafkaValueRule,
    unit: KafkaValueUnit = .none, special: String? = nil, synonym: String? = nil, isReadOnly: Bool = false,
    isSensitive: Bool = false, _ documentation: String
  ) {
    self.name = name
    self.type = type
    self.unit = unit
    self.defaultValue = defaultValue
    self.rule = rule
    self.special = special
    self.documentation = documentation
    self.brokerSynonym = synonym
    self.isReadOnly = isReadOnly
    self.isSensitive = isSensitive
  }

  /// The accepted values in words: "milliseconds of at least -1 (-1 = unlimited)".
  public var expectation: String {
    let text: String
    switch rule {
    case .boolean: text = "true or false"
    case .integer(let range): text = unitWord + IntegerText.describe(range)
    case .decimal(let range): text = "a number from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))"
    case .choice(let choices): text = choices.alternatives
    case .choices(let choices): text = "a comma-separated list of \(choices.alternatives)"
    case .replicas: text = "\"*\" or partition:broker pairs separated by commas"
    case .text: text = "text"
    }
    return special.map { "\(text) (\($0))" } ?? text
  }

  private var unitWord: String {
    switch unit {
    case .none: "a whole number"
    case .bytes: "a number of bytes"
    case .milliseconds: "a number of milliseconds"
    case .minutes: "a number of minutes"
    }
  }

  /// Checks a value in Kafka's syntax, as it arrives in CreateTopics and AlterConfigs, and returns its normal form.
  /// The problem does not repeat the name.
  public func normalize(_ value: String) -> Result<String, ValueProblem> {
    let text = value.trimmed
    switch rule {
    case .boolean:
      let folded = text.lowercased()
      if folded == "true" || folded == "false" { return .success(folded) }
      return failure("\(text.quoted) is not a boolean", ValueKind.meantBoolean(text))
    case .integer(let range): return integer(text, range)
    case .decimal(let range):
      guard !text.isEmpty, text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }), let number = Double(text)
      else {
        return failure("\(text.quoted) is not a number")
      }
      return range.contains(number) ? .success(Self.text(number)) : failure("\(text) is out of range")
    case .choice(let choices):
      if choices.contains(text) { return .success(text) }
      return failure("\(text.quoted) is not one of the choices", Suggestion.closest(to: text, among: choices))
    case .choices(let choices): return list(text, choices)
    case .replicas:
      return Self.isReplicaList(text) ? .success(text) : failure("\(text.quoted) is not a list of replicas")
    case .text: return .success(value)
    }
  }

  /// Checks a value as the configuration file writes it: Kafka's syntax, or a size or duration with a unit.
  func normalizeWithUnits(_ value: String) -> Result<String, ValueProblem> {
    guard case .integer(let range) = rule, Int64(value) == nil else { return normalize(value) }
    switch unit {
    case .bytes:
      return ByteSize.parse(value, in: range, expected: "\(expectation), or a size such as 64MiB").map { String($0) }
    case .milliseconds:
      return DurationText.parse(value, in: range, expected: "\(expectation), or a duration such as 7d").map {
        String($0)
      }
    case .none, .minutes: return normalize(value)
    }
  }

  private func failure(_ message: String, _ suggestion: String? = nil) -> Result<String, ValueProblem> {
    .failure(ValueProblem(message, expected: expectation, suggestion: suggestion))
  }

  private func integer(_ text: String, _ range: ClosedRange<Int64>) -> Result<String, ValueProblem> {
    guard let number = Int64(text) else {
      return failure("\(text.quoted) is not a whole number", meantInteger(text, range))
    }
    if range.contains(number) { return .success(String(number)) }
    return failure("\(number) is \(number < range.lowerBound ? "below the minimum" : "above the maximum")")
  }

  /// Clients must write plain numbers; someone who wrote `7d` is shown the number.
  private func meantInteger(_ text: String, _ range: ClosedRange<Int64>) -> String? {
    let parsed: Result<Int64, ValueProblem>? =
      switch unit {
      case .bytes: ByteSize.parse(text, in: range)
      case .milliseconds: DurationText.parse(text, in: range)
      case .none, .minutes: nil
      }
    if case .success(let number) = parsed { return String(number) }
    return IntegerText.repaired(text).flatMap { range.contains($0) ? String($0) : nil }
  }

  private func list(_ text: String, _ choices: [String]) -> Result<String, ValueProblem> {
    var items: [String] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let item = String(part).trimmed
      guard choices.contains(item) else {
        return failure(
          item.isEmpty ? "the list has an empty entry" : "\(item.quoted) is not one of the choices",
          Suggestion.closest(to: item, among: choices))
      }
      guard !items.contains(item) else { return failure("\(item.quoted) is listed twice") }
      items.append(item)
    }
    return .success(items.joined(separator: ","))
  }

  private static func isReplicaList(_ text: String) -> Bool {
    if text.isEmpty || text == "*" { return true }
    return text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { pair in
      let parts = pair.split(separator: ":", omittingEmptySubsequences: false)
      return parts.count == 2 && parts.allSatisfy { IntegerText.isDigits($0) && Int32($0) != nil }
    }
  }

  private static func text(_ number: Double) -> String {
    "\(number)"
  }
}

extension String {
  /// The text without spaces, tabs and line breaks at its ends, as Kafka reads values.
  var trimmed: String {
    let blanks: Set<Character> = [" ", "\t", "\n", "\r", "\r\n"]
    guard let first = firstIndex(where: { !blanks.contains($0) }),
      let last = lastIndex(where: { !blanks.contains($0) })
    else { return "" }
    return String(self[first...last])
  }
}
