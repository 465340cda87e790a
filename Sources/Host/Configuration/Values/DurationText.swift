/// Durations: a whole number and a unit, `500ms`, `30s`, `5m`, `2h`, `7d`. Only 0 may go without a unit.
enum DurationText {
  static let units: [(name: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]

  /// Words people use for the units, for suggestions only.
  private static let words = [
    "msec": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms", "sec": "s", "secs": "s", "second": "s",
    "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m", "hr": "h", "hrs": "h", "hour": "h",
    "hours": "h", "day": "d", "days": "d",
  ]

  /// The result is in milliseconds, and so is the range. Units are case-insensitive and may follow one space.
  static func parse(
    _ text: String, in range: ClosedRange<Int64>, expected words: String? = nil
  ) -> Result<Int64, ValueProblem> {
    let expected = words ?? "a duration\(IntegerText.describe(range, Self.text)), such as \(example(range))"
    if text == "0" { return check(0, text, range, expected) }
    if IntegerText.parse(text) != nil {
      let suggestion = text.hasPrefix("-") ? nil : "\(text)ms"
      return .failure(ValueProblem("\(text.quoted) has no unit of time", expected: expected, suggestion: suggestion))
    }
    guard let quantity = Quantity(text), !quantity.unit.isEmpty else {
      return .failure(ValueProblem("\(text.quoted) is not a duration", expected: expected))
    }
    guard let unit = units.first(where: { $0.name == quantity.unit.lowercased() }) else {
      return .failure(unknownUnit(quantity, text))
    }
    guard let milliseconds = quantity.value(times: unit.milliseconds) else {
      return .failure(ValueProblem("\(text.quoted) is not a whole number of milliseconds", expected: expected))
    }
    guard quantity.fraction.isEmpty, quantity.digits == "0" || !quantity.digits.hasPrefix("0") else {
      return .failure(
        ValueProblem(
          "\(text.quoted) is not a whole number of \(unit.name)", expected: expected,
          suggestion: Self.text(milliseconds)))
    }
    return check(milliseconds, text, range, expected)
  }

  private static func check(
    _ value: Int64, _ text: String, _ range: ClosedRange<Int64>, _ expected: String
  ) -> Result<Int64, ValueProblem> {
    if range.contains(value) { return .success(value) }
    let relation = value < range.lowerBound ? "below the minimum" : "above the maximum"
    return .failure(ValueProblem("\(text.quoted) is \(relation)", expected: expected))
  }

  private static func unknownUnit(_ quantity: Quantity, _ text: String) -> ValueProblem {
    let word = quantity.unit.lowercased()
    let unit = words[word] ?? Suggestion.closest(to: word, among: words.keys.sorted()).flatMap { words[$0] }
    let number = quantity.fraction.isEmpty ? quantity.digits : "\(quantity.digits).\(quantity.fraction)"
    return ValueProblem(
      "\(text.quoted): \(quantity.unit.quoted) is not a unit of time", expected: units.map(\.name).alternatives,
      suggestion: unit.map { "\(number)\($0)" })
  }

  private static func example(_ range: ClosedRange<Int64>) -> String {
    let candidates: [Int64] = [30_000, 500, 300_000, 3_600_000, 604_800_000]
    return text(candidates.first { range.contains($0) } ?? range.lowerBound)
  }

  /// The shortest exact form: 604800000 is "7d", 1500 is "1500ms".
  static func text(_ milliseconds: Int64) -> String {
    guard milliseconds > 0 else { return String(milliseconds) }
    let unit = units.reversed().first { milliseconds % $0.milliseconds == 0 } ?? units[0]
    return "\(milliseconds / unit.milliseconds)\(unit.name)"
  }
}
