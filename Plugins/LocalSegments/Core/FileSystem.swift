import Glibc

/// Every effect on disk goes through this table, so that tests can cut the power at any one of them.
///
/// All functions may be called from any thread. They may block unless their comment says otherwise. Paths are absolute.
/// Descriptors belong to the caller, who closes each once.
package protocol FileSystem: Sendable {
  /// Opens a regular file for reading and writing; an existing one on a file system that has become read-only for reading.
  func open(_ path: String, _ mode: OpenMode) throws(Errno) -> Int32
  func close(_ descriptor: Int32)
  /// Reads up to `target.count` bytes; fewer at the end of the file. With `cachedOnly` it never waits for the disk: it
  /// reads what the page cache holds from `position` on and throws `.wouldBlock` when that is nothing.
  func read(
    _ descriptor: Int32, at position: Int64, into target: UnsafeMutableRawBufferPointer, cachedOnly: Bool
  ) throws(Errno) -> Int
  /// Writes the vectors one after the other into the page cache and returns how many bytes it took, at least 1.
  func write(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>, at position: Int64) throws(Errno) -> Int
  /// Whether all pages of the range are in the page cache now. Does not block; false when it cannot tell.
  func isCached(_ descriptor: Int32, at position: Int64, byteCount: Int) -> Bool
  /// Asks for pages to be read soon. Failing is harmless.
  func readAhead(_ descriptor: Int32, at position: Int64, byteCount: Int)
  /// Starts writing a range back without waiting for it. Failing is harmless.
  func startWriteback(_ descriptor: Int32, at position: Int64, byteCount: Int)
  func byteCount(_ descriptor: Int32) throws(Errno) -> Int64
  func byteCount(path: String) throws(Errno) -> Int64
  func truncate(_ descriptor: Int32, to byteCount: Int64) throws(Errno)
  /// Reserves disk blocks without changing the file's size.
  func allocate(_ descriptor: Int32, at position: Int64, byteCount: Int64) throws(Errno)
  /// Makes the file's bytes and size survive power loss.
  func syncData(_ descriptor: Int32) throws(Errno)
  /// Makes the names in a directory survive power loss.
  func syncDirectory(_ path: String) throws(Errno)
  /// Atomically gives a file or directory another name in the same file system, replacing a file that has it.
  func rename(_ path: String, to newPath: String) throws(Errno)
  func remove(_ path: String) throws(Errno)
  func makeDirectory(_ path: String) throws(Errno)
  func removeDirectory(_ path: String) throws(Errno)
  /// The names in a directory without "." and "..", in no order.
  func list(_ path: String) throws(Errno) -> [DirectoryEntry]
  /// Takes an exclusive lock that ends with the descriptor; throws `.wouldBlock` when another process has it.
  func lock(_ descriptor: Int32) throws(Errno)
  /// Bytes that can still be written to the file system of a path; nil when unknown.
  func freeByteCount(_ path: String) -> Int64?
}

package enum OpenMode: Sendable {
  case existing
  /// Creates the file or empties it.
  case replacing
  /// Creates the file when it is missing.
  case creating
}

package struct DirectoryEntry: Sendable, Equatable {
  package var name: String
  package var isDirectory: Bool
  package init(name: String, isDirectory: Bool) {
    self.name = name
    self.isDirectory = isDirectory
  }
}

/// The operating system's error number.
package struct Errno: Error, Equatable, Sendable, CustomStringConvertible {
  package var code: Int32
  package init(_ code: Int32) { self.code = code }

  package static let wouldBlock = Errno(EAGAIN)
  package static let tooManyFiles = Errno(EMFILE)
  package static let noSpace = Errno(ENOSPC)
  package static let inputOutput = Errno(EIO)
  package static let notFound = Errno(ENOENT)
  package static let readOnly = Errno(EROFS)
  package static let notEmpty = Errno(ENOTEMPTY)
  package static let exists = Errno(EEXIST)

  package var description: String { String(cString: strerror(code)) }
}

extension FileSystem {
  /// Reads exactly `target.count` bytes, or throws `.inputOutput` when the file ends before.
  func readFully(
    _ descriptor: Int32, at position: Int64, into target: UnsafeMutableRawBufferPointer, cachedOnly: Bool = false
  ) throws(Errno) {
    var done = 0
    while done < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
      let count = try read(descriptor, at: position + Int64(done), into: rest, cachedOnly: cachedOnly)
      if count == 0 { throw .inputOutput }
      done += count
    }
  }

  /// Writes all bytes, however often that takes.
  func writeFully(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int64) throws(Errno) {
    var done = 0
    while done < bytes.count {
      var vector = iovec(
        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress! + done), iov_len: bytes.count - done)
      done += try withUnsafePointer(to: &vector) { (pointer) throws(Errno) in
        try write(descriptor, UnsafeBufferPointer(start: pointer, count: 1), at: position + Int64(done))
      }
    }
  }

  /// The whole of a small file; nil when there is none. Throws `EFBIG` beyond `Limits.textFileByteCountMax`.
  func loadSmallFile(_ path: String) throws(Errno) -> [UInt8]? {
    let descriptor: Int32
    do {
      descriptor = try open(path, .existing)
    } catch {
      if error == .notFound { return nil }
      throw error
    }
    defer { close(descriptor) }
    let count = try byteCount(descriptor)
    guard count <= Limits.textFileByteCountMax else { throw Errno(EFBIG) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(count), alignment: 1)
    defer { buffer.deallocate() }
    try readFully(descriptor, at: 0, into: buffer)
    return Array(buffer)
  }

  /// Replaces a small file so that after a power cut either the old or the new content is there, and after return the
  /// new one is. `path` lies in `directory`.
  func replaceSmallFile(_ path: String, in directory: String, with text: String) throws(Errno) {
    let temporary = path + ".tmp"
    let descriptor = try open(temporary, .replacing)
    do throws(Errno) {
      let bytes = Array(text.utf8)
      try bytes.withUnsafeBytesTyped { (raw) throws(Errno) in try writeFully(descriptor, raw, at: 0) }
      try syncData(descriptor)
      close(descriptor)
    } catch {
      close(descriptor)
      throw error
    }
    try rename(temporary, to: path)
    try syncDirectory(directory)
  }
}

extension Array {
  /// `withUnsafeBytes` that keeps the type of what `body` throws.
  func withUnsafeBytesTyped<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    let result: Result<R, E> = withUnsafeBytes { raw in
      do throws(E) { return .success(try body(raw)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
