import TierAPI

/// Swift object stores behind the C vtable of `object_store.h`. A plugin's export file holds one non-capturing closure
/// per product, as for tiers, with ``createStore(_:_:_:_:_:)`` inside.
extension VTable {
  public typealias CreateStore = @convention(c) (
    UnsafePointer<chronik_host>, UnsafePointer<chronik_store_options>,
    UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<chronik_message>
  ) -> chronik_status

  /// The body of a store product's `create`.
  public static func createStore(
    _ host: UnsafePointer<chronik_host>, _ options: UnsafePointer<chronik_store_options>,
    _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ message: UnsafeMutablePointer<chronik_message>,
    _ make: (HostServices, StoreOptions) throws(TierError) -> any ObjectStore
  ) -> chronik_status {
    report(message) { () throws(TierError) in
      let store = try make(HostServices(host), StoreOptions(options))
      out.pointee = Unmanaged.passRetained(StoreBox(store)).toOpaque()
      return CHRONIK_OK
    }
  }

  /// One store product. Called once per product when the library is asked for its entry.
  public static func objectStore(
    _ description: StoreDescription, create: @escaping CreateStore
  ) -> chronik_object_store_product {
    let size = MemoryLayout<chronik_object_store>.size
    let table = UnsafeMutablePointer<chronik_object_store>.allocate(capacity: 1)
    UnsafeMutableRawPointer(table).initializeMemory(as: UInt8.self, repeating: 0, count: size)
    table.pointee.struct_size = UInt32(size)
    table.pointee.create = create
    setStoreLifecycle(&table.pointee)
    setStoreObjects(&table.pointee)
    setStoreListing(&table.pointee)
    return chronik_object_store_product(descriptor: description.makeDescriptor(), store: UnsafePointer(table))
  }

  private static func setStoreLifecycle(_ table: inout chronik_object_store) {
    table.destroy = { Unmanaged<StoreBox>.fromOpaque($0).release() }
    table.start = { me, call, message in
      VTable.report(message) { () throws(TierError) in
        try me.store.start(StoreCall(call))
        return CHRONIK_OK
      }
    }
    table.stop = { $0.store.stop() }
  }

  private static func setStoreObjects(_ table: inout chronik_object_store) {
    table.put = { me, call, key, parts, count, flags, created, message in
      VTable.report(message) { () throws(TierError) in
        let pieces = UnsafeBufferPointer(start: parts, count: count).map {
          UnsafeRawBufferPointer(start: $0.ptr, count: $0.len)
        }
        let isNew = try me.store.put(
          String(key), pieces, ifAbsent: flags & CHRONIK_PUT_IF_ABSENT != 0, StoreCall(call))
        created.pointee = isNew ? 1 : 0
        return CHRONIK_OK
      }
    }
    table.read = { me, call, reads, count, message in
      VTable.read(me.store, UnsafeMutableBufferPointer(start: reads, count: count), StoreCall(call), message)
    }
    table.head = { me, call, key, info, message in
      VTable.report(message) { () throws(TierError) in
        let name = String(key)
        guard let found = try me.store.head(name, StoreCall(call)) else {
          throw TierError(.notFound, "\(name): there is no such object")
        }
        info.pointee = chronik_object_info(found)
        return CHRONIK_OK
      }
    }
  }

  /// No read keeps the caller's status: what the store left alone before it failed gets the failure's code.
  private static func read(
    _ store: any ObjectStore, _ reads: UnsafeMutableBufferPointer<chronik_store_read>, _ call: StoreCall,
    _ message: UnsafeMutablePointer<chronik_message>
  ) -> chronik_status {
    let untouched: chronik_status = -1
    for index in reads.indices {
      reads[index].status = untouched
      reads[index].received = 0
      reads[index].object_byte_count = 0
    }
    do throws(TierError) {
      try store.read(reads, call)
      guard let failed = reads.first(where: { $0.status != CHRONIK_OK }) else { return CHRONIK_OK }
      throw TierError(.permanent, "\(String(failed.key)): the store ended well with a read of status \(failed.status)")
    } catch {
      for index in reads.indices where reads[index].status == untouched { reads[index].status = error.code.rawValue }
      return error.report(into: message)
    }
  }

  private static func setStoreListing(_ table: inout chronik_object_store) {
    table.list = { me, call, prefix, startAfter, limit, visit, context, more, message in
      VTable.report(message) { () throws(TierError) in
        let listing = try me.store.list(
          prefix: String(prefix), startAfter: String(startAfter), limit: limit, StoreCall(call))
        for object in listing.objects.prefix(limit) {
          var info = chronik_object_info(object)
          var key = object.key
          key.withUTF8 { visit(context, chronik_bytes(ptr: $0.baseAddress, len: $0.count), &info) }
        }
        more.pointee = listing.hasMore || listing.objects.count > limit ? 1 : 0
        return CHRONIK_OK
      }
    }
    table.remove = { me, call, keys, count, message in
      VTable.report(message) { () throws(TierError) in
        try me.store.remove(UnsafeBufferPointer(start: keys, count: count).map { String($0) }, StoreCall(call))
        return CHRONIK_OK
      }
    }
  }
}

final class StoreBox: Sendable {
  let store: any ObjectStore
  init(_ store: any ObjectStore) { self.store = store }
}

extension UnsafeMutableRawPointer {
  fileprivate var store: any ObjectStore { Unmanaged<StoreBox>.fromOpaque(self)._withUnsafeGuaranteedRef { $0.store } }
}

/// What asks the caller whether to go on; valid as long as the call it belongs to.
private struct Cancellation: @unchecked Sendable {
  let ask: @convention(c) (UnsafeMutableRawPointer?) -> Int32
  let context: UnsafeMutableRawPointer?
}

extension StoreCall {
  init(_ raw: UnsafePointer<chronik_store_call>) {
    self.init(deadline: raw.pointee.deadline_ns)
    guard let ask = raw.pointee.cancelled else { return }
    let cancellation = Cancellation(ask: ask, context: raw.pointee.cancel_context)
    isCancelled = { cancellation.ask(cancellation.context) != 0 }
  }
}

extension chronik_object_info {
  init(_ info: ObjectInfo) {
    self.init()
    byte_count = UInt64(info.byteCount)
    modified_ms = info.modified
    etag_length = UInt32(min(info.etag.count, Int(CHRONIK_STORE_ETAG_CAPACITY)))
    withUnsafeMutableBytes(of: &etag) { $0.copyBytes(from: info.etag.prefix($0.count)) }
  }
}
