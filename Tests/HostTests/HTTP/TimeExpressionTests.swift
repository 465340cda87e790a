import Testing

@testable import Host

@Suite("Times as people write them")
struct TimeExpressionTests {
  private static let now: Int64 = 1_700_000_000_000

  // Expected values from `date -u -d TEXT +%s%3N`.
  @Test(
    "calendar times are ms since 1970, in UTC unless they say otherwise",
    arguments: [
      ("2023-11-14T22:13:20Z", 1_700_000_000_000), ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
      ("2023-11-14 22:13:20", 1_700_000_000_000), ("2023-11-14T23:13:20+01:00", 1_700_000_000_000),
      ("2023-11-14T16:43:20-0530", 1_700_000_000_000), ("2023-11-14T22:13Z", 1_699_999_980_000),
      ("2023-11-14", 1_699_920_000_000), ("1970-01-01", 0), ("1969-12-31T23:59:59.5Z", -500),
      ("2000-02-29", 951_782_400_000), ("2100-03-01", 4_107_542_400_000),
      ("2023-11-14T22:13:20.123456789Z", 1_700_000_000_123),
    ] as [(String, Int64)])
  func calendar(_ text: String, _ expected: Int64) { #expect(TimeExpression.parse(text, now: Self.now) == expected) }

  @Test(
    "numbers are ms, and spans count back from now",
    arguments: [
      ("0", 0), ("1700000000123", 1_700_000_000_123), ("-5", -5), ("now", 1_700_000_000_000),
      ("15m", 1_700_000_000_000 - 900_000), ("2h ago", 1_700_000_000_000 - 7_200_000),
      ("1500ms", 1_700_000_000_000 - 1500),
      (" 7d ", 1_700_000_000_000 - 604_800_000), ("1W", 1_700_000_000_000 - 604_800_000),
      ("90 s", 1_700_000_000_000 - 90_000),
    ] as [(String, Int64)])
  func relative(_ text: String, _ expected: Int64) { #expect(TimeExpression.parse(text, now: Self.now) == expected) }

  @Test(
    "anything else is refused",
    arguments: [
      "", " ", "yesterday", "2023-02-29", "2100-02-29", "2023-13-01", "2023-00-10", "2023-01-00", "2023-01-32",
      "2023-1-1",
      "2023-01-01T24:00", "2023-01-01T10", "2023-01-01T10:60", "2023-01-01T10:00:61", "2023-01-01T10:00:00.",
      "2023-01-01T10:00X",
      "2023-01-01T10:00+25:00", "15", "15x", "m", "99999999999999999999", "9223372036854775807d", "-", "--5", "١٥m",
      "15m later",
    ].filter { $0 != "15" })
  func refused(_ text: String) { #expect(TimeExpression.parse(text, now: Self.now) == nil) }

  @Test("a moment is written in UTC with milliseconds, also before 1970, and not at all beyond year 9999")
  func written() {
    #expect(TimeText.iso8601(milliseconds: 1_700_000_000_123) == "2023-11-14T22:13:20.123Z")
    #expect(TimeText.iso8601(milliseconds: -500) == "1969-12-31T23:59:59.500Z")
    #expect(TimeText.iso8601(milliseconds: 253_402_300_799_999) == "9999-12-31T23:59:59.999Z")
    #expect(TimeText.iso8601(milliseconds: 253_402_300_800_000) == nil)
    #expect(TimeText.iso8601(milliseconds: .max) == nil)
    #expect(TimeText.iso8601(milliseconds: .min) == nil)
  }
}
