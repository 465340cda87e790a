import Glibc
import PluginLoader
import TierAPI

/// The library under test as the rules see it: checked by the loader as a host would, then called raw, because rules
/// hand over what a host never would and look at answers that a host's handle would already have refused.
struct ContractLibrary: @unchecked Sendable {
  let path: String
  let descriptor: ProductDescriptor
  let entryFunction: chronik_plugin_entry_fn
  /// The library's own descriptor of the product.
  let rawDescriptor: UnsafePointer<chronik_descriptor>
  /// A copy in which members that the library does not have read as NULL.
  let table: UnsafePointer<chronik_tier>

  /// Fails with the loader's precise reason.
  init(path: String, product: String?) throws(PluginError) {
    let loaded = try LoadedPlugin(path: path)
    descriptor = try loaded.product(named: product).descriptor
    self.path = path
    guard let image = dlopen(path, RTLD_NOW | RTLD_LOCAL | Int32(RTLD_NODELETE)),
      let symbol = dlsym(image, CHRONIK_PLUGIN_ENTRY_SYMBOL)
    else { throw .noEntry(path: path) }
    entryFunction = unsafeBitCast(symbol, to: chronik_plugin_entry_fn.self)
    guard let entry = entryFunction(), let factory = entry.pointee.get_factory(CHRONIK_FACTORY_TIER) else {
      throw .notAPlugin(path: path)
    }
    let tiers = factory.assumingMemoryBound(to: chronik_tier_factory.self)
    let products = UnsafeBufferPointer(start: tiers.pointee.products, count: Int(tiers.pointee.product_count))
    let wanted = descriptor.id
    guard let found = products.first(where: { String(cString: $0.descriptor.pointee.id) == wanted }) else {
      throw .noSuchProduct(path: path, wanted: wanted, offered: loaded.products.map(\.descriptor.name))
    }
    rawDescriptor = found.descriptor
    let whole = MemoryLayout<chronik_tier>.size
    let copy = UnsafeMutablePointer<chronik_tier>.allocate(capacity: 1)
    UnsafeMutableRawPointer(copy).initializeMemory(as: UInt8.self, repeating: 0, count: whole)
    UnsafeMutableRawPointer(copy).copyMemory(
      from: found.tier, byteCount: min(whole, Int(found.tier.pointee.struct_size)))
    table = UnsafePointer(copy)
  }
}
