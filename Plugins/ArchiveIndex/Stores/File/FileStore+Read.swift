import TierAPI
import TierKit

extension FileStore {
  public func read(_ reads: UnsafeMutableBufferPointer<chronik_store_read>, _ call: StoreCall) throws(TierError) {
    try metrics.measure(.read) { () throws(TierError) in
      try gate.enter { () throws(TierError) in
        let scope = CallScope(call, gate, host)
        var failure: TierError?
        for index in reads.indices {
          do throws(TierError) {
            try read(&reads[index], scope)
            reads[index].status = CHRONIK_OK
            metrics.readBytes(reads[index].received)
          } catch {
            reads[index].status = error.code.rawValue
            reads[index].received = 0
            failure = failure ?? error
          }
        }
        if let failure { throw failure }
      }
    }
  }

  private func read(_ read: inout chronik_store_read, _ scope: CallScope) throws(TierError) {
    let key = String(read.key)
    try ObjectKey.check(key)
    guard try objectStatus(key) != nil else { throw missing(key) }
    let path = "\(root)/\(key)"
    let descriptor: Int32
    do throws(Errno) {
      descriptor = try fileSystem.openForReading(path)
    } catch where error == .notFound {
      throw missing(key)
    } catch {
      throw TierError(error, "cannot open", path)
    }
    defer { fileSystem.close(descriptor) }
    let size = try naming("cannot look at", path) { () throws(Errno) in try fileSystem.status(descriptor).byteCount }
    guard read.offset <= UInt64(size) else {
      throw TierError(.permanent, "the object '\(key)' has \(size) bytes; there are none at \(read.offset)")
    }
    read.object_byte_count = UInt64(size)
    let wanted = min(UInt64(read.length), UInt64(size) - read.offset)
    let target = UnsafeMutableRawBufferPointer(start: read.buffer, count: Int(wanted))
    var done = 0
    while done < target.count {
      try scope.check("reading '\(key)'")
      let piece = UnsafeMutableRawBufferPointer(
        rebasing: target[done..<min(target.count, done + StoreLimits.transferByteCount)])
      let position = Int64(read.offset) + Int64(done)
      let count = try naming("cannot read", path) { () throws(Errno) in
        try fileSystem.read(descriptor, at: position, into: piece)
      }
      // Objects never change: somebody else cut the file.
      if count == 0 { throw TierError(.corrupt, "\(path) became shorter while it was read") }
      done += count
    }
    read.received = done
  }

  private func missing(_ key: String) -> TierError { TierError(.notFound, "there is no object '\(key)' below \(root)") }
}
