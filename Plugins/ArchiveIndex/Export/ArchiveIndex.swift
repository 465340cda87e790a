import ArchiveIndexCore
import TierAPI
import TierKit

// The library's only exported symbol. The logic is in ArchiveIndexCore, which tests link directly.

private let createArchive: VTable.Create = { host, options, out, message in
  VTable.create(host, options, out, message) { (host, options) throws(TierError) in
    try ArchiveTier(host: host, options: options)
  }
}

private let createFallback: VTable.Create = { host, options, out, message in
  VTable.create(host, options, out, message) { (host, options) throws(TierError) in
    try FallbackTier(host: host, options: options)
  }
}

nonisolated(unsafe) private let entry = VTable.plugin(
  name: "ArchiveIndex", version: ArchiveTier.description.version,
  tiers: [
    VTable.tier(ArchiveTier.description, create: createArchive),
    VTable.tier(FallbackTier.description, create: createFallback),
  ])

@c @implementation public func chronik_plugin_entry() -> UnsafePointer<chronik_plugin> { entry }
