import Glibc
import TierKit

/// Every effect of the segment index on disk, so that tests can cut the power at any one of them. Paths are absolute,
/// descriptors belong to the caller. All functions may block.
package protocol IndexDisk: Sendable {
  /// Opens a file for reading and writing; nil when it is missing and `mode` does not create it.
  func open(_ path: String, _ mode: DiskMode) throws(DiskError) -> Int32?
  func close(_ descriptor: Int32)
  func byteCount(_ descriptor: Int32) throws(DiskError) -> Int
  /// Reads up to `target.count` bytes; fewer at the end of the file.
  func read(_ descriptor: Int32, at position: Int, into target: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int
  /// Writes some of the bytes, at least one, and returns how many.
  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int) throws(DiskError) -> Int
  /// Makes the file's bytes and size survive power loss. A failure is final for the file.
  func sync(_ descriptor: Int32) throws(DiskError)
  /// Atomically gives a file another name, replacing a file that has it.
  func rename(_ path: String, to newPath: String) throws(DiskError)
  /// Makes the names in a directory survive power loss.
  func syncDirectory(_ path: String) throws(DiskError)
  /// Takes an exclusive lock that ends with the descriptor; false when another process has it.
  func lock(_ descriptor: Int32) throws(DiskError) -> Bool
}

package enum DiskMode: Sendable {
  case existing
  /// Creates the file when it is missing.
  case creating
  /// Creates the file or empties it.
  case replacing
}

/// The operating system's error number.
package struct DiskError: Error, Equatable, Sendable, CustomStringConvertible {
  package var code: Int32
  package init(_ code: Int32) { self.code = code }
  package static let inputOutput = DiskError(EIO)
  package var description: String { String(cString: strerror(code)) }
}

extension TierError {
  /// What the operating system refused, as the host knows it.
  init(_ error: DiskError, _ action: String, _ path: String) {
    let code: Code =
      switch error.code {
      case ENOSPC, EDQUOT: .noSpace
      case EMFILE, ENFILE, ENOMEM, EAGAIN, EINTR: .retriable
      default: .permanent
      }
    self.init(code, "\(action) \(path): \(error)")
  }
}

/// Runs `body` and names the action and the file when it fails.
func naming<R>(_ action: String, _ path: String, _ body: () throws(DiskError) -> R) throws(TierError) -> R {
  do {
    return try body()
  } catch {
    throw TierError(error, action, path)
  }
}

extension IndexDisk {
  /// The whole of a file; nil when there is none. Throws `EFBIG` beyond `limit` bytes.
  func load(_ path: String, limit: Int) throws(DiskError) -> [UInt8]? {
    guard let descriptor = try open(path, .existing) else { return nil }
    defer { close(descriptor) }
    let count = try byteCount(descriptor)
    guard count <= limit else { throw DiskError(EFBIG) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 1)
    defer { buffer.deallocate() }
    var done = 0
    while done < count {
      let size = try read(descriptor, at: done, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<count]))
      if size == 0 { throw .inputOutput }
      done += size
    }
    return Array(buffer[..<count])
  }

  /// Writes all bytes, however often that takes.
  func writeFully(_ descriptor: Int32, _ bytes: [UInt8], at position: Int) throws(DiskError) {
    let result: Result<Void, DiskError> = bytes.withUnsafeBytes { raw in
      do throws(DiskError) {
        var done = 0
        while done < raw.count {
          done += try write(descriptor, UnsafeRawBufferPointer(rebasing: raw[done...]), at: position + done)
        }
        return .success(())
      } catch { return .failure(error) }
    }
    try result.get()
  }

  /// Puts a file with these bytes in the place of `path`, so that after a power cut either the old or the new one is
  /// there, and returns it open. After return the new one is there. `path` lies in `directory`.
  func replace(_ path: String, in directory: String, with bytes: [UInt8]) throws(DiskError) -> Int32 {
    let temporary = path + ".tmp"
    guard let descriptor = try open(temporary, .replacing) else { throw .inputOutput }
    do throws(DiskError) {
      try writeFully(descriptor, bytes, at: 0)
      try sync(descriptor)
      try rename(temporary, to: path)
      try syncDirectory(directory)
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }
}
