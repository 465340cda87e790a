import Glibc

/// Bytes that can be read at any position: a file, or a test's array.
public protocol ByteSource {
  associatedtype Failure: Error
  /// Fills as much of `target` as there are bytes from `position` on and returns how many; fewer than `target.count`
  /// only at the end.
  func read(at position: Int64, into target: UnsafeMutableRawBufferPointer) throws(Failure) -> Int
}

/// An operating system's refusal.
public struct FileFailure: Error, Equatable, CustomStringConvertible {
  public var operation: String
  public var path: String
  public var code: Int32
  public var description: String { "\(operation) \(path): \(String(cString: strerror(code)))" }
}

/// A regular file opened for reading, closed when the last reference goes.
public final class FileSource: ByteSource, Sendable {
  public let path: String
  private let descriptor: Int32

  public init(path: String) throws(FileFailure) {
    // Without O_NONBLOCK a FIFO would wait for somebody who writes to it.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    self.path = path
    guard descriptor >= 0 else { throw FileFailure(operation: "open", path: path, code: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure(operation: "fstat", path: path, code: errno) }
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG else {
      throw FileFailure(operation: "read as a file", path: path, code: kind == S_IFDIR ? EISDIR : ESPIPE)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  public func byteCount() throws(FileFailure) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure(operation: "fstat", path: path, code: errno) }
    return Int64(status.st_size)
  }

  public func read(at position: Int64, into target: UnsafeMutableRawBufferPointer) throws(FileFailure) -> Int {
    var done = 0
    while done < target.count {
      let count = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(position) + off_t(done))
      if count == 0 { break }
      if count > 0 {
        done += count
      } else if errno != EINTR {
        throw FileFailure(operation: "read", path: path, code: errno)
      }
    }
    return done
  }
}

/// An array, for tests and for files small enough to load.
public struct ArraySource: ByteSource, Sendable {
  public var bytes: [UInt8]
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public func read(at position: Int64, into target: UnsafeMutableRawBufferPointer) throws(Never) -> Int {
    let start = min(max(0, Int(position)), bytes.count)
    let count = min(target.count, bytes.count - start)
    target.copyBytes(from: bytes[start..<(start + count)])
    return count
  }
}
