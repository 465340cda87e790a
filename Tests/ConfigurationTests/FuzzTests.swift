import Testing

@testable import Configuration

/// Mutated configurations must load or be refused with a place inside the file; nothing may crash or hang.
@Suite("Hostile files")
struct FuzzTests {
  private static let fragments = [
    "&a", "*a", "<<: ", "- ", "{", "}", "[", "]", "\"", "'", ": ", "#", "\n", "\t", "\u{85}", "---\n", "...\n",
    "!!int ", "|\n", ">\n",
    "%YAML 1.2\n", "? ", "null", "~", "-1", "9223372036854775808", "1e999", "64 zb", "\\0", "\u{FEFF}", "\r", "𝄞",
    "network:\n",
    "chain:\n", "  - tier: X\n", "config: { a: [b] }", "topics: {", "0.0.0.0:9092", "$BIN", "\u{2028}",
  ].map { Array($0.utf8) }

  private func mutate(_ text: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = text
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let at = Int.random(in: 0...bytes.count, using: &random)
      let length = min(Int.random(in: 0...20, using: &random), bytes.count - at)
      switch Int.random(in: 0..<6, using: &random) {
      case 0 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.removeSubrange(at..<(at + length))
      case 2: bytes.insert(contentsOf: Self.fragments.randomElement(using: &random) ?? [], at: at)
      case 3: bytes.insert(contentsOf: bytes[at..<(at + length)], at: Int.random(in: 0...bytes.count, using: &random))
      case 4: bytes.removeLast(bytes.count - at)
      default:
        // Removing a comment mark turns prose into something that nearly is a setting.
        if let mark = bytes[at...].firstIndex(of: UInt8(ascii: "#")) { bytes.remove(at: mark) }
      }
      if bytes.isEmpty { bytes = text }
    }
    return bytes
  }

  private func check(_ bytes: [UInt8], seed: UInt64, round: Int) {
    do throws(ConfigurationError) {
      let loaded = try LoadedConfiguration.parse(file: "f.yaml", bytes: bytes, environment: testEnvironment)
      _ = ConfigurationReport(loaded).json()
      _ = ConfigurationReport(loaded).table()
      _ = BrokerSettings(loaded.configuration).describe()
      _ = try ChainValidator(loaded).validate(DescriptorTable.standard)
    } catch {
      #expect(!error.diagnostics.isEmpty, "seed \(seed) round \(round)")
      let places = error.diagnostics.map { SourcePosition(line: $0.line, column: $0.column) }
      #expect(places == places.sorted(), "seed \(seed) round \(round)")
      if let source = error.source {
        for diagnostic in error.diagnostics where diagnostic.line > 0 {
          let inside =
            diagnostic.line <= source.lines.count
            && diagnostic.column <= source.lines[diagnostic.line - 1].unicodeScalars.count + 1
          #expect(inside, "seed \(seed) round \(round): \(diagnostic)")
        }
      }
      _ = error.rendered(colour: true)
    }
  }

  @Test("mutations of the manual", arguments: [21, 22, 23, 24] as [UInt64])
  func mutatedManual(_ seed: UInt64) {
    let manual = Array(ConfigurationManual.manual().utf8)
    var random = SeededGenerator(seed: seed)
    for round in 0..<100 { check(mutate(manual, &random), seed: seed, round: round) }
  }

  @Test("mutations of a dense file", arguments: [31, 32, 33, 34] as [UInt64])
  func mutatedDenseFile(_ seed: UInt64) {
    let dense = Array(
      """
      node: { id: 7 }
      listen: "[::]:19092"
      advertised: broker-7.example.com:9092
      durability: { mode: interval, interval: 250ms }
      plugins: { path: [ "$BIN", ./tiers ], sha256: { Cold: 00 } }
      chain:
        - tier: Memory
          name: hot
          config: { capacity: 64MiB, eager: true }
        - tier: Disk
      topics: { num.partitions: 12, retention.ms: 3d, cleanup.policy: [compact, delete] }
      network:
        threads: 4
        idle_timeout: 1h
      """.utf8)
    var random = SeededGenerator(seed: seed)
    for round in 0..<1500 { check(mutate(dense, &random), seed: seed, round: round) }
  }

  @Test("random bytes", arguments: [41, 42] as [UInt64])
  func randomBytes(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for round in 0..<2000 {
      let count = Int.random(in: 0...80, using: &random)
      check((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }, seed: seed, round: round)
    }
  }

  @Test("fragments of YAML in any order", arguments: [51, 52] as [UInt64])
  func randomFragments(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for round in 0..<2000 {
      let parts = (0..<Int.random(in: 1...12, using: &random)).flatMap { _ in
        Self.fragments.randomElement(using: &random) ?? []
      }
      check(parts, seed: seed, round: round)
    }
  }
}
