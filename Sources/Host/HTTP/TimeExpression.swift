/// A moment as people write it: "2026-11-21T14:00:00Z", "2026-11-21", "1700000000000" (ms since 1970), "15m", "2h ago",
/// "now". A time without a zone is UTC.
enum TimeExpression {
  static let summary = "2026-11-21T14:00:00Z, 2026-11-21, milliseconds since 1970, or a time ago such as 15m, 2h or 7d"

  /// ms since 1970, or nil when the text is none of these. `now` in the same unit.
  static func parse(_ text: String, now: Int64) -> Int64? {
    let text = text.trimmingSpaces
    if text == "now" { return now }
    if isDigits(text) { return Int64(text) }
    if text.first == "-", isDigits(text.dropFirst()) { return Int64(text) }
    let span = text.hasSuffix(" ago") ? text.dropLast(4).trimmingSpaces : text
    if let milliseconds = duration(span) { return now.subtractingReportingOverflow(milliseconds).partialValue }
    return calendar(text)
  }

  /// ms of "15m", "90s", "1500ms"; nil when it is no such thing or out of range.
  static func duration(_ text: String) -> Int64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, let number = Int64(digits) else { return nil }
    let unit: Int64
    switch text.dropFirst(digits.count).trimmingSpaces.lowercased() {
    case "ms": unit = 1
    case "s": unit = 1000
    case "m", "min": unit = 60_000
    case "h": unit = 3_600_000
    case "d": unit = 86_400_000
    case "w": unit = 604_800_000
    default: return nil
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    // A hundred thousand years keep every sum with a time of day in range.
    return overflow || product > 3_155_760_000_000_000 ? nil : product
  }

  private static func calendar(_ text: String) -> Int64? {
    var rest = Substring(text)
    guard let year = number(&rest, 4), eat(&rest, "-"), let month = number(&rest, 2), eat(&rest, "-"),
      let day = number(&rest, 2), (1...12).contains(month), (1...daysOfMonth(month, year)).contains(day)
    else { return nil }
    var milliseconds = days(year, month, day) * 86_400_000
    if rest.isEmpty { return milliseconds }
    guard eat(&rest, "T") || eat(&rest, "t") || eat(&rest, " "), let hour = number(&rest, 2), hour < 24,
      eat(&rest, ":"), let minute = number(&rest, 2), minute < 60
    else { return nil }
    milliseconds += (hour * 60 + minute) * 60_000
    if eat(&rest, ":") {
      guard let second = number(&rest, 2), second < 61 else { return nil }
      milliseconds += second * 1000
      if eat(&rest, ".") || eat(&rest, ",") {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard (1...9).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        guard let fraction = Int64(digits.prefix(3).padded(to: 3)) else { return nil }
        milliseconds += fraction
      }
    }
    guard let zone = zone(&rest), rest.isEmpty else { return nil }
    return milliseconds - zone
  }

  /// ms east of UTC.
  private static func zone(_ rest: inout Substring) -> Int64? {
    if rest.isEmpty || eat(&rest, "Z") || eat(&rest, "z") { return 0 }
    let sign: Int64
    if eat(&rest, "+") { sign = 1 } else if eat(&rest, "-") { sign = -1 } else { return nil }
    guard let hours = number(&rest, 2), hours < 24 else { return nil }
    if rest.isEmpty { return sign * hours * 3_600_000 }
    _ = eat(&rest, ":")
    guard let minutes = number(&rest, 2), minutes < 60 else { return nil }
    return sign * (hours * 60 + minutes) * 60_000
  }

  private static func number(_ rest: inout Substring, _ count: Int) -> Int64? {
    let digits = rest.prefix(count)
    guard digits.count == count, isDigits(digits) else { return nil }
    rest = rest.dropFirst(count)
    return Int64(digits)
  }

  private static func eat(_ rest: inout Substring, _ character: Character) -> Bool {
    guard rest.first == character else { return false }
    rest = rest.dropFirst()
    return true
  }

  private static func isDigits(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  private static func daysOfMonth(_ month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }

  /// Days since 1970-01-01 in the proleptic Gregorian calendar; years 0 to 9999.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    // The year begins in March, so that the day that comes every four years is the last.
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}

extension StringProtocol {
  var trimmingSpaces: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  fileprivate func padded(to count: Int) -> String { self + String(repeating: "0", count: count - self.count) }
}
