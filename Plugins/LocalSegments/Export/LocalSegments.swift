import LocalSegmentsCore
import TierAPI
import TierKit

// The library's only exported symbol. The logic is in LocalSegmentsCore, which tests link directly.

private let create: VTable.Create = { host, options, out, message in
  VTable.create(host, options, out, message) { (host, options) throws(TierError) in
    try LocalSegmentsTier(host: host, options: options)
  }
}

nonisolated(unsafe) private let entry = VTable.plugin(
  name: "LocalSegments", version: LocalSegmentsTier.description.version,
  tiers: [VTable.tier(LocalSegmentsTier.description, create: create)])

@c @implementation public func chronik_plugin_entry() -> UnsafePointer<chronik_plugin> { entry }
