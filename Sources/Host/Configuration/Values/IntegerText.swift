/// Whole numbers as people write them in a file: `42`, `-1`. No leading zeros, signs, separators, exponents or bases.
enum IntegerText {
  static func parse(_ text: String) -> Int64? {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    guard isDigits(digits), digits == "0" || !digits.hasPrefix("0"), text != "-0" else { return nil }
    return Int64(text)
  }

  /// The number that was probably meant by something that is nearly one: `1_000`, `+5`, `007`, `10.0`.
  static func repaired(_ text: String) -> Int64? {
    var body = text.filter { $0 != "_" && $0 != "," && $0 != " " }
    if body.hasPrefix("+") { body.removeFirst() }
    if let point = body.firstIndex(of: "."), body[body.index(after: point)...].allSatisfy({ $0 == "0" }) {
      body = String(body[..<point])
    }
    let digits = body.hasPrefix("-") ? body.dropFirst() : body[...]
    return isDigits(digits) ? Int64(body) : nil
  }

  static func isDigits(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  /// "from 1 to 8", "of at least 1", or nothing when every number is accepted.
  static func describe(_ range: ClosedRange<Int64>, _ text: (Int64) -> String = { String($0) }) -> String {
    switch (range.lowerBound, range.upperBound) {
    case (.min, .max): ""
    case (let low, .max): " of at least \(text(low))"
    case (.min, let high): " of at most \(text(high))"
    case (let low, let high): " from \(text(low)) to \(text(high))"
    }
  }
}

/// A number followed by letters, the shape shared by sizes and durations.
struct Quantity {
  let digits: String
  /// The decimals after a point, or empty.
  let fraction: String
  let unit: String

  /// One optional space may stand between the number and its unit. Nil when the text has another shape.
  init?(_ text: String) {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    var rest = text[number.endIndex...]
    if rest.hasPrefix(" ") { rest = rest.dropFirst() }
    guard rest.utf8.allSatisfy({ ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") }) else {
      return nil
    }
    let parts = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, IntegerText.isDigits(whole) else { return nil }
    if parts.count == 2, !IntegerText.isDigits(parts[1]) { return nil }
    digits = String(whole)
    fraction = parts.count == 2 ? String(parts[1]) : ""
    unit = String(rest)
  }

  /// The value in base units, or nil on overflow or when a fraction leaves a remainder.
  func value(times factor: Int64) -> Int64? {
    guard let whole = Int64(digits) else { return nil }
    let (product, overflow) = whole.multipliedReportingOverflow(by: factor)
    guard !overflow else { return nil }
    let decimals = fraction.prefix(9)
    guard let numerator = decimals.isEmpty ? 0 : Int64(decimals) else { return nil }
    var denominator: Int64 = 1
    for _ in decimals { denominator *= 10 }
    let (scaled, scaleOverflow) = numerator.multipliedReportingOverflow(by: factor)
    guard !scaleOverflow, scaled % denominator == 0 else { return nil }
    let (sum, sumOverflow) = product.addingReportingOverflow(scaled / denominator)
    return sumOverflow ? nil : sum
  }
}
