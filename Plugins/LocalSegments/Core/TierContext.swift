import TierKit

/// What every partition of an instance shares. All members are thread-safe.
final class TierContext: Sendable {
  let fileSystem: any FileSystem
  let host: HostServices
  let configuration: Configuration
  let descriptors: DescriptorCache
  let buffers = BufferPool()
  let space: SpaceReserve
  let commitLog: CommitLog

  init(
    _ fileSystem: any FileSystem, _ host: HostServices, _ configuration: Configuration, dataDirectory: String
  ) {
    self.fileSystem = fileSystem
    self.host = host
    self.configuration = configuration
    descriptors = DescriptorCache(fileSystem, limit: configuration.openFilesMax)
    space = SpaceReserve(kept: configuration.keptFreeByteCount, fileSystem, path: dataDirectory)
    commitLog = CommitLog(
      directory: dataDirectory, fileSystem: fileSystem, host: host, configuration: configuration, space: space)
  }
}
