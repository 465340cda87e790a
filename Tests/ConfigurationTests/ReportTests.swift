import Testing

@testable import Configuration

@Suite("The report of a check")
struct ReportTests {
  private let yaml = """
    network:
      idle_timeout: 90s
    topics: { retention.ms: 1d }
    chain:
      - tier: Memory
        name: hot
      - tier: Disk
    """

  private func loaded() throws -> LoadedConfiguration {
    try load(yaml, overrides: CommandLineOverrides(listen: "[::1]:1"))
  }

  @Test("each setting is shown with its value and its origin")
  func rows() throws {
    let rows = Dictionary(uniqueKeysWithValues: ConfigurationReport(try loaded()).rows.map { ($0.name, $0) })
    #expect(rows["network.idle_timeout"]?.display == "90s" && rows["network.idle_timeout"]?.origin == "chronik.yaml:2")
    #expect(rows["network.threads"]?.display == "2" && rows["network.threads"]?.origin == "default")
    #expect(rows["listen"]?.display == "[::1]:1" && rows["listen"]?.origin == "--listen")
    #expect(rows["cluster.id"]?.display == "-")
    #expect(rows["data_dir"]?.display == "/srv/chronik-data")
    #expect(rows["topics.retention.ms"]?.display == "86400000")
    #expect(rows["topics.segment.bytes"] == nil)
    #expect(rows["plugins.path"]?.display == "[\"/opt/chronik/bin\"]")
    #expect(rows["fetch.max_bytes"]?.display == "55MiB")
  }

  @Test("the table is aligned and ends with the chain")
  func table() throws {
    let loaded = try loaded()
    let resolved = try ChainValidator(loaded).validate(DescriptorTable.standard)
    let lines = ConfigurationReport(loaded, chain: resolved).table().split(separator: "\n").map { String($0) }
    #expect(lines[0].hasPrefix("SETTING  ") && lines[0].hasSuffix("FROM"))
    let column = try #require(lines[0].firstRange(of: "VALUE")).lowerBound
    let offset = lines[0].distance(from: lines[0].startIndex, to: column)
    let row = try #require(lines.first { $0.hasPrefix("network.idle_timeout ") })
    #expect(row.dropFirst(offset).hasPrefix("90s"))
    #expect(
      Array(lines.suffix(3)) == [
        "CHAIN  TIER        ROLE    ABILITIES                    SETTINGS",
        "hot    Memory 1.0  cache   append, read                 capacity=64MiB max_age=5m eager=false shards=4 policy=lru",
        "Disk   Disk 1.0    commit  append, durable, seal, read",
      ])
  }

  @Test("without loaded plugins the chain is shown as declared, and warnings stand last")
  func declaredChain() throws {
    let loaded = try load("plugins: { sha256: { X: \(String(repeating: "a", count: 64)) } }\n")
    let lines = ConfigurationReport(loaded).table().split(separator: "\n").map { String($0) }
    #expect(
      Array(lines.suffix(6).dropLast()) == [
        "CHAIN (not loaded)  TIER           SETTINGS", "MemoryBuffer        MemoryBuffer",
        "LocalSegments       LocalSegments", "ArchiveIndex        ArchiveIndex", "Fallback            ArchiveIndex",
      ])
    #expect(lines.last?.hasPrefix("chronik.yaml:1:22: warning: plugins.sha256: no tier") == true)
  }

  @Test("the JSON has numbers for sizes and durations and null for what is absent")
  func json() throws {
    let loaded = try loaded()
    let resolved = try ChainValidator(loaded).validate(DescriptorTable.standard)
    let json = ConfigurationReport(loaded, chain: resolved).json()
    #expect(json.contains(#"{"name":"network.idle_timeout","value":90000,"origin":"chronik.yaml:2"}"#))
    #expect(json.contains(#"{"name":"fetch.max_bytes","value":57671680,"origin":"default"}"#))
    #expect(json.contains(#"{"name":"cluster.id","value":null,"origin":"default"}"#))
    #expect(json.contains(#"{"name":"volatile","value":false,"origin":"default"}"#))
    #expect(json.contains(#"{"name":"plugins.path","value":["/opt/chronik/bin"],"origin":"default"}"#))
    #expect(
      json.contains(
        #"{"name":"Disk","tier":"Disk","plugin":"Disk","version":"1.0","role":"commit","abilities":["append","durable","seal","read"],"settings":{}}"#
      ))
    #expect(json.hasSuffix("\"warnings\":[]}\n"))
  }

  @Test("JSON text is escaped")
  func escaping() {
    #expect(JSONText.string("a\"b\\c\n\u{1}ü") == "\"a\\\"b\\\\c\\n\\u0001ü\"")
  }
}
