import Glibc

/// Moments as text.
enum TimeText {
  /// "2026-11-21T14:00:00.123Z"; nil outside the years 0 to 9999, which a timestamp in a record may be.
  static func iso8601(milliseconds: Int64) -> String? {
    let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1000)
    var seconds = time_t(remainder < 0 ? quotient - 1 : quotient)
    let fraction = remainder < 0 ? remainder + 1000 : remainder
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil, (0...9999).contains(Int(parts.tm_year) + 1900) else { return nil }
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return
      "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))T"
      + "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
      + ".\(padded(Int(fraction), 3))Z"
  }
}
