import Testing

@testable import Configuration

/// Descriptors by tier name, in place of a plugin loader.
struct DescriptorTable: TierDescriptorSource {
  var descriptors: [String: TierDescriptor] = [:]
  var failures: [String: DescriptorFailure] = [:]
  var stores: [String: StoreDescriptor] = [:]

  func storeDescriptor(for spec: StoreSpec, of tier: TierSpec) -> Result<StoreDescriptor, DescriptorFailure> {
    if let store = stores[spec.type] { return .success(store) }
    return .failure(
      DescriptorFailure(
        message: "lib\(spec.plugin ?? tier.tier).so: offers no object store named \(spec.type)",
        candidates: stores.keys.sorted(), subject: .product))
  }

  func descriptor(for spec: TierSpec) -> Result<TierDescriptor, DescriptorFailure> {
    if let failure = failures[spec.tier] { return .failure(failure) }
    if let descriptor = descriptors[spec.product ?? spec.tier] { return .success(descriptor) }
    return .failure(
      DescriptorFailure(
        message: "lib\(spec.tier).so: not found on plugins.path (searched: /opt/chronik/bin)",
        candidates: descriptors.keys.sorted()))
  }

  mutating func add(_ name: String, _ abilities: TierAbilities, _ keys: [PluginConfigKey] = []) {
    descriptors[name] = TierDescriptor(
      id: "test.\(name)", name: name, version: "1.0", summary: "A tier.", abilities: abilities, configKeys: keys)
  }

  /// One tier of each role.
  static let standard: DescriptorTable = {
    var table = DescriptorTable()
    table.add(
      "Memory", [.append, .read],
      [
        .init(name: "capacity", kind: .size(min: 1 << 20, max: 1 << 40), defaultValue: "64MiB", summary: "How much."),
        .init(name: "max_age", kind: .duration(min: 0, max: 86_400_000), defaultValue: "5m", summary: "How long."),
        .init(name: "eager", kind: .bool, defaultValue: "false", summary: "Whether."),
        .init(name: "shards", kind: .integer(min: 1, max: 64), defaultValue: "4", summary: "How many."),
        .init(name: "policy", kind: .choice(["lru", "fifo"]), defaultValue: "lru", summary: "Which."),
        .init(name: "label", kind: .string, summary: "What."),
      ])
    table.add("Disk", [.append, .durable, .seal, .read])
    table.add(
      "Archive", [.import, .read, .search, .rewrite, .seal],
      [.init(name: "url", kind: .string, summary: "The object store", required: true)])
    table.add("Import", [.import, .read])
    table.add("Fallback", [.read])
    table.add("WriteOnly", [.append, .durable, .seal])
    table.add("BlindCache", [.append])
    table.add("BlindImport", [.import])
    table.add("Unsealed", [.append, .durable, .read])
    table.add("DiskImport", [.append, .durable, .seal, .import, .read])
    table.add("Idle", [])
    return table
  }()
}

@Suite("The chain")
struct ChainValidatorTests {
  private func validate(
    _ yaml: String, _ table: DescriptorTable = .standard
  ) throws(ConfigurationError) -> ResolvedChain {
    try ChainValidator(load(yaml)).validate(table)
  }

  private func chainRefusals(_ yaml: String, _ table: DescriptorTable = .standard) -> [String] {
    refusals { () throws(ConfigurationError) in _ = try validate(yaml, table) }
  }

  /// A chain of bare tiers; tier n stands on line n + 2.
  private func chain(_ tiers: [String], volatile: Bool = false) -> String {
    "volatile: \(volatile)\nchain:\n" + tiers.map { "  - tier: \($0)\n" }.joined()
  }

  @Test(
    "the commit tier is the first durable appender",
    arguments: [
      (["Disk"], 0), (["Memory", "Disk"], 1), (["Memory", "Disk", "Import", "Fallback"], 1),
      (["Disk", "DiskImport"], 0),
      (["DiskImport", "Import"], 0),
    ])
  func commitTier(_ tiers: [String], _ index: Int) throws {
    let resolved = try validate(chain(tiers))
    #expect(resolved.commitTierIndex == index)
    #expect(resolved.tiers.map(\.instanceName) == tiers)
    #expect(resolved.warnings.isEmpty)
  }

  @Test("in a volatile chain the lowest appender takes the commit tier's place")
  func volatileChain() throws {
    #expect(try validate(chain(["Memory"], volatile: true)).commitTierIndex == 0)
    let two = "volatile: true\nchain:\n  - tier: Memory\n    name: a\n  - tier: Memory\n    name: b\n"
    #expect(try validate(two).commitTierIndex == 1)
  }

  @Test("settings are normalized, and absent ones have the plugin's defaults")
  func settings() throws {
    let resolved = try validate(
      """
      chain:
        - tier: Memory
          name: hot
          config: { max_age: 30s, capacity: 2 gib, label: "64MiB" }
        - tier: Disk
        - tier: Archive
          config: { url: "s3://bucket/x" }
      """)
    #expect(
      resolved.tiers[0].settings.map { "\($0.key)=\($0.value)" } == [
        "capacity=2147483648", "max_age=30000", "eager=false", "shards=4", "policy=lru", "label=64MiB",
      ])
    #expect(resolved.tiers[0].givenKeys == ["max_age", "capacity", "label"])
    #expect(resolved.tiers[0].instanceName == "hot")
    #expect(resolved.tiers[2].settings == [TierSetting(key: "url", value: "s3://bucket/x")])
  }

  @Test(
    "wrong plugin settings are refused where they stand",
    arguments: [
      (
        "capcity: 1GiB",
        "chronik.yaml:3:15: Memory has no setting \"capcity\"; expected capacity, max_age, eager, shards, policy or label; did you mean \"capacity\"?"
      ),
      (
        "capacity: 64",
        "chronik.yaml:3:25: capacity: \"64\" is below the minimum; expected a size from 1MiB to 1TiB, such as 64MiB"
      ),
      (
        "capacity: 64M",
        "chronik.yaml:3:25: capacity: \"64M\": the unit \"M\" is ambiguous; expected MiB (1024) or MB (1000); did you mean \"64MiB\"?"
      ),
      (
        "capacity: 5m",
        "chronik.yaml:3:25: capacity: \"5m\": the unit \"m\" is ambiguous; expected MiB (1024) or MB (1000); did you mean \"5MiB\"?"
      ),
      (
        "max_age: 2d",
        "chronik.yaml:3:24: max_age: \"2d\" is above the maximum; expected a duration from 0 to 1d, such as 30s"
      ),
      (
        "max_age: 30",
        "chronik.yaml:3:24: max_age: \"30\" has no unit of time; expected a duration from 0 to 1d, such as 30s; did you mean \"30ms\"?"
      ),
      (
        "eager: on", "chronik.yaml:3:22: eager: \"on\" is not a boolean; expected true or false; did you mean \"true\"?"
      ),
      ("shards: 65", "chronik.yaml:3:23: shards: 65 is above the maximum; expected a whole number from 1 to 64"),
      (
        "policy: lifo",
        "chronik.yaml:3:23: policy: \"lifo\" is not one of the choices; expected lru or fifo; did you mean \"fifo\"?"
      ),
    ])
  func wrongSettings(_ setting: String, _ expected: String) {
    #expect(chainRefusals("chain:\n  - tier: Memory\n    config: { \(setting) }\n  - tier: Disk\n") == [expected])
  }

  @Test("a setting of a plugin without settings, and a required one that is missing, are refused")
  func presence() {
    #expect(
      chainRefusals("chain:\n  - tier: Disk\n    config: { a: 1 }\n") == [
        "chronik.yaml:3:15: Disk has no setting \"a\"; expected no settings at all"
      ])
    #expect(
      chainRefusals("chain:\n  - tier: Disk\n  - tier: Archive\n") == [
        "chronik.yaml:3:11: Archive needs the setting \"url\" under config: (The object store); expected text"
      ])
  }

  @Test("a plugin whose own default is wrong is refused, not trusted")
  func wrongPluginDefault() {
    var table = DescriptorTable.standard
    table.add(
      "Odd", [.append, .durable, .read],
      [.init(name: "x", kind: .size(min: 9, max: 1), defaultValue: "big", summary: "Odd.")])
    #expect(
      chainRefusals("chain:\n  - tier: Odd\n", table) == [
        "chronik.yaml:2:11: Odd: the plugin's own default of \"x\" is not valid: \"big\" is not a size; "
          + "expected a size from 9B to 9B, such as 9B"
      ])
  }

  @Test("a missing or unusable library is refused where it is named")
  func descriptorFailures() {
    #expect(
      chainRefusals("chain:\n  - tier: Memry\n  - tier: Disk\n") == [
        "chronik.yaml:2:11: libMemry.so: not found on plugins.path (searched: /opt/chronik/bin); did you mean \"Memory\"?"
      ])
    var table = DescriptorTable.standard
    table.failures["Foo"] = DescriptorFailure(message: "libFoo.so: built for ABI 2.1, this host speaks 1.x")
    table.failures["Bar"] = DescriptorFailure(
      message: "libBar.so has no tier \"hott\"", candidates: ["hot", "cold"], subject: .product)
    #expect(
      chainRefusals(
        """
        chain:
          - tier: Foo
            library: ./libFoo.so
          - tier: Foo
            name: second
          - tier: Bar
            product: hott
        """, table) == [
          "chronik.yaml:3:14: libFoo.so: built for ABI 2.1, this host speaks 1.x",
          "chronik.yaml:4:11: libFoo.so: built for ABI 2.1, this host speaks 1.x",
          "chronik.yaml:7:14: libBar.so has no tier \"hott\"; did you mean \"hot\"?",
        ])
  }

  @Test("two instances need two names")
  func names() {
    #expect(
      chainRefusals("chain:\n  - tier: Memory\n  - tier: Memory\n  - tier: Disk\n") == [
        "chronik.yaml:3:11: two tiers are called \"Memory\" (line 2); expected a different name: for each instance; "
          + "did you mean \"name: Memory-2\"?"
      ])
    #expect(
      chainRefusals("chain:\n  - tier: Memory\n    name: a\n  - tier: Disk\n    name: a\n") == [
        "chronik.yaml:5:11: two tiers are called \"a\" (line 3); expected a different name: for each instance; "
          + "did you mean \"name: a-2\"?"
      ])
  }

  @Test(
    "orders that cannot work are refused",
    arguments: [
      (
        ["WriteOnly"],
        "chronik.yaml:2:1: no tier of the chain can read; expected at least one tier with the ability read"
      ),
      (
        ["Fallback"],
        "chronik.yaml:2:1: no tier of the chain takes new records; expected a tier with the abilities append and durable"
      ),
      (
        ["Memory"],
        "chronik.yaml:2:1: no tier of the chain keeps new records through a restart: Memory can append but is not durable; expected a tier with the abilities append and durable, or volatile: true to accept the loss"
      ),
      (
        ["Disk", "Memory"],
        "chronik.yaml:4:11: Memory is a cache (it appends and is not durable) and stands below Disk, which commits new records, so nothing would ever reach it; expected Memory above Disk"
      ),
      (
        ["Import", "Disk"],
        "chronik.yaml:3:11: Import imports finished segments and stands above Disk, which commits new records, so nothing would ever reach it; expected Import below Disk"
      ),
      (
        ["Fallback", "Disk"],
        "chronik.yaml:3:11: Fallback only reads and stands above Disk, which commits new records, so nothing would ever reach it; expected Fallback below Disk"
      ),
      (
        ["Disk", "Unsealed"],
        "chronik.yaml:4:11: Unsealed is unreachable: Disk already commits new records, and Unsealed does not import segments; expected one durable tier that appends"
      ),
      (
        ["Unsealed", "Import"],
        "chronik.yaml:4:11: Import imports finished segments, but no tier above it offers them; expected a tier with the ability seal between the commit tier and Import"
      ),
      (
        ["Disk", "BlindImport"],
        "chronik.yaml:4:11: BlindImport takes over segments and cannot read them back; expected a tier with the ability read"
      ),
      (
        ["BlindCache", "Disk"],
        "chronik.yaml:3:11: BlindCache is a cache that cannot read; expected a tier with the ability read"
      ),
      (
        ["Memory", "WriteOnly"],
        "chronik.yaml:4:11: WriteOnly commits new records and cannot read them back; expected a tier with the ability read"
      ),
      (
        ["Disk", "Idle"],
        "chronik.yaml:4:11: Idle has no place in a chain: its abilities are none; expected a tier that appends, imports or reads"
      ),
    ])
  func orders(_ tiers: [String], _ expected: String) {
    #expect(chainRefusals(chain(tiers)) == [expected])
  }

  @Test("a volatile chain still needs an appender")
  func volatileWithoutAppender() {
    #expect(
      chainRefusals(chain(["Fallback"], volatile: true)) == [
        "chronik.yaml:2:1: no tier of the chain takes new records; expected a tier with the abilities append and durable"
      ])
  }

  @Test("what is legal but odd is a warning")
  func warnings() throws {
    #expect(
      try validate(chain(["Disk"], volatile: true)).warnings.map(\.description) == [
        "chronik.yaml:1:11: warning: volatile: true has no effect: Disk is durable and commits every record; "
          + "expected volatile: false"
      ])
    #expect(
      try validate(chain(["Disk", "Fallback", "Import"])).warnings.map(\.description) == [
        "chronik.yaml:4:11: warning: Fallback only reads and is asked before Import, which holds segments; "
          + "expected Fallback below Import"
      ])
  }

  @Test("every problem of a chain is reported at once, in the order of the file")
  func everyProblem() {
    #expect(
      chainRefusals(
        """
        chain:
          - tier: Disk
          - tier: Memory
            config:
              shards: none
              colour: red
          - tier: Archive
        """) == [
          "chronik.yaml:3:11: Memory is a cache (it appends and is not durable) and stands below Disk, which commits new records, so nothing would ever reach it; expected Memory above Disk",
          "chronik.yaml:5:15: shards: \"none\" is not a whole number; expected a whole number from 1 to 64",
          "chronik.yaml:6:7: Memory has no setting \"colour\"; expected capacity, max_age, eager, shards, policy or label",
          "chronik.yaml:7:11: Archive needs the setting \"url\" under config: (The object store); expected text",
        ])
  }

  @Test("problems of the default chain name the built-in defaults")
  func builtInChain() throws {
    let loaded = try loadDefaults()
    let lines = refusals { () throws(ConfigurationError) in
      _ = try ChainValidator(loaded).validate(DescriptorTable())
    }
    #expect(
      lines == [
        "built-in defaults: libMemoryBuffer.so: not found on plugins.path (searched: /opt/chronik/bin)",
        "built-in defaults: libLocalSegments.so: not found on plugins.path (searched: /opt/chronik/bin)",
        "built-in defaults: libArchiveIndex.so: not found on plugins.path (searched: /opt/chronik/bin)",
      ])
  }

  @Test("an empty chain is refused")
  func emptyChain() {
    let lines = refusals { () throws(ConfigurationError) in
      _ = try ChainValidator(chain: [], isVolatile: false, origins: .builtIn).validate(DescriptorTable())
    }
    #expect(lines == ["built-in defaults: the chain is empty; expected at least one tier"])
  }

  @Test("abilities are bits in the order of the ABI")
  func abilityBits() {
    let bits: [TierAbilities] = [.append, .durable, .seal, .import, .read, .search, .rewrite]
    #expect(bits.map(\.rawValue) == [1, 2, 4, 8, 16, 32, 64])
    #expect(TierAbilities([.append, .read]).description == "append, read")
    #expect(TierAbilities(rawValue: 1 << 40).description == "none")
  }

  @Test(
    "whatever the abilities, a chain is refused or has a commit tier that can be used", arguments: [11, 12] as [UInt64])
  func anyChain(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      var table = DescriptorTable()
      let tiers = (0..<Int.random(in: 1...4, using: &random)).map { "T\($0)" }
      for tier in tiers { table.add(tier, TierAbilities(rawValue: UInt64.random(in: 0..<128, using: &random))) }
      let isVolatile = Bool.random(using: &random)
      do throws(ConfigurationError) {
        let resolved = try validate(chain(tiers, volatile: isVolatile), table)
        let commit = resolved.commitTier.descriptor.abilities
        #expect(commit.isSuperset(of: [.append, .read]), "seed \(seed)")
        #expect(isVolatile || commit.contains(.durable), "seed \(seed)")
        for tier in resolved.tiers.prefix(resolved.commitTierIndex) {
          #expect(tier.descriptor.abilities.isSuperset(of: [.append, .read]), "seed \(seed)")
        }
      } catch {
        #expect(!error.diagnostics.isEmpty, "seed \(seed)")
      }
    }
  }
}
