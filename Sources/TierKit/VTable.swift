import TierAPI

/// Swift tiers behind the C vtable: the only place on the plugin's side where objects become pointers.
///
/// A plugin's export file holds one non-capturing closure per product and nothing else:
///
///     private let create: VTable.Create = { host, options, out, message in
///       VTable.create(host, options, out, message) { (host, options) throws(TierError) in
///         try RingTier(host: host, options: options)
///       }
///     }
///     nonisolated(unsafe) private let entry = VTable.plugin(
///       name: "Ring", version: "1.0", tiers: [VTable.tier(RingTier.description, create: create)])
///     @c @implementation public func chronik_plugin_entry() -> UnsafePointer<chronik_plugin> { entry }
public enum VTable {
  public typealias Create = @convention(c) (
    UnsafePointer<chronik_host>, UnsafePointer<chronik_tier_options>,
    UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<chronik_message>
  ) -> chronik_status

  /// The body of a product's `create`.
  public static func create(
    _ host: UnsafePointer<chronik_host>, _ options: UnsafePointer<chronik_tier_options>,
    _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ message: UnsafeMutablePointer<chronik_message>,
    _ make: (HostServices, TierOptions) throws(TierError) -> any Tier
  ) -> chronik_status {
    report(message) { () throws(TierError) in
      let tier = try make(HostServices(host), TierOptions(options))
      out.pointee = Unmanaged.passRetained(TierBox(tier)).toOpaque()
      return CHRONIK_OK
    }
  }

  /// One product. Called once per product when the library is asked for its entry.
  public static func tier(_ description: TierDescription, create: @escaping Create) -> chronik_tier_product {
    let vtable = UnsafeMutablePointer<chronik_tier>.allocate(capacity: 1)
    fillTable(vtable, create, description)
    return chronik_tier_product(descriptor: description.makeDescriptor(), tier: UnsafePointer(vtable))
  }

  /// The library's entry. The factory answers live in globals of this image, which is private to one plugin because
  /// every plugin links its own copy of this module.
  public static func plugin(
    name: String, version: String, tiers: [chronik_tier_product] = [], stores: [chronik_object_store_product] = [],
    strategies: [chronik_compaction_product] = []
  ) -> UnsafePointer<chronik_plugin> {
    tierFactory = Immortal.pointer(
      to: chronik_tier_factory(
        struct_size: UInt32(MemoryLayout<chronik_tier_factory>.size), product_count: UInt32(tiers.count),
        products: Immortal.array(tiers)))
    storeFactory = Immortal.pointer(
      to: chronik_object_store_factory(
        struct_size: UInt32(MemoryLayout<chronik_object_store_factory>.size), product_count: UInt32(stores.count),
        products: Immortal.array(stores)))
    compactionFactory = Immortal.pointer(
      to: chronik_compaction_factory(
        struct_size: UInt32(MemoryLayout<chronik_compaction_factory>.size), product_count: UInt32(strategies.count),
        products: Immortal.array(strategies)))
    return Immortal.pointer(
      to: chronik_plugin(
        magic: CHRONIK_PLUGIN_MAGIC, struct_size: UInt32(MemoryLayout<chronik_plugin>.size),
        abi_major: CHRONIK_ABI_MAJOR, abi_minor: CHRONIK_ABI_MINOR, reserved: 0, name: Immortal.string(name),
        version: Immortal.string(version), get_factory: { VTable.factory(String(cString: $0)) }))
  }

  /// Nil for what the library does not offer: a factory without products says the same, less plainly.
  private static func factory(_ id: String) -> UnsafeRawPointer? {
    switch id {
    case CHRONIK_FACTORY_TIER where (tierFactory?.pointee.product_count ?? 0) > 0: UnsafeRawPointer(tierFactory)
    case CHRONIK_FACTORY_OBJECT_STORE where (storeFactory?.pointee.product_count ?? 0) > 0:
      UnsafeRawPointer(storeFactory)
    case CHRONIK_FACTORY_COMPACTION where (compactionFactory?.pointee.product_count ?? 0) > 0:
      UnsafeRawPointer(compactionFactory)
    default: nil
    }
  }

  nonisolated(unsafe) private static var tierFactory: UnsafePointer<chronik_tier_factory>?
  nonisolated(unsafe) private static var storeFactory: UnsafePointer<chronik_object_store_factory>?
  nonisolated(unsafe) private static var compactionFactory: UnsafePointer<chronik_compaction_factory>?

  /// Runs `body` and turns a failure into its status and message.
  static func report(
    _ message: UnsafeMutablePointer<chronik_message>, _ body: () throws(TierError) -> chronik_status
  ) -> chronik_status {
    do {
      return try body()
    } catch {
      return error.report(into: message)
    }
  }
}

final class TierBox: Sendable {
  let tier: any Tier
  init(_ tier: any Tier) { self.tier = tier }
}

final class PartitionBox: Sendable {
  let partition: any TierPartition
  init(_ partition: any TierPartition) { self.partition = partition }
}

extension UnsafeMutableRawPointer {
  var tier: any Tier { Unmanaged<TierBox>.fromOpaque(self)._withUnsafeGuaranteedRef { $0.tier } }
  var partition: any TierPartition {
    Unmanaged<PartitionBox>.fromOpaque(self)._withUnsafeGuaranteedRef { $0.partition }
  }
}
