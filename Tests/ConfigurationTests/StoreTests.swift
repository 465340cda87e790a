import Testing

@testable import Configuration

/// `store:` of a chain entry, from the text to the resolved chain.
@Suite("The store of a tier")
struct StoreTests {
  private static let table: DescriptorTable = {
    var table = DescriptorTable.standard
    table.add("Vault", [.import, .read, .store])
    table.add("Keeper", [.read, .store])
    table.stores["file"] = StoreDescriptor(
      id: "test.file", name: "file", version: "1.0", summary: "A directory.",
      configKeys: [PluginConfigKey(name: "path", kind: .string, summary: "Where.")])
    table.stores["cloud"] = StoreDescriptor(
      id: "test.cloud", name: "cloud", version: "1.0", summary: "A service.",
      configKeys: [
        PluginConfigKey(name: "bucket", kind: .string, summary: "Which.", required: true),
        PluginConfigKey(name: "secret_access_key", kind: .string, summary: "The key."),
        PluginConfigKey(name: "pin", kind: .integer(min: 0, max: 9999), summary: "A number.", isSecret: true),
      ])
    return table
  }()

  private func chain(_ entry: String, below: String = "") -> String {
    "chain:\n  - tier: Disk\n  - tier: Vault\(entry)\n\(below)"
  }

  private func resolve(_ yaml: String) throws(ConfigurationError) -> ResolvedChain {
    try ChainValidator(load(yaml)).validate(Self.table)
  }

  private func problems(_ yaml: String) -> [String] {
    refusals { () throws(ConfigurationError) in _ = try resolve(yaml) }
  }

  private func own(_ tier: ResolvedTier) -> ResolvedStore? {
    if case .own(let store) = tier.store { store } else { nil }
  }

  @Test("without store: it is the store file, and a tier without the ability has none")
  func byDefault() throws {
    let chain = try resolve(chain(""))
    #expect(chain.tiers[0].store == nil)
    let store = try #require(own(chain.tiers[1]))
    #expect(store.descriptor.name == "file")
    #expect(store.settings.isEmpty)
  }

  @Test("type and settings are those of the file")
  func given() throws {
    let yaml = chain("\n    store:\n      type: cloud\n      plugin: Clouds\n      config: { bucket: b, pin: 12 }")
    let store = try #require(own(try resolve(yaml).tiers[1]))
    #expect(store.spec.plugin == "Clouds")
    #expect(store.settings == [TierSetting(key: "bucket", value: "b"), TierSetting(key: "pin", value: "12")])
  }

  @Test("a tier that only reads shares the store of the tier above it, unless it is given one")
  func shared() throws {
    let chain1 = try resolve(chain("", below: "  - tier: Keeper\n"))
    #expect(chain1.tiers[2].store == .shared(with: 1))
    let chain2 = try resolve(chain("", below: "  - tier: Keeper\n    store: { type: file }\n"))
    #expect(own(chain2.tiers[2])?.descriptor.name == "file")
  }

  @Test("problems stand where they were written")
  func refused() {
    #expect(
      problems("chain:\n  - tier: Disk\n    store: { type: file }") == [
        "chronik.yaml:3:5: Disk keeps nothing in an object store, so it cannot be given one; expected no store: here"
      ])
    #expect(
      problems(chain("\n    store: { type: clod }")) == [
        "chronik.yaml:4:20: libVault.so: offers no object store named clod; did you mean \"cloud\"?"
      ])
    #expect(
      problems(chain("\n    store: { type: cloud }")) == [
        "chronik.yaml:4:20: the store cloud of Vault needs the setting \"bucket\" under config: (Which.); expected text"
      ])
    #expect(
      problems(chain("\n    store: { type: cloud, config: { bucket: b, buckte: c } }")) == [
        "chronik.yaml:4:48: the store cloud of Vault has no setting \"buckte\"; expected bucket, secret_access_key or pin; "
          + "did you mean \"bucket\"?"
      ])
    #expect(
      problems(chain("\n    store: file")) == [
        "chronik.yaml:4:12: store: found \"file\"; expected a mapping with the key type; did you mean \"{ type: file }\"?"
      ])
    #expect(
      problems(chain("\n    store: { tpye: file }")) == [
        "chronik.yaml:4:14: a store has no key \"tpye\"; expected type, plugin, library or config; did you mean \"type\"?"
      ])
  }

  @Test("no report and no message shows a secret")
  func secrets() throws {
    let settings = "{ bucket: b, secret_access_key: hunter2, pin: 4711 }"
    let loaded = try load(chain("\n    store: { type: cloud, config: \(settings) }"))
    let resolved = try ChainValidator(loaded).validate(Self.table)
    let report = ConfigurationReport(loaded, chain: resolved)
    for text in [report.table(), report.json()] {
      #expect(!text.contains("hunter2") && !text.contains("4711"), "\(text)")
      #expect(text.contains("bucket") && text.contains("(secret)"))
    }
    // Misspelled, beside another problem, and of the wrong kind.
    for wrong in [
      "{ bucket: b, secret_acces_key: hunter2 }", "{ bukcet: b, \"secret_access_key\": hunter2 }",
      "{ bucket: b, pin: hunter2 }",
    ] {
      do throws(ConfigurationError) {
        _ = try resolve(chain("\n    store:\n      type: cloud\n      config:\n        \(wrong)"))
        Issue.record("\(wrong) was accepted")
      } catch {
        #expect(!error.description.contains("hunter2"), "\(error)")
        if !wrong.contains("pin") { #expect(!error.rendered().contains("hunter2"), "\(error.rendered())") }
      }
    }
  }
}
