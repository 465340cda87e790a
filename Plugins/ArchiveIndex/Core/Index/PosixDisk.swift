import Glibc

/// The real disk.
package struct PosixDisk: IndexDisk {
  package init() {}

  package func open(_ path: String, _ mode: DiskMode) throws(DiskError) -> Int32? {
    let flags =
      switch mode {
      case .existing: O_RDWR | O_CLOEXEC
      case .creating: O_RDWR | O_CLOEXEC | O_CREAT
      case .replacing: O_RDWR | O_CLOEXEC | O_CREAT | O_TRUNC
      }
    do throws(DiskError) {
      return try Int32(checked { Glibc.open(path, flags, 0o644) })
    } catch {
      if mode == .existing, error.code == ENOENT { return nil }
      throw error
    }
  }

  package func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  package func byteCount(_ descriptor: Int32) throws(DiskError) -> Int {
    var status = stat()
    _ = try checked { Int(fstat(descriptor, &status)) }
    return Int(status.st_size)
  }

  package func read(
    _ descriptor: Int32, at position: Int, into target: UnsafeMutableRawBufferPointer
  ) throws(DiskError) -> Int {
    try checked { pread(descriptor, target.baseAddress!, target.count, off_t(position)) }
  }

  package func write(
    _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int
  ) throws(DiskError) -> Int {
    let count = try checked { pwrite(descriptor, bytes.baseAddress!, bytes.count, off_t(position)) }
    if count == 0 { throw .inputOutput }
    return count
  }

  // A failed sync is never repeated, not even after EINTR: the kernel may have forgotten what it could not write.
  package func sync(_ descriptor: Int32) throws(DiskError) {
    if fdatasync(descriptor) != 0 { throw DiskError(errno) }
  }

  package func rename(_ path: String, to newPath: String) throws(DiskError) {
    _ = try checked { Int(Glibc.rename(path, newPath)) }
  }

  package func syncDirectory(_ path: String) throws(DiskError) {
    let descriptor = try Int32(checked { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw DiskError(errno) }
  }

  package func lock(_ descriptor: Int32) throws(DiskError) -> Bool {
    do throws(DiskError) {
      _ = try checked { Int(flock(descriptor, LOCK_EX | LOCK_NB)) }
      return true
    } catch {
      if error.code == EWOULDBLOCK { return false }
      throw error
    }
  }

  /// For calls that return -1 and set errno; repeats what a signal interrupted.
  private func checked(_ call: () -> Int) throws(DiskError) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw DiskError(errno) }
    }
  }

  private func checked(_ call: () -> Int32) throws(DiskError) -> Int { try checked { Int(call()) } }
}
