import CFileSystem

import Glibc

/// The real disk.
package struct PosixFileSystem: FileSystem {
  package init() {}

  package func open(_ path: String, _ mode: OpenMode) throws(Errno) -> Int32 {
    let flags =
      switch mode {
      case .existing: O_RDWR | O_CLOEXEC
      case .creating: O_RDWR | O_CLOEXEC | O_CREAT
      case .replacing: O_RDWR | O_CLOEXEC | O_CREAT | O_TRUNC
      }
    do throws(Errno) {
      return try Int32(checked { Int64(Glibc.open(path, flags, 0o644)) })
    } catch {
      // What Linux does by default when a disk fails: nothing can be written, and everything can still be read.
      guard error == .readOnly, case .existing = mode else { throw error }
      return try Int32(checked { Int64(Glibc.open(path, O_RDONLY | O_CLOEXEC)) })
    }
  }

  package func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  package func read(
    _ descriptor: Int32, at position: Int64, into target: UnsafeMutableRawBufferPointer, cachedOnly: Bool
  ) throws(Errno) -> Int {
    try Int(answered { cfs_read(descriptor, target.baseAddress!, target.count, position, cachedOnly ? 1 : 0) })
  }

  package func write(
    _ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>, at position: Int64
  ) throws(Errno) -> Int {
    let count = try Int(answered { cfs_write(descriptor, vectors.baseAddress!, Int32(vectors.count), position) })
    if count == 0 { throw .inputOutput }
    return count
  }

  package func isCached(_ descriptor: Int32, at position: Int64, byteCount: Int) -> Bool {
    let counted = cfs_cached_bytes(descriptor, position, Int64(byteCount))
    if counted >= 0 {
      let pages = (position + Int64(byteCount) + 4095) / 4096 - position / 4096
      return counted >= pages * 4096
    }
    // An older kernel: look at one byte of every readahead window instead.
    var at = position
    while at < position + Int64(byteCount) {
      var byte: UInt8 = 0
      if cfs_read(descriptor, &byte, 1, at, 1) != 1 { return false }
      at += 64 * 1024
    }
    return true
  }

  package func readAhead(_ descriptor: Int32, at position: Int64, byteCount: Int) {
    _ = posix_fadvise(descriptor, off_t(position), off_t(byteCount), POSIX_FADV_WILLNEED)
  }

  package func startWriteback(_ descriptor: Int32, at position: Int64, byteCount: Int) {
    _ = cfs_start_writeback(descriptor, position, Int64(byteCount))
  }

  package func byteCount(_ descriptor: Int32) throws(Errno) -> Int64 {
    var status = stat()
    _ = try checked { Int64(fstat(descriptor, &status)) }
    return Int64(status.st_size)
  }

  package func byteCount(path: String) throws(Errno) -> Int64 {
    var status = stat()
    _ = try checked { Int64(stat(path, &status)) }
    return Int64(status.st_size)
  }

  package func truncate(_ descriptor: Int32, to byteCount: Int64) throws(Errno) {
    _ = try checked { Int64(ftruncate(descriptor, off_t(byteCount))) }
  }

  package func allocate(_ descriptor: Int32, at position: Int64, byteCount: Int64) throws(Errno) {
    _ = try answered { cfs_allocate(descriptor, position, byteCount) }
  }

  // A failed sync is never repeated, not even after EINTR: the kernel may have forgotten what it could not write.
  package func syncData(_ descriptor: Int32) throws(Errno) {
    if fdatasync(descriptor) != 0 { throw Errno(errno) }
  }

  package func syncDirectory(_ path: String) throws(Errno) {
    let descriptor = try Int32(checked { Int64(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) })
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw Errno(errno) }
  }

  package func rename(_ path: String, to newPath: String) throws(Errno) {
    _ = try checked { Int64(Glibc.rename(path, newPath)) }
  }

  package func remove(_ path: String) throws(Errno) { _ = try checked { Int64(unlink(path)) } }
  package func makeDirectory(_ path: String) throws(Errno) { _ = try checked { Int64(mkdir(path, 0o755)) } }
  package func removeDirectory(_ path: String) throws(Errno) { _ = try checked { Int64(rmdir(path)) } }

  package func list(_ path: String) throws(Errno) -> [DirectoryEntry] {
    guard let directory = opendir(path) else { throw Errno(errno) }
    defer { closedir(directory) }
    var result: [DirectoryEntry] = []
    while true {
      errno = 0
      guard let entry = readdir(directory) else {
        if errno != 0 { throw Errno(errno) }
        return result
      }
      let capacity = MemoryLayout.size(ofValue: entry.pointee.d_name)
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: capacity) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
      if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
        var status = stat()
        isDirectory = stat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      }
      result.append(DirectoryEntry(name: name, isDirectory: isDirectory))
    }
  }

  package func lock(_ descriptor: Int32) throws(Errno) {
    _ = try checked { Int64(flock(descriptor, LOCK_EX | LOCK_NB)) }
  }

  package func freeByteCount(_ path: String) -> Int64? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// For calls that return -1 and set errno; repeats what a signal interrupted.
  private func checked(_ call: () -> Int64) throws(Errno) -> Int64 {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw Errno(errno) }
    }
  }

  /// For calls that return -errno.
  private func answered(_ call: () -> Int64) throws(Errno) -> Int64 {
    while true {
      let result = call()
      if result >= 0 { return result }
      if result != Int64(-EINTR) { throw Errno(Int32(-result)) }
    }
  }
}
