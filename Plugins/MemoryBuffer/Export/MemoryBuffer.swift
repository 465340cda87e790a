public import TierAPI
import MemoryBufferCore
import TierKit

private let create: VTable.Create = { host, options, out, message in
  VTable.create(host, options, out, message) { (host, options) throws(TierError) in
    try MemoryBufferTier(host: host, options: options)
  }
}

nonisolated(unsafe) private let entry = VTable.plugin(
  name: "MemoryBuffer", version: "1.0.0", tiers: [VTable.tier(MemoryBufferTier.description, create: create)])

@c @implementation public func chronik_plugin_entry() -> UnsafePointer<chronik_plugin> { entry }
