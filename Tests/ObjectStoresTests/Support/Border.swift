import TierAPI
import TierKit

/// A Swift store behind the C vtable, used through the host's extension as a tier does.
enum Border {
  /// Stores and hosts stay for the rest of the test run, as the ABI's static data does.
  static func cross() throws -> any ObjectStore {
    let product = VTable.objectStore(
      StoreDescription(id: "test.memory", name: "memory", version: "1", summary: "A dictionary.", keys: []),
      create: { host, options, out, message in
        VTable.createStore(host, options, out, message) { (_, _) throws(TierError) in MemoryStore() }
      })
    let creator = Unmanaged.passRetained(TestHost()).takeUnretainedValue()
    var options = chronik_store_options()
    options.struct_size = UInt32(MemoryLayout<chronik_store_options>.size)
    var instance: UnsafeMutableRawPointer?
    var text = [CChar](repeating: 0, count: 256)
    let status = text.withUnsafeMutableBufferPointer { buffer in
      var message = chronik_message(text: buffer.baseAddress!, capacity: buffer.count, length: 0)
      return product.store.pointee.create(creator.pointer, &options, &instance, &message)
    }
    guard status == CHRONIK_OK else { throw TierError(.permanent, "create answered \(status)") }
    let user = Unmanaged.passRetained(TestHost(store: product.store, instance: instance)).takeUnretainedValue()
    guard let store = user.services.objectStore else { throw TierError(.permanent, "the host offers no store") }
    return store
  }
}
