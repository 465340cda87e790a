/// Sizes: a whole number and a unit, `64MiB`. Plain numbers are bytes.
///
/// KiB, MiB, GiB, TiB count in 1024; KB, MB, GB, TB in 1000; case does not matter and one space may precede the unit.
/// Bare K, M, G and T are refused because half of the world reads them one way and half the other.
enum ByteSize {
  static let units: [(name: String, factor: Int64)] = [
    ("B", 1),
    ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
  ]

  static func parse(
    _ text: String, in range: ClosedRange<Int64>, expected words: String? = nil
  ) -> Result<Int64, ValueProblem> {
    let expected = words ?? "a size\(IntegerText.describe(range, Self.text)), such as \(example(range))"
    if let bytes = IntegerText.parse(text) {
      return check(bytes, text, range, expected)
    }
    guard let quantity = Quantity(text) else {
      return .failure(ValueProblem("\(text.quoted) is not a size", expected: expected))
    }
    guard let unit = units.first(where: { $0.name.lowercased() == quantity.unit.lowercased() }) else {
      return .failure(unknownUnit(quantity, text, expected))
    }
    guard let bytes = quantity.value(times: unit.factor) else {
      return .failure(ValueProblem("\(text.quoted) is not a whole number of bytes below 8 EiB", expected: expected))
    }
    guard quantity.fraction.isEmpty, quantity.digits == "0" || !quantity.digits.hasPrefix("0") else {
      return .failure(
        ValueProblem(
          "\(text.quoted) is not a whole number of \(unit.name)", expected: expected, suggestion: Self.text(bytes)))
    }
    return check(bytes, text, range, expected)
  }

  private static func check(
    _ bytes: Int64, _ text: String, _ range: ClosedRange<Int64>, _ expected: String
  ) -> Result<Int64, ValueProblem> {
    if range.contains(bytes) { return .success(bytes) }
    let relation = bytes < range.lowerBound ? "below the minimum" : "above the maximum"
    return .failure(ValueProblem("\(text.quoted) is \(relation)", expected: expected))
  }

  private static func unknownUnit(_ quantity: Quantity, _ text: String, _ expected: String) -> ValueProblem {
    let number = quantity.fraction.isEmpty ? quantity.digits : "\(quantity.digits).\(quantity.fraction)"
    let unit = quantity.unit
    if quantity.unit.isEmpty {
      return ValueProblem(
        "\(text.quoted) is not a whole number of bytes", expected: expected,
        suggestion: IntegerText.repaired(number).map { String($0) })
    }
    if ["k", "m", "g", "t"].contains(unit.lowercased()) {
      let letter = unit.uppercased()
      return ValueProblem(
        "\(text.quoted): the unit \(unit.quoted) is ambiguous", expected: "\(letter)iB (1024) or \(letter)B (1000)",
        suggestion: "\(number)\(letter)iB")
    }
    let near = Suggestion.closest(to: unit, among: units.map(\.name).reversed())
    return ValueProblem(
      "\(text.quoted): \(unit.quoted) is not a unit of size", expected: units.map(\.name).alternatives,
      suggestion: near.map { "\(number)\($0)" })
  }

  private static func example(_ range: ClosedRange<Int64>) -> String {
    let candidates: [Int64] = [64 << 20, 1 << 30, 1 << 20, 64 << 10, 4 << 10, 1 << 40]
    return text(candidates.first { range.contains($0) } ?? range.lowerBound)
  }

  /// The shortest exact form with a binary unit: 104857600 is "100MiB", 1500 is "1500B".
  static func text(_ bytes: Int64) -> String {
    guard bytes > 0 else { return String(bytes) }
    let unit = units.reversed().first { ($0.factor & ($0.factor - 1)) == 0 && bytes % $0.factor == 0 }
    guard let unit else { return "\(bytes)B" }
    return "\(bytes / unit.factor)\(unit.name)"
  }
}
