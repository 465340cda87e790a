import Glibc
import PluginLoader
import TierAPI

/// The batches of one rewritten group, in order: in memory while they are few, then in a file without a name that goes
/// with the process. One thread.
final class RewriteOutput {
  /// A group of this size needs no file; larger ones take no more memory than this.
  private static let memoryByteCountMax = 4 << 20

  private let directory: String
  private var buffer: [UInt8] = []
  private var file: Int32 = -1
  private var spilledByteCount = 0

  /// `directory` is where the file would be.
  init(directory: String) { self.directory = directory }

  deinit { if file >= 0 { close(file) } }

  var byteCount: Int { spilledByteCount + buffer.count }

  func append(_ bytes: UnsafeRawBufferPointer) throws(TierFailure) {
    if !buffer.isEmpty, buffer.count + bytes.count > Self.memoryByteCountMax { try spill() }
    buffer.append(contentsOf: bytes)
  }

  /// Lends everything as extents.
  func withExtents<Result>(_ body: ([chronik_extent]) throws -> Result) throws -> Result {
    if file >= 0 { try spill() }
    return try buffer.withUnsafeBufferPointer { memory in
      var extent = chronik_extent()
      extent.fd = file
      if file >= 0 {
        extent.kind = CHRONIK_EXTENT_FILE
        extent.len = spilledByteCount
      } else {
        extent.kind = CHRONIK_EXTENT_MEMORY
        extent.ptr = memory.baseAddress
        extent.len = memory.count
      }
      return try body(extent.len > 0 ? [extent] : [])
    }
  }

  private func spill() throws(TierFailure) {
    if file < 0 { file = try Self.openUnnamed(in: directory) }
    var written = 0
    while written < buffer.count {
      let count = buffer.withUnsafeBytes { bytes in
        pwrite(file, bytes.baseAddress! + written, bytes.count - written, off_t(spilledByteCount + written))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("write", directory) }
      written += count
    }
    spilledByteCount += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  /// Not every file system has O_TMPFILE; elsewhere the name exists for a moment.
  private static func openUnnamed(in directory: String) throws(TierFailure) -> Int32 {
    let unnamed = open(directory, O_RDWR | O_CLOEXEC | O_DIRECTORY | 0o20_000_000, 0o600)
    if unnamed >= 0 { return unnamed }
    let path = "\(directory)/compaction.tmp"
    let named = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard named >= 0 else { throw failure("create a file in", directory) }
    unlink(path)
    return named
  }

  private static func failure(_ action: String, _ path: String) -> TierFailure {
    TierFailure(
      errno == ENOSPC ? .noSpace : .retriable, origin: "compaction",
      message: "\(action) \(path): \(String(cString: strerror(errno)))")
  }
}
