import Synchronization
import TierAPI
import TierKit

/// The contract of object_store.h in a dictionary: what the real stores are compared with.
final class MemoryStore: ObjectStore {
  private let objects = Mutex<[String: [UInt8]]>([:])

  func start(_ call: StoreCall) throws(TierError) {}
  func stop() {}

  func put(
    _ key: String, _ parts: [UnsafeRawBufferPointer], ifAbsent: Bool, _ call: StoreCall
  ) throws(TierError) -> Bool {
    try ObjectKey.check(key)
    return objects.withLock {
      if ifAbsent, $0[key] != nil { return false }
      $0[key] = parts.flatMap { Array($0) }
      return true
    }
  }

  func read(_ reads: UnsafeMutableBufferPointer<chronik_store_read>, _ call: StoreCall) throws(TierError) {
    var failure: TierError?
    for index in reads.indices {
      let key = String(reads[index].key)
      let error: TierError? = objects.withLock {
        guard let bytes = $0[key] else { return TierError(.notFound, key) }
        guard reads[index].offset <= UInt64(bytes.count) else { return TierError(.permanent, key) }
        let piece = bytes[Int(reads[index].offset)...].prefix(reads[index].length)
        UnsafeMutableRawBufferPointer(start: reads[index].buffer, count: reads[index].length).copyBytes(from: piece)
        reads[index].received = piece.count
        reads[index].object_byte_count = UInt64(bytes.count)
        return nil
      }
      reads[index].status = error?.code.rawValue ?? CHRONIK_OK
      failure = failure ?? error
    }
    if let failure { throw failure }
  }

  func head(_ key: String, _ call: StoreCall) throws(TierError) -> ObjectInfo? {
    try ObjectKey.check(key)
    return objects.withLock { $0[key].map { ObjectInfo(key: key, byteCount: $0.count) } }
  }

  func list(prefix: String, startAfter: String, limit: Int, _ call: StoreCall) throws(TierError) -> ObjectListing {
    try ObjectKey.checkPrefix(prefix)
    let found = objects.withLock { $0.mapValues(\.count) }
      .filter { $0.key.utf8.starts(with: prefix.utf8) && startAfter.utf8.lexicographicallyPrecedes($0.key.utf8) }
      .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    return ObjectListing(
      objects: found.prefix(limit).map { ObjectInfo(key: $0.key, byteCount: $0.value) }, hasMore: found.count > limit)
  }

  func remove(_ keys: [String], _ call: StoreCall) throws(TierError) {
    for key in keys { try ObjectKey.check(key) }
    objects.withLock { for key in keys { $0[key] = nil } }
  }
}
