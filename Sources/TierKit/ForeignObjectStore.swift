import TierAPI

extension HostServices {
  /// The object store of this tier's chain entry, started already and stopped by the host after the tier; nil when the
  /// entry has none.
  public var objectStore: (any ObjectStore)? {
    guard let answer = hostExtension(CHRONIK_HOST_OBJECT_STORE) else { return nil }
    return ForeignObjectStore(answer.assumingMemoryBound(to: chronik_host_object_store.self))
  }
}

/// An object store of another library. Nothing it answers is believed before it was compared with the contract in
/// `object_store.h`; what contradicts it becomes `permanent`.
final class ForeignObjectStore: ObjectStore, @unchecked Sendable {
  /// The host's; valid as long as the tier that asked for it.
  private let table: UnsafePointer<chronik_object_store>
  private let instance: UnsafeMutableRawPointer

  /// Nil when the table is too old to have all that the contract demands.
  init?(_ answer: UnsafePointer<chronik_host_object_store>) {
    let required = MemoryLayout<chronik_object_store>.offset(of: \.get_extension)!
    guard Int(answer.pointee.struct_size) >= MemoryLayout<chronik_host_object_store>.size,
      Int(answer.pointee.store.pointee.struct_size) >= required
    else { return nil }
    let words = UnsafeRawPointer(answer.pointee.store).assumingMemoryBound(to: UInt.self)
    guard (1..<required / 8).allSatisfy({ words[$0] != 0 }) else { return nil }
    table = answer.pointee.store
    instance = answer.pointee.instance
  }

  /// Nothing: the host starts the store before the tier and stops it after.
  func start(_ call: StoreCall) throws(TierError) {}
  func stop() {}

  func put(
    _ key: String, _ parts: [UnsafeRawBufferPointer], ifAbsent: Bool, _ call: StoreCall
  ) throws(TierError) -> Bool {
    let pieces =
      parts.map { chronik_bytes(ptr: $0.baseAddress?.assumingMemoryBound(to: UInt8.self), len: $0.count) }
      // The function wants an address also for no parts.
      + [chronik_bytes()]
    var created: Int32 = -1
    try checked("put", key, call) { call, message in
      key.withBorrowed { key in
        table.pointee.put(
          instance, call, key, pieces, parts.count, ifAbsent ? CHRONIK_PUT_IF_ABSENT : 0, &created, message)
      }
    }
    guard created == 0 || created == 1 else { throw contradiction("put", key, "created is \(created)") }
    if !ifAbsent, created == 0 { throw contradiction("put", key, "an unconditional put left the object as it was") }
    return created == 1
  }

  func head(_ key: String, _ call: StoreCall) throws(TierError) -> ObjectInfo? {
    var info = chronik_object_info()
    do throws(TierError) {
      try checked("head", key, call) { call, message in
        key.withBorrowed { table.pointee.head(instance, call, $0, &info, message) }
      }
    } catch where error.code == .notFound {
      return nil
    }
    guard let found = ObjectInfo(key: key, info) else { throw contradiction("head", key, "an impossible size") }
    return found
  }

  func remove(_ keys: [String], _ call: StoreCall) throws(TierError) {
    if keys.isEmpty { return }
    let bytes = BorrowedStrings(keys)
    try checked("remove", keys[0], call) { call, message in
      bytes.withBorrowed { table.pointee.remove(instance, call, $0.baseAddress!, $0.count, message) }
    }
  }

  func read(_ reads: UnsafeMutableBufferPointer<chronik_store_read>, _ call: StoreCall) throws(TierError) {
    guard let first = reads.baseAddress, !reads.isEmpty else { return }
    for index in reads.indices {
      reads[index].status = CHRONIK_PERMANENT
      reads[index].received = 0
      reads[index].object_byte_count = 0
    }
    var failure: TierError?
    do throws(TierError) {
      try checked("read", String(reads[0].key), call) { table.pointee.read(instance, $0, first, reads.count, $1) }
    } catch {
      failure = error
    }
    for index in reads.indices {
      if let wrong = reads[index].contradiction(allOK: failure == nil) {
        reads[index].status = CHRONIK_PERMANENT
        reads[index].received = 0
        failure = failure ?? contradiction("read", String(reads[index].key), wrong)
      }
    }
    if let failure { throw failure }
  }

  func list(prefix: String, startAfter: String, limit: Int, _ call: StoreCall) throws(TierError) -> ObjectListing {
    let collector = ListingCollector(prefix: prefix, startAfter: startAfter, limit: limit)
    var more: Int32 = -1
    try checked("list", prefix, call) { call, message in
      prefix.withBorrowed { prefix in
        startAfter.withBorrowed { startAfter in
          table.pointee.list(
            instance, call, prefix, startAfter, limit,
            { context, key, info in
              Unmanaged<ListingCollector>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.add(key, info.pointee) }
            }, Unmanaged.passUnretained(collector).toOpaque(), &more, message)
        }
      }
    }
    if let wrong = collector.wrong { throw contradiction("list", prefix, wrong) }
    guard more == 0 || more == 1 else { throw contradiction("list", prefix, "more is \(more)") }
    // The next call would ask for the same again, for ever.
    if more == 1, collector.objects.isEmpty { throw contradiction("list", prefix, "more objects behind none") }
    return ObjectListing(objects: collector.objects, hasMore: more == 1)
  }

  private func contradiction(_ call: String, _ what: String, _ wrong: String) -> TierError {
    TierError(.permanent, "the object store broke its contract in \(call) of '\(what)': \(wrong)")
  }

  /// Makes one call of the table and turns any status but OK into a failure with the store's own sentence.
  private func checked(
    _ name: String, _ what: String, _ call: StoreCall,
    _ body: (UnsafePointer<chronik_store_call>, UnsafeMutablePointer<chronik_message>) -> chronik_status
  ) throws(TierError) {
    let status: chronik_status
    let text: String
    (status, text) = withExtendedLifetime(CallBox(call)) { box in
      var raw = chronik_store_call(
        struct_size: UInt32(MemoryLayout<chronik_store_call>.size), reserved: 0, deadline_ns: call.deadline,
        cancelled: { Unmanaged<CallBox>.fromOpaque($0!)._withUnsafeGuaranteedRef { $0.call.isCancelled() ? 1 : 0 } },
        cancel_context: Unmanaged.passUnretained(box).toOpaque())
      return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.messageCapacity) { buffer in
        var message = chronik_message(text: buffer.baseAddress!, capacity: buffer.count, length: 0)
        let status = body(&raw, &message)
        let sentence = UnsafeRawBufferPointer(
          rebasing: UnsafeRawBufferPointer(buffer)[..<min(message.length, buffer.count)])
        return (status, status == CHRONIK_OK ? "" : String(decoding: sentence, as: UTF8.self))
      }
    }
    if status == CHRONIK_OK { return }
    let sentence = text.isEmpty ? "the object store failed in \(name) of '\(what)' without a reason" : text
    guard let code = TierError.Code(rawValue: status) else {
      throw contradiction(name, what, "status \(status) (\(sentence))")
    }
    throw TierError(code, sentence)
  }

  /// A sentence is shorter; what is longer is cut.
  private static let messageCapacity = 2048

  private final class CallBox: Sendable {
    let call: StoreCall
    init(_ call: StoreCall) { self.call = call }
  }
}
