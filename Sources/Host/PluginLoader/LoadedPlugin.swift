import Glibc
import TierAPI

/// A library that passed the entry check. It is never unloaded: a Swift image that was closed leaves stale conformance
/// records behind and crashes the process.
public struct LoadedPlugin: @unchecked Sendable {
  public let path: String
  public let name: String
  public let version: String
  /// "1.0": what the library was built for.
  public let abi: String
  public let products: [TierProduct]
  public let stores: [StoreProduct]
  public let strategies: [CompactionProduct]

  /// "1.0": what this host speaks.
  public static var hostABI: String { "\(CHRONIK_ABI_MAJOR).\(CHRONIK_ABI_MINOR)" }

  /// Loads `path`, checks its entry before anything else is called, and copies its descriptors. No instance is created.
  public init(path: String) throws(PluginError) {
    try LibraryFile.check(path)
    dlerror()
    guard let image = dlopen(path, RTLD_NOW | RTLD_LOCAL | Int32(RTLD_NODELETE)) else {
      throw .notLoadable(path: path, reason: dlerror().map { String(cString: $0) } ?? "unknown reason")
    }
    guard let symbol = dlsym(image, CHRONIK_PLUGIN_ENTRY_SYMBOL) else { throw .noEntry(path: path) }
    let entryFunction = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<chronik_plugin>?).self)
    guard let entry = entryFunction(), entry.pointee.magic == CHRONIK_PLUGIN_MAGIC else {
      throw .notAPlugin(path: path)
    }
    abi = "\(entry.pointee.abi_major).\(entry.pointee.abi_minor)"
    guard entry.pointee.abi_major == CHRONIK_ABI_MAJOR else {
      throw .abiMismatch(path: path, builtFor: abi, hostSpeaks: "\(CHRONIK_ABI_MAJOR).x")
    }
    guard entry.pointee.struct_size >= MemoryLayout<chronik_plugin>.size else {
      throw .malformed(
        path: path,
        reason: "its entry is \(entry.pointee.struct_size) bytes, ABI 1.0 has \(MemoryLayout<chronik_plugin>.size)")
    }
    self.path = path
    name = String(cString: entry.pointee.name)
    version = String(cString: entry.pointee.version)
    products = try Self.products(of: entry, path: path)
    stores = try Self.stores(of: entry, path: path)
    strategies = try Self.strategies(of: entry, path: path)
  }

  private static func products(
    of entry: UnsafePointer<chronik_plugin>, path: String
  ) throws(PluginError) -> [TierProduct] {
    guard let raw = entry.pointee.get_factory(CHRONIK_FACTORY_TIER) else { return [] }
    let factory = raw.assumingMemoryBound(to: chronik_tier_factory.self)
    guard factory.pointee.struct_size >= MemoryLayout<chronik_tier_factory>.size,
      factory.pointee.product_count <= Malformed.keyCountMax
    else {
      throw .malformed(path: path, reason: "its tier factory has an impossible size or product count")
    }
    var result: [TierProduct] = []
    for product in UnsafeBufferPointer(start: factory.pointee.products, count: Int(factory.pointee.product_count)) {
      do {
        result.append(try TierProduct(product))
      } catch {
        throw .malformed(path: path, reason: error.reason)
      }
    }
    return result
  }

  /// Nil also when the answer is that of the tiers: such a library answers every id with what it has, and reading one
  /// struct as another would be worse than leaving it out. The contract suite says so.
  private static func factory(_ id: String, of entry: UnsafePointer<chronik_plugin>) -> UnsafeRawPointer? {
    guard let raw = entry.pointee.get_factory(id), raw != entry.pointee.get_factory(CHRONIK_FACTORY_TIER) else {
      return nil
    }
    return raw
  }

  private static func stores(
    of entry: UnsafePointer<chronik_plugin>, path: String
  ) throws(PluginError) -> [StoreProduct] {
    guard let raw = Self.factory(CHRONIK_FACTORY_OBJECT_STORE, of: entry) else { return [] }
    let factory = raw.assumingMemoryBound(to: chronik_object_store_factory.self)
    guard factory.pointee.struct_size >= MemoryLayout<chronik_object_store_factory>.size,
      factory.pointee.product_count <= Malformed.keyCountMax
    else {
      throw .malformed(path: path, reason: "its object store factory has an impossible size or product count")
    }
    var result: [StoreProduct] = []
    for product in UnsafeBufferPointer(start: factory.pointee.products, count: Int(factory.pointee.product_count)) {
      do {
        result.append(try StoreProduct(product))
      } catch {
        throw .malformed(path: path, reason: error.reason)
      }
    }
    return result
  }

  private static func strategies(
    of entry: UnsafePointer<chronik_plugin>, path: String
  ) throws(PluginError) -> [CompactionProduct] {
    guard let raw = Self.factory(CHRONIK_FACTORY_COMPACTION, of: entry) else { return [] }
    let factory = raw.assumingMemoryBound(to: chronik_compaction_factory.self)
    guard factory.pointee.struct_size >= MemoryLayout<chronik_compaction_factory>.size,
      factory.pointee.product_count <= Malformed.keyCountMax
    else {
      throw .malformed(path: path, reason: "its compaction factory has an impossible size or product count")
    }
    var result: [CompactionProduct] = []
    for product in UnsafeBufferPointer(start: factory.pointee.products, count: Int(factory.pointee.product_count)) {
      do {
        result.append(try CompactionProduct(product))
      } catch {
        throw .malformed(path: path, reason: error.reason)
      }
    }
    return result
  }

  /// The object store of that name.
  public func store(named wanted: String) throws(PluginError) -> StoreProduct {
    if let match = stores.first(where: { $0.descriptor.name == wanted || $0.descriptor.id == wanted }) { return match }
    throw .noSuchStore(path: path, wanted: wanted, offered: stores.map(\.descriptor.name))
  }

  /// The strategy of that name or id.
  public func strategy(named wanted: String) throws(PluginError) -> CompactionProduct {
    if let match = strategies.first(where: { $0.descriptor.name == wanted || $0.descriptor.id == wanted }) {
      return match
    }
    throw .noSuchStrategy(path: path, wanted: wanted, offered: strategies.map(\.descriptor.name))
  }

  /// The product of that name, or the only one when `wanted` is nil.
  public func product(named wanted: String?) throws(PluginError) -> TierProduct {
    if let wanted {
      if let match = products.first(where: { $0.descriptor.name == wanted || $0.descriptor.id == wanted }) {
        return match
      }
    } else if products.count == 1 {
      return products[0]
    } else if let match = products.first(where: { $0.descriptor.name == name }) {
      return match
    }
    throw .noSuchProduct(path: path, wanted: wanted ?? name, offered: products.map(\.descriptor.name))
  }
}

/// One kind of tier that a library offers: its descriptor and a host-owned copy of its vtable, in which members that an
/// older library does not have read as "not offered".
public struct TierProduct: @unchecked Sendable {
  public let descriptor: ProductDescriptor
  let vtable: UnsafePointer<chronik_tier>

  init(_ raw: chronik_tier_product) throws(Malformed) {
    descriptor = try ProductDescriptor(raw.descriptor)
    let size = Int(raw.tier.pointee.struct_size)
    let required = MemoryLayout<chronik_tier>.offset(of: \.get_extension)!
    guard size >= required else {
      throw Malformed(
        "\(descriptor.name): its tier table is \(size) bytes, ABI 1.0 has \(MemoryLayout<chronik_tier>.size)")
    }
    let copy = UnsafeMutablePointer<chronik_tier>.allocate(capacity: 1)
    let whole = MemoryLayout<chronik_tier>.size
    UnsafeMutableRawPointer(copy).initializeMemory(as: UInt8.self, repeating: 0, count: whole)
    UnsafeMutableRawPointer(copy).copyMemory(from: raw.tier, byteCount: min(size, whole))
    vtable = UnsafePointer(copy)
    try checkOffered()
  }

  /// Refuses a table that lacks what its abilities promise, before anything is called.
  private func checkOffered() throws(Malformed) {
    func isNull(_ field: PartialKeyPath<chronik_tier>) -> Bool {
      let offset = MemoryLayout<chronik_tier>.offset(of: field)!
      return UnsafeRawPointer(vtable).load(fromByteOffset: offset, as: UInt.self) == 0
    }
    var demanded: [(String, PartialKeyPath<chronik_tier>)] = [
      ("create", \.create), ("destroy", \.destroy), ("start", \.start), ("stop", \.stop),
      ("open_partition", \.open_partition), ("close_partition", \.close_partition),
      ("delete_partition", \.delete_partition), ("state", \.state), ("read", \.read),
    ]
    let abilities = descriptor.abilities
    if abilities & UInt64(CHRONIK_TIER_APPEND) != 0 {
      demanded += [("append", \.append), ("truncate", \.truncate), ("advance_start", \.advance_start)]
    }
    if abilities & UInt64(CHRONIK_TIER_DURABLE) != 0 { demanded.append(("flush", \.flush)) }
    if abilities & UInt64(CHRONIK_TIER_SEAL) != 0 {
      demanded += [("segments", \.segments), ("seal", \.seal), ("evict", \.evict)]
    }
    if abilities & UInt64(CHRONIK_TIER_IMPORT) != 0 {
      demanded += [("import_segment", \.import_segment), ("segments", \.segments), ("advance_start", \.advance_start)]
    }
    if abilities & UInt64(CHRONIK_TIER_REWRITE) != 0 {
      demanded += [("replace_segments", \.replace_segments), ("segments", \.segments)]
    }
    let missing = demanded.filter { isNull($0.1) }.map(\.0)
    guard missing.isEmpty else {
      throw Malformed(
        "\(descriptor.name): its abilities demand functions that its table lacks: \(missing.joined(separator: ", "))")
    }
  }
}
