import Glibc
import PluginLoader

extension Extent {
  /// Calls `body` with the bytes in memory; a file region is read first, which may block. Throws when the file ends
  /// early or cannot be read.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    guard isFileRegion else { return try body(memory) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
    defer { buffer.deallocate() }
    var filled = 0
    while filled < byteCount {
      let count = pread(
        raw.fd, buffer.baseAddress! + filled, byteCount - filled, off_t(raw.file_offset) + off_t(filled))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw TierFailure(
          .retriable, origin: "extent", message: count == 0 ? "the file ends early" : String(cString: strerror(errno)))
      }
      filled += count
    }
    return try body(UnsafeRawBufferPointer(buffer))
  }
}
