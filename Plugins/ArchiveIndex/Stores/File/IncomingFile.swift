import CCRC32C
import TierKit

/// An object on its way: written under a name that is no key, locked as long as its writer lives.
struct IncomingFile: ~Copyable {
  private let store: FileStore
  let path: String
  private let descriptor: Int32
  private var byteCount: Int64 = 0
  private var checksum: UInt32 = 0

  init(_ store: FileStore) throws(TierError) {
    let digits = String(store.host.random, radix: 16)
    let path = store.incoming + "/" + String(repeating: "0", count: 16 - digits.count) + digits
    self.store = store
    self.path = path
    let descriptor = try naming("cannot create", path) { () throws(Errno) in try store.fileSystem.createNew(path) }
    self.descriptor = descriptor
    do throws(Errno) {
      _ = try store.fileSystem.tryLock(descriptor)
    } catch {
      // Without a lock (some network file systems) the leftover's age alone protects it.
    }
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer, _ scope: CallScope) throws(TierError) {
    var done = 0
    while done < bytes.count {
      try scope.check("writing \(path)")
      let piece = UnsafeRawBufferPointer(
        rebasing: bytes[done..<min(bytes.count, done + StoreLimits.transferByteCount)])
      let position = byteCount
      let count = try naming("cannot write", path) { () throws(Errno) in
        try store.fileSystem.write(descriptor, piece, at: position)
      }
      checksum = ccrc32c_extend(checksum, piece.baseAddress, count)
      byteCount += Int64(count)
      done += count
    }
  }

  /// Makes the bytes durable and compares what the file holds with what was written.
  func finish(_ scope: CallScope) throws(TierError) {
    try naming("cannot sync", path) { () throws(Errno) in try store.fileSystem.syncFile(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 16)
    defer { buffer.deallocate() }
    var position: Int64 = 0
    var found: UInt32 = 0
    while true {
      try scope.check("checking \(path)")
      let at = position
      let count = try naming("cannot read back", path) { () throws(Errno) in
        try store.fileSystem.read(descriptor, at: at, into: buffer)
      }
      if count == 0 { break }
      found = ccrc32c_extend(found, buffer.baseAddress, count)
      position += Int64(count)
    }
    guard position == byteCount, found == checksum else {
      throw TierError(
        .corrupt, "\(path) does not hold the bytes that were written to it: the disk or its driver is faulty")
    }
  }

  /// Removes the name, which may be gone already, and closes the file.
  consuming func discard() {
    // What stays is a leftover, which the next start removes; the put's own outcome is decided.
    do throws(Errno) { try store.fileSystem.unlink(path) } catch {}
    store.fileSystem.close(descriptor)
  }
}

extension FileStore {
  /// Removes what puts of a process that ended left behind: named as ours, not locked by a living writer and not so
  /// young that its writer may not have locked it yet.
  func removeLeftovers() throws(TierError) {
    var leftovers: [String] = []
    try naming("cannot list", incoming) { () throws(Errno) in
      try fileSystem.names(incoming) { name, kind in
        if kind == .file, name.utf8.count == 16, name.utf8.allSatisfy(Self.isHexDigit) { leftovers.append(name) }
      }
    }
    for name in leftovers {
      do throws(Errno) {
        try removeLeftover("\(incoming)/\(name)")
      } catch {
        host.log(
          .warning, "a leftover of an interrupted put cannot be removed", [("file", name), ("error", "\(error)")])
      }
    }
  }

  private func removeLeftover(_ path: String) throws(Errno) {
    let descriptor = try fileSystem.openForReading(path)
    defer { fileSystem.close(descriptor) }
    let age = host.wallClockMilliseconds - (try fileSystem.status(descriptor)).modified
    guard age >= StoreLimits.leftoverAgeMilliseconds, try fileSystem.tryLock(descriptor) else { return }
    try fileSystem.unlink(path)
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
