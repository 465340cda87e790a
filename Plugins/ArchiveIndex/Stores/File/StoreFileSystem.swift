import Glibc

/// Every effect of the file store on disk goes through this table, so that tests can make any step fail.
///
/// All functions may be called from any thread and may block. Paths are absolute. Symbolic links are never followed in
/// the last part of a path. Descriptors belong to the caller, who closes each once.
package protocol StoreFileSystem: Sendable {
  func openForReading(_ path: String) throws(Errno) -> Int32
  /// Creates a file that must not exist, for reading and writing.
  func createNew(_ path: String) throws(Errno) -> Int32
  func close(_ descriptor: Int32)
  /// Up to `target.count` bytes; 0 at the end of the file.
  func read(_ descriptor: Int32, at position: Int64, into target: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
  /// Writes some bytes, at least 1.
  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int64) throws(Errno) -> Int
  /// Makes a file's bytes survive power loss. Never repeated after a failure.
  func syncFile(_ descriptor: Int32) throws(Errno)
  /// Makes the names in a directory survive power loss.
  func syncDirectory(_ path: String) throws(Errno)
  /// False when another open description has the file locked. The lock ends with the descriptor.
  func tryLock(_ descriptor: Int32) throws(Errno) -> Bool
  func rename(_ path: String, to newPath: String) throws(Errno)
  /// A second name for a file; `exists` when there is one already.
  func link(_ path: String, to newPath: String) throws(Errno)
  func unlink(_ path: String) throws(Errno)
  func makeDirectory(_ path: String) throws(Errno)
  func removeDirectory(_ path: String) throws(Errno)
  func status(_ path: String) throws(Errno) -> FileStatus
  func status(_ descriptor: Int32) throws(Errno) -> FileStatus
  /// Every name in a directory but "." and "..", in no order.
  func names(_ path: String, _ visit: (String, FileKind) -> Void) throws(Errno)
}

package enum FileKind: Sendable { case file, directory, other }

package struct FileStatus: Sendable, Equatable {
  package var kind: FileKind
  package var byteCount: Int64
  /// Milliseconds since 1970.
  package var modified: Int64
  package var inode: UInt64

  package init(kind: FileKind, byteCount: Int64, modified: Int64, inode: UInt64) {
    self.kind = kind
    self.byteCount = byteCount
    self.modified = modified
    self.inode = inode
  }
}

/// The operating system's error number.
package struct Errno: Error, Equatable, Sendable, CustomStringConvertible {
  package var code: Int32
  package init(_ code: Int32) { self.code = code }

  package static let notFound = Errno(ENOENT)
  package static let exists = Errno(EEXIST)
  package static let notDirectory = Errno(ENOTDIR)
  package static let isDirectory = Errno(EISDIR)

  package var description: String { String(cString: strerror(code)) }
}
