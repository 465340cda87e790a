import Glibc
@testable import ObjectStores
import Synchronization

/// The real disk, on which a planned call fails; it remembers the calls.
final class FailingDisk: StoreFileSystem {
  struct Plan: Sendable {
    /// Which call from now on fails; counted from 0.
    var failAt = Int.max
    var errno: Int32 = 0
    /// All calls behind it fail too: the process is dead.
    var isDead = false
    /// The call that failed.
    var happened: String?
    /// Bytes of one read or write at most.
    var transferMax = Int.max
    var flipsWrites = false
    var log: [String] = []
  }
  let plan = Mutex(Plan())
  private let disk = PosixStoreFileSystem()

  private func step(_ name: String) throws(ObjectStores.Errno) {
    let code: Int32? = plan.withLock { plan in
      plan.log.append(name)
      if plan.happened != nil { return plan.isDead ? plan.errno : nil }
      plan.failAt -= 1
      guard plan.failAt < 0 else { return nil }
      plan.happened = name
      return plan.errno
    }
    if let code { throw ObjectStores.Errno(code) }
  }

  func openForReading(_ path: String) throws(ObjectStores.Errno) -> Int32 {
    try step("open \(path)")
    return try disk.openForReading(path)
  }
  func createNew(_ path: String) throws(ObjectStores.Errno) -> Int32 {
    try step("create \(path)")
    return try disk.createNew(path)
  }
  func close(_ descriptor: Int32) { disk.close(descriptor) }
  func read(
    _ descriptor: Int32, at position: Int64, into target: UnsafeMutableRawBufferPointer
  ) throws(ObjectStores.Errno) -> Int {
    try step("read")
    let count = min(target.count, plan.withLock { $0.transferMax })
    return try disk.read(descriptor, at: position, into: UnsafeMutableRawBufferPointer(rebasing: target[..<count]))
  }
  func write(
    _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at position: Int64
  ) throws(ObjectStores.Errno) -> Int {
    try step("write")
    let (transferMax, flips) = plan.withLock { ($0.transferMax, $0.flipsWrites) }
    var copy = Array(bytes.prefix(transferMax))
    if flips { copy[copy.count / 2] ^= 1 }
    let result: Result<Int, ObjectStores.Errno> = copy.withUnsafeBytes { raw in
      do throws(ObjectStores.Errno) { return .success(try disk.write(descriptor, raw, at: position)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
  func syncFile(_ descriptor: Int32) throws(ObjectStores.Errno) {
    try step("sync file")
    try disk.syncFile(descriptor)
  }
  func syncDirectory(_ path: String) throws(ObjectStores.Errno) {
    try step("sync \(path)")
    try disk.syncDirectory(path)
  }
  func tryLock(_ descriptor: Int32) throws(ObjectStores.Errno) -> Bool {
    try step("lock")
    return try disk.tryLock(descriptor)
  }
  func rename(_ path: String, to newPath: String) throws(ObjectStores.Errno) {
    try step("rename \(newPath)")
    try disk.rename(path, to: newPath)
  }
  func link(_ path: String, to newPath: String) throws(ObjectStores.Errno) {
    try step("link \(newPath)")
    try disk.link(path, to: newPath)
  }
  func unlink(_ path: String) throws(ObjectStores.Errno) {
    try step("unlink \(path)")
    try disk.unlink(path)
  }
  func makeDirectory(_ path: String) throws(ObjectStores.Errno) {
    try step("mkdir \(path)")
    try disk.makeDirectory(path)
  }
  func removeDirectory(_ path: String) throws(ObjectStores.Errno) {
    try step("rmdir \(path)")
    try disk.removeDirectory(path)
  }
  func status(_ path: String) throws(ObjectStores.Errno) -> FileStatus {
    try step("status \(path)")
    return try disk.status(path)
  }
  func status(_ descriptor: Int32) throws(ObjectStores.Errno) -> FileStatus {
    try step("status")
    return try disk.status(descriptor)
  }
  func names(_ path: String, _ visit: (String, FileKind) -> Void) throws(ObjectStores.Errno) {
    try step("names \(path)")
    try disk.names(path, visit)
  }
}
