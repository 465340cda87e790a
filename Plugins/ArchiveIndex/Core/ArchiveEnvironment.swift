import ArchiveFormat
import TierKit

/// What the parts of one instance share. All members are thread-safe.
package final class ArchiveEnvironment: Sendable {
  package let host: HostServices
  package let configuration: Configuration
  package let access: StoreAccess
  package let index: SegmentIndex
  package let chunks: ChunkCache
  package let footers: FooterCache
  let misnamed: MisnamedObjects
  package let frames: FrameCache
  package let readAhead: ReadAheadPool
  /// Helps searches to wait for the store. Not the host's threads: appends and disk reads need those.
  package let searchHelpers: ReadAheadPool
  package let deletions: DeletionWorker
  package let identity: StoreIdentity

  init(
    host: HostServices, store: any ObjectStore, configuration: Configuration, directory: String, disk: any IndexDisk
  ) {
    self.host = host
    self.configuration = configuration
    access = StoreAccess(store: store, host: host, timeout: configuration.requestTimeout)
    index = SegmentIndex(disk: disk, directory: directory)
    let cacheDirectory =
      configuration.cacheByteCount == 0
      ? nil : CacheDirectory(configuration.cachePath.isEmpty ? "\(directory)/cache" : configuration.cachePath)
    chunks = ChunkCache(access, directory: cacheDirectory, byteCountMax: configuration.cacheByteCount, host: host)
    misnamed = MisnamedObjects(index: index, chunks: chunks, host: host)
    footers = FooterCache(
      access, directory: cacheDirectory, byteCountMax: configuration.cacheByteCount / 2, host: host, misnamed: misnamed)
    frames = FrameCache(host: host)
    readAhead = ReadAheadPool()
    searchHelpers = ReadAheadPool()
    identity = StoreIdentity(index: index, access: access, host: host)
    deletions = DeletionWorker(index: index, access: access, identity: identity, host: host)
  }
}
