import Testing

@testable import Configuration

@Suite("The compaction section") struct CompactionTests {
  private let keys = [
    PluginConfigKey(
      name: "dedupe_buffer", kind: .size(min: 65_536, max: 1 << 36), defaultValue: "128MiB", summary: "Memory for keys."
    )
  ]

  private func problems(_ yaml: String, _ source: Result<[PluginConfigKey], DescriptorFailure>) throws -> [String] {
    let loaded = try load(yaml)
    do throws(ConfigurationError) {
      _ = try CompactionValidator(loaded).validate(source)
      return []
    } catch {
      return error.diagnostics.map(\.description)
    }
  }

  @Test("without the section the defaults hold")
  func defaults() throws {
    let loaded = try load("")
    let compaction = loaded.configuration.compaction
    #expect(compaction.isEnabled && compaction.plugin == "Compaction" && compaction.strategy == "Key")
    #expect(compaction.interval == .seconds(15) && compaction.bytesPerSecondMax == 64 << 20)
    let resolved = try CompactionValidator(loaded).validate(.success(keys))
    #expect(resolved.settings == [TierSetting(key: "dedupe_buffer", value: "134217728")])
  }

  @Test("given values are read with their units")
  func given() throws {
    let loaded = try load(
      "compaction:\n  interval: 1s\n  max_bytes_per_second: 1GiB\n  config: { dedupe_buffer: 1MiB }\n")
    #expect(loaded.configuration.compaction.interval == .seconds(1))
    #expect(loaded.configuration.compaction.bytesPerSecondMax == 1 << 30)
    let resolved = try CompactionValidator(loaded).validate(.success(keys))
    #expect(resolved.settings == [TierSetting(key: "dedupe_buffer", value: "1048576")])
  }

  @Test("what the strategy does not accept is refused with its place and a suggestion")
  func refused() throws {
    let unknown = try problems("compaction:\n  config: { dedup_buffer: 1MiB }\n", .success(keys))
    #expect(unknown.count == 1 && unknown[0].contains(":2:13") && unknown[0].contains("dedupe_buffer"), "\(unknown)")
    let small = try problems("compaction:\n  config: { dedupe_buffer: 1B }\n", .success(keys))
    #expect(small.count == 1 && small[0].contains(":2:28"), "\(small)")
    let failure = DescriptorFailure(message: "no strategy named Kay", candidates: ["Key"], subject: .product)
    let product = try problems("compaction:\n  strategy: Kay\n", .failure(failure))
    #expect(product.count == 1 && product[0].contains(":2:13") && product[0].contains("Key"), "\(product)")
    let library = DescriptorFailure(
      message: "libCompactoin.so: not found", candidates: ["Compaction"], subject: .library)
    let plugin = try problems("compaction:\n  plugin: Compactoin\n", .failure(library))
    #expect(plugin.count == 1 && plugin[0].contains(":2:11") && plugin[0].contains("Compaction"), "\(plugin)")
  }
}
