import ArchiveFormat
import Glibc
import TierAPI
import TierKit

/// The store as this tier uses it: deadlines on every call, lengths and sizes checked, at most so many reads at a time.
package struct StoreAccess: Sendable {
  package let store: any ObjectStore
  private let host: HostServices
  /// Nanoseconds.
  private let timeout: Int64
  /// Nil: who asks bounds its reads itself.
  private var gate: ReadGate? = ReadGate()
  private let isStopping = Guarded(false)

  init(store: any ObjectStore, host: HostServices, timeout: Int64) {
    self.store = store
    self.host = host
    self.timeout = timeout
  }

  /// The same store, but reads do not queue with those of consumers: for work that bounds its reads itself.
  var withoutGate: StoreAccess {
    var copy = self
    copy.gate = nil
    return copy
  }

  /// A call that ends in time.
  package func call(isCancelled: @escaping @Sendable () -> Bool = { false }) -> StoreCall {
    StoreCall(
      deadline: host.monotonicNanoseconds + timeout,
      isCancelled: { [isStopping] in isStopping.withLock { $0 } || isCancelled() })
  }

  /// Ends every call, also those to come, with `cancelled`: what works in the background must not hold up a stop until
  /// its deadline.
  func stop() { isStopping.withLock { $0 = true } }

  /// Reads ranges of one object into memory of its own, all in one call. `byteCount` is the object's size as the index
  /// or a listing has it.
  ///
  /// Throws what the store throws, or `corrupt` when the object is shorter or longer than it should be.
  func read(
    _ key: String, _ ranges: [Range<Int>], objectByteCount: Int, _ call: StoreCall
  ) throws(TierError) -> [OwnedBytes] {
    if ranges.isEmpty { return [] }
    try gate?.enter(call, host)
    defer { gate?.leave(isReadAhead: false) }
    return try readInside(key, ranges, objectByteCount: objectByteCount, call)
  }

  /// As `read`, but never waits for a place: nil when readers need all there are.
  func readAhead(
    _ key: String, _ ranges: [Range<Int>], objectByteCount: Int, _ call: StoreCall
  ) throws(TierError) -> [OwnedBytes]? {
    if ranges.isEmpty { return [] }
    guard gate?.tryToEnterForReadAhead() ?? true else { return nil }
    defer { gate?.leave(isReadAhead: true) }
    return try readInside(key, ranges, objectByteCount: objectByteCount, call)
  }

  private func readInside(
    _ key: String, _ ranges: [Range<Int>], objectByteCount: Int, _ call: StoreCall
  ) throws(TierError) -> [OwnedBytes] {
    let memory = ranges.map { OwnedBytes(byteCount: $0.count) }
    var parts: [(range: Range<Int>, target: UnsafeMutablePointer<UInt8>)] = []
    for (range, memory) in zip(ranges, memory) {
      for start in stride(from: range.lowerBound, to: range.upperBound, by: Limits.storeRangeByteCount) {
        let target = memory.base.assumingMemoryBound(to: UInt8.self) + (start - range.lowerBound)
        parts.append((start..<min(start + Limits.storeRangeByteCount, range.upperBound), target))
      }
    }
    var name = key
    let failure: TierError? = name.withUTF8 { utf8 in
      var reads = parts.map { part in
        chronik_store_read(
          key: chronik_bytes(ptr: utf8.baseAddress, len: utf8.count), offset: UInt64(part.range.lowerBound),
          length: part.range.count, buffer: part.target, received: 0, object_byte_count: 0, status: CHRONIK_PERMANENT,
          reserved: 0, reserved2: (0, 0))
      }
      return reads.withUnsafeMutableBufferPointer { buffer in
        do throws(TierError) {
          try store.read(buffer, call)
          return defect(of: UnsafeBufferPointer(buffer), key, objectByteCount)
        } catch { return error }
      }
    }
    if let failure { throw failure }
    return memory
  }

  private func defect(
    of reads: UnsafeBufferPointer<chronik_store_read>, _ key: String, _ objectByteCount: Int
  ) -> TierError? {
    for read in reads {
      guard read.status == CHRONIK_OK else {
        return TierError(
          TierError.Code(rawValue: read.status) ?? .permanent, "read \(key): the store answered \(read.status)")
      }
      guard read.object_byte_count == UInt64(objectByteCount) else {
        return TierError(.corrupt, "\(key) has \(read.object_byte_count) bytes instead of \(objectByteCount)")
      }
      guard read.received == read.length else {
        return TierError(
          .corrupt, "\(key) byte \(read.offset): the store answered \(read.received) of \(read.length) bytes")
      }
    }
    return nil
  }

  /// One page of a listing. Throws `retriable` for a page that has nothing and is not the last: taken for the end, what
  /// follows it would count as gone.
  func page(
    prefix: String, startAfter: String, limit: Int, _ call: StoreCall
  ) throws(TierError) -> ObjectListing {
    let page = try store.list(prefix: prefix, startAfter: startAfter, limit: limit, call)
    guard !page.hasMore || !page.objects.isEmpty else {
      throw TierError(
        .retriable, "the store's listing of \"\(prefix)\" has more behind \"\(startAfter)\" and does not say what")
    }
    return page
  }

  /// Calls `visit` with every page of the listing of `prefix`.
  func list(
    prefix: String, startAfter: String = "", isCancelled: @escaping @Sendable () -> Bool = { false },
    _ visit: ([ObjectInfo]) throws(TierError) -> Void
  ) throws(TierError) {
    var last = startAfter
    while true {
      let page = try page(
        prefix: prefix, startAfter: last, limit: Limits.listingPage, call(isCancelled: isCancelled))
      try visit(page.objects)
      guard page.hasMore, let end = page.objects.last?.key else { return }
      guard end.utf8.lexicographicallyPrecedes(last.utf8) == false, end != last else {
        throw TierError(.permanent, "the store's listing of \"\(prefix)\" does not advance behind \(last)")
      }
      last = end
    }
  }
}

/// Bytes in memory that somebody owns.
final class OwnedBytes: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) {
    self.byteCount = byteCount
    base = .allocate(byteCount: max(1, byteCount), alignment: 16)
  }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: byteCount) }
}
