import TierAPI

/// One kind of object store that a library offers: its descriptor and a host-owned copy of its vtable, in which members
/// that an older library does not have read as "not offered".
public struct StoreProduct: @unchecked Sendable {
  public let descriptor: ProductDescriptor
  let vtable: UnsafePointer<chronik_object_store>

  init(_ raw: chronik_object_store_product) throws(Malformed) {
    descriptor = try ProductDescriptor(raw.descriptor)
    let size = Int(raw.store.pointee.struct_size)
    let whole = MemoryLayout<chronik_object_store>.size
    let required = MemoryLayout<chronik_object_store>.offset(of: \.get_extension)!
    guard size >= required else {
      throw Malformed("\(descriptor.name): its object store table is \(size) bytes, ABI 1.0 has \(whole)")
    }
    let copy = UnsafeMutablePointer<chronik_object_store>.allocate(capacity: 1)
    UnsafeMutableRawPointer(copy).initializeMemory(as: UInt8.self, repeating: 0, count: whole)
    UnsafeMutableRawPointer(copy).copyMemory(from: raw.store, byteCount: min(size, whole))
    copy.pointee.struct_size = UInt32(min(size, whole))
    vtable = UnsafePointer(copy)
    try checkOffered()
  }

  /// Refuses a table with an empty slot, before anything is called: every function of a store is demanded.
  private func checkOffered() throws(Malformed) {
    let demanded: [(String, PartialKeyPath<chronik_object_store>)] = [
      ("create", \.create), ("destroy", \.destroy), ("start", \.start), ("stop", \.stop), ("put", \.put),
      ("read", \.read), ("head", \.head), ("list", \.list), ("remove", \.remove),
    ]
    let missing = demanded.filter { field in
      let offset = MemoryLayout<chronik_object_store>.offset(of: field.1)!
      return UnsafeRawPointer(vtable).load(fromByteOffset: offset, as: UInt.self) == 0
    }.map(\.0)
    guard missing.isEmpty else {
      throw Malformed("\(descriptor.name): its object store table lacks: \(missing.joined(separator: ", "))")
    }
  }
}
