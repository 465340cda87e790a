import Testing

@testable import Configuration

@Suite("Values and units")
struct ValueTests {
  private func problem(_ kind: ValueKind, _ text: String) -> String? { kind.parse(text).failure?.sentence }

  @Test(
    "sizes",
    arguments: [
      ("0", 0), ("1", 1), ("1B", 1), ("1KB", 1000), ("512KB", 512_000), ("1KiB", 1024), ("64MiB", 67_108_864),
      ("64 mib", 67_108_864), ("64 mb", 64_000_000), ("1GiB", 1_073_741_824), ("1GB", 1_000_000_000),
      ("2TiB", 2_199_023_255_552), ("3tb", 3_000_000_000_000), ("9223372036854775807", Int64.max),
    ])
  func sizes(_ text: String, _ bytes: Int64) {
    #expect(ValueKind.size(0...Int64.max).parse(text) == .success(.size(bytes)))
  }

  @Test(
    "sizes that are refused",
    arguments: [
      (
        "64zb",
        "\"64zb\": \"zb\" is not a unit of size; expected B, KB, MB, GB, TB, KiB, MiB, GiB or TiB; did you mean \"64TB\"?"
      ),
      (
        "64 parsecs",
        "\"64 parsecs\": \"parsecs\" is not a unit of size; expected B, KB, MB, GB, TB, KiB, MiB, GiB or TiB"
      ),
      ("64M", "\"64M\": the unit \"M\" is ambiguous; expected MiB (1024) or MB (1000); did you mean \"64MiB\"?"),
      ("2k", "\"2k\": the unit \"k\" is ambiguous; expected KiB (1024) or KB (1000); did you mean \"2KiB\"?"),
      (
        "1.5GiB",
        "\"1.5GiB\" is not a whole number of GiB; expected a size from 1KiB to 4GiB, such as 64MiB; did you mean \"1536MiB\"?"
      ),
      ("-1", "\"-1\" is below the minimum; expected a size from 1KiB to 4GiB, such as 64MiB"),
      ("5GiB", "\"5GiB\" is above the maximum; expected a size from 1KiB to 4GiB, such as 64MiB"),
      ("lots", "\"lots\" is not a size; expected a size from 1KiB to 4GiB, such as 64MiB"),
      ("", "\"\" is not a size; expected a size from 1KiB to 4GiB, such as 64MiB"),
      ("64  MiB", "\"64  MiB\" is not a size; expected a size from 1KiB to 4GiB, such as 64MiB"),
      ("1_000_000", "\"1_000_000\" is not a size; expected a size from 1KiB to 4GiB, such as 64MiB"),
      (
        "99999999TiB",
        "\"99999999TiB\" is not a whole number of bytes below 8 EiB; expected a size from 1KiB to 4GiB, such as 64MiB"
      ),
      (
        "064MiB",
        "\"064MiB\" is not a whole number of MiB; expected a size from 1KiB to 4GiB, such as 64MiB; did you mean \"64MiB\"?"
      ),
    ])
  func badSizes(_ text: String, _ expected: String) {
    #expect(problem(.size(1024...4 << 30), text) == expected)
  }

  @Test(
    "durations, in milliseconds",
    arguments: [
      ("0", 0), ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("7d", 604_800_000),
      ("7 D", 604_800_000),
      ("10MS", 10),
    ])
  func durations(_ text: String, _ milliseconds: Int64) {
    #expect(ValueKind.duration(0...Int64.max).parse(text) == .success(.duration(milliseconds: milliseconds)))
  }

  @Test(
    "durations that are refused",
    arguments: [
      ("10", "\"10\" has no unit of time; expected a duration from 1ms to 1m, such as 30s; did you mean \"10ms\"?"),
      (
        "10 seconds",
        "\"10 seconds\": \"seconds\" is not a unit of time; expected ms, s, m, h or d; did you mean \"10s\"?"
      ),
      ("5min", "\"5min\": \"min\" is not a unit of time; expected ms, s, m, h or d; did you mean \"5m\"?"),
      ("5us", "\"5us\": \"us\" is not a unit of time; expected ms, s, m, h or d"),
      (
        "1.5s",
        "\"1.5s\" is not a whole number of s; expected a duration from 1ms to 1m, such as 30s; did you mean \"1500ms\"?"
      ),
      ("2h", "\"2h\" is above the maximum; expected a duration from 1ms to 1m, such as 30s"),
      ("0", "\"0\" is below the minimum; expected a duration from 1ms to 1m, such as 30s"),
      ("-5s", "\"-5s\" is not a duration; expected a duration from 1ms to 1m, such as 30s"),
      ("soon", "\"soon\" is not a duration; expected a duration from 1ms to 1m, such as 30s"),
      (
        "99999999999999999d",
        "\"99999999999999999d\" is not a whole number of milliseconds; expected a duration from 1ms to 1m, such as 30s"
      ),
    ])
  func badDurations(_ text: String, _ expected: String) {
    #expect(problem(.duration(1...60_000), text) == expected)
  }

  @Test(
    "booleans are YAML 1.2's, and its predecessors' words are recognised",
    arguments: [
      ("yes", "true"), ("On", "true"), ("1", "true"), ("True", "true"), ("no", "false"), ("OFF", "false"),
      ("flase", "false"),
    ])
  func booleans(_ text: String, _ meant: String) {
    #expect(
      problem(.boolean, text) == "\"\(text)\" is not a boolean; expected true or false; did you mean \"\(meant)\"?")
    #expect(ValueKind.boolean.parse(meant) == .success(.boolean(meant == "true")))
  }

  @Test(
    "whole numbers that are refused",
    arguments: [
      ("0", "0 is below the minimum; expected a whole number from 1 to 100"),
      ("101", "101 is above the maximum; expected a whole number from 1 to 100"),
      ("1_0", "\"1_0\" is not a whole number; expected a whole number from 1 to 100; did you mean \"10\"?"),
      ("007", "\"007\" is not a whole number; expected a whole number from 1 to 100; did you mean \"7\"?"),
      ("+5", "\"+5\" is not a whole number; expected a whole number from 1 to 100; did you mean \"5\"?"),
      ("5.0", "\"5.0\" is not a whole number; expected a whole number from 1 to 100; did you mean \"5\"?"),
      ("5.5", "\"5.5\" is not a whole number; expected a whole number from 1 to 100"),
      ("0x10", "\"0x10\" is not a whole number; expected a whole number from 1 to 100"),
      ("1e2", "\"1e2\" is not a whole number; expected a whole number from 1 to 100"),
      ("99999999999999999999", "\"99999999999999999999\" is not a whole number; expected a whole number from 1 to 100"),
      ("", "\"\" is not a whole number; expected a whole number from 1 to 100"),
    ])
  func badIntegers(_ text: String, _ expected: String) {
    #expect(problem(.integer(1...100), text) == expected)
  }

  @Test("choices are listed, and the closest is suggested")
  func choices() {
    #expect(ValueKind.choice(["text", "json"]).parse("json") == .success(.text("json")))
    #expect(
      problem(.choice(["text", "json"]), "JSON")
        == "\"JSON\" is not one of the choices; expected text or json; did you mean \"json\"?")
  }

  @Test(
    "endpoints",
    arguments: [
      ("127.0.0.1:9092", "127.0.0.1", 9092), ("[::1]:9092", "::1", 9092), ("[2001:db8::1]:1", "2001:db8::1", 1),
      ("broker-1.example.com:65535", "broker-1.example.com", 65535), ("my_host:80", "my_host", 80),
      ("localhost:0", "localhost", 0),
    ])
  func endpoints(_ text: String, _ host: String, _ port: UInt16) {
    let endpoint = Endpoint(host: host, port: port)
    #expect(ValueKind.endpoint(allowsPortZero: true).parse(text) == .success(.endpoint(endpoint)))
    #expect(endpoint.description == text)
  }

  @Test(
    "endpoints that are refused",
    arguments: [
      ("127.0.0.1", "\"127.0.0.1\" has no port", "127.0.0.1:9092"), ("9092", "\"9092\" has no port", "127.0.0.1:9092"),
      (":9092", "\":9092\" has no host", "0.0.0.0:9092"), ("*:9092", "\"*:9092\" has no host", "0.0.0.0:9092"),
      ("PLAINTEXT://a:1", "\"PLAINTEXT://a:1\" has a scheme, which is not used here", "a:1"),
      ("::1", "\"::1\" is an IPv6 address without brackets or port", "[::1]:9092"),
      ("fe80::a:b:c:d:99999", "\"fe80::a:b:c:d:99999\" has an IPv6 address without brackets", "[fe80::a:b:c:d]:99999"),
      ("[::1]", "\"[::1]\" has no port", "[::1]:9092"), ("[::1:9092", "\"[::1:9092\" has no closing bracket", nil),
      ("[nope]:1", "\"nope\" is not an IPv6 address", nil), ("a:70000", "\"70000\" is not a port from 1 to 65535", nil),
      ("a:b", "\"b\" is not a port from 1 to 65535", nil), ("a:", "\"\" is not a port from 1 to 65535", nil),
      ("256.1.1.1:1", "\"256.1.1.1\" is not an IPv4 address", nil), ("-a:1", "\"-a\" is not a host name", nil),
      ("a b:1", "\"a b\" is not a host name", nil), ("a..b:1", "\"a..b\" is not a host name", nil),
      ("a:0", "port 0 is not a port that a client can connect to", nil),
      ("[::1]x:1", "\"x:1\" is not a port from 1 to 65535", nil),
    ] as [(String, String, String?)])
  func badEndpoints(_ text: String, _ message: String, _ suggestion: String?) {
    let expected = ValueProblem(
      message, expected: "host:port, with IPv6 in brackets, such as 127.0.0.1:9092 or [::1]:9092",
      suggestion: suggestion)
    #expect(ValueKind.endpoint(allowsPortZero: false).parse(text).failure == expected)
  }

  @Test("the ports that are named are those that are accepted") func portsWithZero() {
    let refused = ValueKind.endpoint(allowsPortZero: true).parse("a:70000").failure
    #expect(refused?.sentence.hasPrefix("\"70000\" is not a port from 0 to 65535") == true)
  }

  @Test("wildcards are recognised in every spelling", arguments: ["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::0"])
  func wildcards(_ host: String) {
    #expect(Endpoint(host: host, port: 1).isWildcard)
    #expect(!Endpoint(host: "127.0.0.1", port: 1).isWildcard && !Endpoint(host: "::1", port: 1).isWildcard)
  }

  @Test("what is printed for a size or a duration reads back as the same value", arguments: [1, 2, 3] as [UInt64])
  func printedValuesReadBack(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      let value = Int64.random(in: 0...Int64.max, using: &random) >> Int64.random(in: 0...62, using: &random)
      let text = ByteSize.text(value)
      #expect(ByteSize.parse(text, in: 0...Int64.max) == .success(value), "seed \(seed)")
      #expect(DurationText.parse(DurationText.text(value), in: 0...Int64.max) == .success(value), "seed \(seed)")
    }
  }

  @Test(
    "a number and a unit mean the number times the unit, whatever the case and the space",
    arguments: [4, 5] as [UInt64])
  func unitsMultiply(_ seed: UInt64) throws {
    let factors: [(String, Int64)] = [
      ("b", 1), ("kb", 1_000), ("mb", 1_000_000), ("gb", 1_000_000_000), ("kib", 1_024), ("mib", 1_048_576),
      ("gib", 1_073_741_824),
    ]
    let times: [(String, Int64)] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
    var random = SeededGenerator(seed: seed)
    for _ in 0..<1000 {
      let number = Int64.random(in: 1...1_000_000, using: &random)
      let space = Bool.random(using: &random) ? " " : ""
      let (unit, factor) = try #require(factors.randomElement(using: &random))
      let cased = String(unit.map { Bool.random(using: &random) ? Character($0.uppercased()) : $0 })
      let size = ValueKind.size(0...Int64.max).parse("\(number)\(space)\(cased)")
      #expect(size.success?.normalized == String(number * factor), "seed \(seed)")
      let (word, milliseconds) = try #require(times.randomElement(using: &random))
      let duration = ValueKind.duration(0...Int64.max).parse("\(number)\(space)\(word)")
      #expect(duration.success?.normalized == String(number * milliseconds), "seed \(seed)")
    }
  }
}
