import Glibc
import LocalSegmentsCore

/// What a system call answered.
struct SystemError: Error, CustomStringConvertible {
  var call: String
  var code = errno
  var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// The result of a call that answers -1 when it fails.
@discardableResult func checked(_ call: String, _ result: Int) throws -> Int {
  if result < 0 { throw SystemError(call: call) }
  return result
}

/// A file with nothing around the system calls: the raw side.
struct RawFile: ~Copyable {
  let path: String
  let descriptor: Int32

  /// Creates the file, or empties it.
  init(_ path: String) throws {
    self.path = path
    descriptor = try PosixFileSystem().open(path, .replacing)
  }

  deinit { PosixFileSystem().close(descriptor) }

  func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws {
    guard try checked("pwrite", pwrite(descriptor, bytes.baseAddress!, bytes.count, off_t(position))) == bytes.count
    else { throw SystemError(call: "pwrite", code: EIO) }
  }

  func sync() throws { try PosixFileSystem().syncData(descriptor) }
}

/// Removes everything in a directory of the benchmark's own.
func clear(_ directory: String) throws {
  let fileSystem = PosixFileSystem()
  for entry in try fileSystem.list(directory) {
    let path = "\(directory)/\(entry.name)"
    if entry.isDirectory {
      try clear(path)
      try fileSystem.removeDirectory(path)
    } else {
      try fileSystem.remove(path)
    }
  }
}

/// Opens a file of the kernel's for reading.
func checkedOpen(_ path: String) throws -> Int32 { Int32(try checked("open", Int(open(path, O_RDONLY | O_CLOEXEC)))) }

/// Writes a line to standard error.
func complain(_ line: String) { Array((line + "\n").utf8).withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress!, $0.count) } }
