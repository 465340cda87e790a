import CompactionCore
import TierAPI
import TierKit

// The library's only exported symbol. The logic is in CompactionCore, which tests link directly.

private let createKey: VTable.CreateStrategy = { host, options, out, message in
  VTable.createStrategy(host, options, out, message) { (host, options) throws(TierError) in
    try KeyStrategy(host: host, options: options)
  }
}

nonisolated(unsafe) private let entry = VTable.plugin(
  name: "Compaction", version: "1.0.0", strategies: [VTable.strategy(KeyStrategy.description, create: createKey)])

@c @implementation public func chronik_plugin_entry() -> UnsafePointer<chronik_plugin> { entry }
