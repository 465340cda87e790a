import TierKit

/// What every partition of an instance shares. All members are thread-safe.
final class TierContext: Sendable {
  let fileSystem: any FileSystem
  let host: HostServices
  let configuration: Configuration
  let descriptors: DescriptorCache
  let buffers = BufferPool()

  init(_ fileSystem: any FileSystem, _ host: HostServices, _ configuration: Configuration) {
    self.fileSystem = fileSystem
    self.host = host
    self.configuration = configuration
    descriptors = DescriptorCache(fileSystem, limit: configuration.openFilesMax)
  }
}
