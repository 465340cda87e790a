import Glibc

/// Small files that are replaced as a whole: after a crash there is the old content or the new one, never a mixture.
/// Everything here blocks.
enum AtomicFile {
  /// Puts `bytes` in the place of the file, durably: draft, fsync, rename, fsync of the directory.
  static func write(_ bytes: [UInt8], to path: String) throws(DataDirectory.Failure) {
    let draft = path + ".tmp"
    let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .io(path: draft, operation: "open", errno: errno) }
    do throws(DataDirectory.Failure) {
      try writeAll(bytes, file, draft)
      guard fsync(file) == 0 else { throw .io(path: draft, operation: "fsync", errno: errno) }
    } catch {
      Glibc.close(file)
      unlink(draft)
      throw error
    }
    Glibc.close(file)
    guard rename(draft, path) == 0 else { throw .io(path: path, operation: "rename", errno: errno) }
    try syncDirectory(of: path)
  }

  /// The content, or nil when there is no such file. At most `byteCountMax` bytes are read; a larger file is refused.
  static func read(_ path: String, byteCountMax: Int) throws(DataDirectory.Failure) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0, errno == ENOENT { return nil }
    guard file >= 0 else { throw .io(path: path, operation: "open", errno: errno) }
    defer { Glibc.close(file) }
    let size = Int(lseek(file, 0, SEEK_END))
    guard size >= 0, lseek(file, 0, SEEK_SET) == 0 else { throw .io(path: path, operation: "lseek", errno: errno) }
    guard size <= byteCountMax else { throw .io(path: path, operation: "read", errno: EFBIG) }
    var bytes = [UInt8](repeating: 0, count: size)
    var filled = 0
    while filled < size {
      let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + filled, size - filled) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .io(path: path, operation: "read", errno: errno) }
      if count == 0 { return Array(bytes[..<filled]) }
      filled += count
    }
    return bytes
  }

  /// Removes the file; fine when there is none. The removal is durable when the directory is flushed the next time.
  static func remove(_ path: String) throws(DataDirectory.Failure) {
    guard unlink(path) == 0 || errno == ENOENT else { throw .io(path: path, operation: "unlink", errno: errno) }
  }

  private static func writeAll(_ bytes: [UInt8], _ file: Int32, _ path: String) throws(DataDirectory.Failure) {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .io(path: path, operation: "write", errno: errno) }
      written += count
    }
  }

  private static func syncDirectory(of path: String) throws(DataDirectory.Failure) {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { throw .io(path: directory, operation: "open", errno: errno) }
    defer { Glibc.close(handle) }
    guard fsync(handle) == 0 else { throw .io(path: directory, operation: "fsync", errno: errno) }
  }
}
