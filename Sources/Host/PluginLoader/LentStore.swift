import Synchronization
import TierAPI

/// An object store as its tier is lent it: the plugin's own functions, but reads, heads and listings also end, with
/// CANCELLED, once the host wants no more of them. A tier has no way to be told that a read of its own should end; what
/// it waits for is the store, and a store asks at least every second whether to go on (`object_store.h`).
final class LentStore: @unchecked Sendable {
  private let table: UnsafePointer<chronik_object_store>
  private let instance: UnsafeMutableRawPointer
  private let lent: UnsafeMutablePointer<chronik_object_store>
  private let isEnding = Atomic(false)
  /// Valid as long as this object.
  let pointer: UnsafeMutablePointer<chronik_host_object_store>

  init(_ table: UnsafePointer<chronik_object_store>, _ instance: UnsafeMutableRawPointer) {
    self.table = table
    self.instance = instance
    lent = .allocate(capacity: 1)
    pointer = .allocate(capacity: 1)
    lent.initialize(to: Self.functions(table))
    pointer.initialize(
      to: chronik_host_object_store(
        struct_size: UInt32(MemoryLayout<chronik_host_object_store>.size), reserved: 0, store: UnsafePointer(lent),
        instance: Unmanaged.passUnretained(self).toOpaque()))
  }

  deinit {
    pointer.deallocate()
    lent.deallocate()
  }

  /// Ends reads, heads and listings that are under way within the second that stores are given, and those to come.
  func endReads() { isEnding.store(true, ordering: .releasing) }

  fileprivate static func from(_ me: UnsafeMutableRawPointer) -> LentStore {
    Unmanaged<LentStore>.fromOpaque(me).takeUnretainedValue()
  }

  private static func functions(_ table: UnsafePointer<chronik_object_store>) -> chronik_object_store {
    // The host alone makes, starts, stops and ends the instance.
    chronik_object_store(
      struct_size: UInt32(MemoryLayout<chronik_object_store>.size), reserved: 0, create: table.pointee.create,
      destroy: { _ in }, start: { _, _, _ in CHRONIK_PERMANENT }, stop: { _ in },
      put: { me, call, key, parts, count, flags, created, message in
        let store = LentStore.from(me)
        return store.table.pointee.put(store.instance, call, key, parts, count, flags, created, message)
      },
      read: { me, call, reads, count, message in
        let store = LentStore.from(me)
        return store.bounded(call) { store.table.pointee.read(store.instance, $0, reads, count, message) }
      },
      head: { me, call, key, info, message in
        let store = LentStore.from(me)
        return store.bounded(call) { store.table.pointee.head(store.instance, $0, key, info, message) }
      },
      list: { me, call, prefix, startAfter, limit, visit, context, more, message in
        let store = LentStore.from(me)
        return store.bounded(call) {
          store.table.pointee.list(
            store.instance, $0, prefix, startAfter, limit, visit, context, more, message)
        }
      },
      remove: { me, call, keys, count, message in
        let store = LentStore.from(me)
        return store.table.pointee.remove(store.instance, call, keys, count, message)
      },
      get_extension: { me, id in
        let store = LentStore.from(me)
        return store.table.pointee.get_extension?(store.instance, id)
      })
  }

  /// The tier's call, which is also over when the host ends reads.
  private func bounded(
    _ call: UnsafePointer<chronik_store_call>, _ body: (UnsafePointer<chronik_store_call>) -> chronik_status
  ) -> chronik_status {
    var question = Question(store: self, tiers: call)
    return withUnsafeMutablePointer(to: &question) { question in
      var bounded = call.pointee
      bounded.struct_size = UInt32(MemoryLayout<chronik_store_call>.size)
      bounded.cancelled = { $0!.assumingMemoryBound(to: Question.self).pointee.isOver ? 1 : 0 }
      bounded.cancel_context = UnsafeMutableRawPointer(question)
      return body(&bounded)
    }
  }

  private struct Question {
    unowned let store: LentStore
    let tiers: UnsafePointer<chronik_store_call>

    var isOver: Bool {
      if store.isEnding.load(ordering: .acquiring) { return true }
      guard let cancelled = tiers.pointee.cancelled else { return false }
      return cancelled(tiers.pointee.cancel_context) != 0
    }
  }
}
