import Glibc

/// The real disk.
package struct PosixStoreFileSystem: StoreFileSystem {
  package init() {}

  // O_NONBLOCK: a FIFO that somebody put there must not hang the open.
  package func openForReading(_ path: String) throws(Errno) -> Int32 {
    try Int32(checked { Int(open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) })
  }

  package func createNew(_ path: String) throws(Errno) -> Int32 {
    try Int32(checked { Int(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)) })
  }

  package func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  package func read(
    _ descriptor: Int32, at position: Int64, into target: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    try checked { pread(descriptor, target.baseAddress, target.count, off_t(position)) }
  }

  package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int64) throws(Errno) -> Int {
    let count = try checked { pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(position)) }
    if count == 0 { throw Errno(EIO) }
    return count
  }

  // A failed sync is never repeated, not even after EINTR: the kernel may have forgotten what it could not write.
  package func syncFile(_ descriptor: Int32) throws(Errno) {
    if fsync(descriptor) != 0 { throw Errno(errno) }
  }

  package func syncDirectory(_ path: String) throws(Errno) {
    let descriptor = try Int32(checked { Int(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) })
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw Errno(errno) }
  }

  package func tryLock(_ descriptor: Int32) throws(Errno) -> Bool {
    do throws(Errno) {
      _ = try checked { Int(flock(descriptor, LOCK_EX | LOCK_NB)) }
      return true
    } catch where error.code == EWOULDBLOCK {
      return false
    }
  }

  package func rename(_ path: String, to newPath: String) throws(Errno) {
    _ = try checked { Int(Glibc.rename(path, newPath)) }
  }

  package func link(_ path: String, to newPath: String) throws(Errno) {
    _ = try checked { Int(Glibc.link(path, newPath)) }
  }

  package func unlink(_ path: String) throws(Errno) { _ = try checked { Int(Glibc.unlink(path)) } }
  package func makeDirectory(_ path: String) throws(Errno) { _ = try checked { Int(mkdir(path, 0o755)) } }
  package func removeDirectory(_ path: String) throws(Errno) { _ = try checked { Int(rmdir(path)) } }

  package func status(_ path: String) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked { Int(lstat(path, &raw)) }
    return FileStatus(raw)
  }

  package func status(_ descriptor: Int32) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked { Int(fstat(descriptor, &raw)) }
    return FileStatus(raw)
  }

  package func names(_ path: String, _ visit: (String, FileKind) -> Void) throws(Errno) {
    guard let directory = opendir(path) else { throw Errno(errno) }
    defer { closedir(directory) }
    while true {
      errno = 0
      guard let entry = readdir(directory) else {
        if errno != 0 { throw Errno(errno) }
        return
      }
      let capacity = MemoryLayout.size(ofValue: entry.pointee.d_name)
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: capacity) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      switch Int32(entry.pointee.d_type) {
      case Int32(DT_REG): visit(name, .file)
      case Int32(DT_DIR): visit(name, .directory)
      case Int32(DT_UNKNOWN):
        do throws(Errno) { visit(name, try status("\(path)/\(name)").kind) } catch where error == .notFound {}
      default: visit(name, .other)
      }
    }
  }

  /// Repeats what a signal interrupted.
  private func checked(_ call: () -> Int) throws(Errno) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw Errno(errno) }
    }
  }
}

extension FileStatus {
  fileprivate init(_ raw: stat) {
    let kind: FileKind =
      switch raw.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      default: .other
      }
    self.init(
      kind: kind, byteCount: Int64(raw.st_size),
      modified: Int64(raw.st_mtim.tv_sec) * 1000 + Int64(raw.st_mtim.tv_nsec) / 1_000_000, inode: UInt64(raw.st_ino))
  }
}
