import ArchiveIndexCore
import ObjectStores
import TierAPI
import TierKit

// The library's only exported symbol. The logic is in ArchiveIndexCore and ObjectStores, which tests link directly.

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

private let createFileStore: VTable.CreateStore = { host, options, out, message in
  VTable.createStore(host, options, out, message) { (host, options) throws(TierError) in
    try FileStore(host: host, options: options)
  }
}

private let createS3Store: VTable.CreateStore = { host, options, out, message in
  VTable.createStore(host, options, out, message) { (host, options) throws(TierError) in
    try S3Store(host: host, options: options)
  }
}

nonisolated(unsafe) private let entry = VTable.plugin(
  name: "ArchiveIndex", version: ArchiveTier.description.version,
  tiers: [
    VTable.tier(ArchiveTier.description, create: createArchive),
    VTable.tier(FallbackTier.description, create: createFallback),
  ],
  stores: [
    VTable.objectStore(FileStore.description, create: createFileStore),
    VTable.objectStore(S3Store.description, create: createS3Store),
  ])

@c @implementation public func chronik_plugin_entry() -> UnsafePointer<chronik_plugin> { entry }
