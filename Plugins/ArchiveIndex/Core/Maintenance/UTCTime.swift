import Glibc

/// Times for people.
enum UTCTime {
  /// "2026-01-31T23:59:59Z" for milliseconds since 1970; the number for times that have no such form.
  static func text(_ milliseconds: Int64) -> String {
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    var text = [CChar](repeating: 0, count: 32)
    guard milliseconds >= 0, gmtime_r(&seconds, &parts) != nil,
      strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0
    else { return "\(milliseconds)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
