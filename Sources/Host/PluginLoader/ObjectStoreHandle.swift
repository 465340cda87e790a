import TierAPI

/// One running instance of an object store, made for one tier. The host creates, starts, stops and destroys it; every
/// other call is the tier's own, through ``extensionTable``.
public final class ObjectStoreHandle: @unchecked Sendable {
  /// "<tier>.store"
  public let name: String
  public let descriptor: ProductDescriptor
  private let table: UnsafePointer<chronik_object_store>
  private let me: UnsafeMutableRawPointer
  private let host: HostTable
  private let lent: LentStore

  /// Creates the instance; touches neither network nor disk. `settings` are normalised as `plugin.h` demands; the
  /// store makes `dataDirectory` itself when it wants one.
  public init(
    _ product: StoreProduct, name: String, dataDirectory: String, settings: [(String, String)], host: any PluginHost
  ) throws(TierFailure) {
    let hostTable = HostTable(host)
    let created = try PluginCall.create("\(name).create") { out, message in
      PluginCall.withOptions(name, dataDirectory, settings) { name, directory, settings in
        var options = chronik_store_options(
          struct_size: UInt32(MemoryLayout<chronik_store_options>.size), setting_count: UInt32(settings.count),
          instance_name: name, data_directory: directory, settings: settings.baseAddress)
        return product.vtable.pointee.create(hostTable.pointer, &options, out, message)
      }
    }
    self.name = name
    descriptor = product.descriptor
    table = product.vtable
    me = created
    self.host = hostTable
    lent = LentStore(product.vtable, created)
  }

  deinit { table.pointee.destroy(me) }

  /// What a tier gets for `CHRONIK_HOST_OBJECT_STORE`: a `chronik_host_object_store`, valid as long as this object.
  public var extensionTable: UnsafeRawPointer { UnsafeRawPointer(lent.pointer) }

  /// Shows that the store can be used, until `deadline` on the host's monotonic clock (ns). RETRIABLE and THROTTLED
  /// mean that it cannot be reached now and will try again by itself. May block.
  public func start(deadline: Int64) throws(TierFailure) {
    try PluginCall.check("\(name).start") { message in
      var call = chronik_store_call(
        struct_size: UInt32(MemoryLayout<chronik_store_call>.size), reserved: 0, deadline_ns: deadline, cancelled: nil,
        cancel_context: nil)
      return table.pointee.start(me, &call, message)
    }
  }

  /// From now on the tier's reads, heads and listings end with CANCELLED, also those that are under way: a store that
  /// does not answer must not hold up a stop until its deadline. Any thread; does not block.
  public func endReads() { lent.endReads() }

  /// Ends calls that are under way and waits for them. May block. The tier was stopped before.
  public func stop() { table.pointee.stop(me) }
}
