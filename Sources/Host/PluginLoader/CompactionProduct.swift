import TierAPI

/// One compaction strategy that a library offers: its descriptor and a host-owned copy of its vtable, in which members
/// that an older library does not have read as "not offered".
public struct CompactionProduct: @unchecked Sendable {
  public let descriptor: ProductDescriptor
  let vtable: UnsafePointer<chronik_compaction>

  init(_ raw: chronik_compaction_product) throws(Malformed) {
    descriptor = try ProductDescriptor(raw.descriptor)
    let size = Int(raw.strategy.pointee.struct_size)
    let whole = MemoryLayout<chronik_compaction>.size
    // Everything of ABI 1.0 but the functions that only REWRITE needs.
    guard size >= MemoryLayout<chronik_compaction>.offset(of: \.begin)! else {
      throw Malformed("\(descriptor.name): its strategy table is \(size) bytes, ABI 1.0 has \(whole)")
    }
    let copy = UnsafeMutablePointer<chronik_compaction>.allocate(capacity: 1)
    UnsafeMutableRawPointer(copy).initializeMemory(as: UInt8.self, repeating: 0, count: whole)
    UnsafeMutableRawPointer(copy).copyMemory(from: raw.strategy, byteCount: min(size, whole))
    vtable = UnsafePointer(copy)
    try checkOffered()
  }

  public func has(_ ability: UInt64) -> Bool { descriptor.abilities & ability != 0 }

  private func checkOffered() throws(Malformed) {
    var demanded: [(String, PartialKeyPath<chronik_compaction>)] = [
      ("create", \.create), ("destroy", \.destroy), ("plan", \.plan),
    ]
    if has(CHRONIK_COMPACTION_REWRITE) {
      demanded += [("begin", \.begin), ("observe", \.observe), ("rewrite", \.rewrite), ("finish", \.finish)]
    }
    let missing = demanded.filter { field in
      let offset = MemoryLayout<chronik_compaction>.offset(of: field.1)!
      return UnsafeRawPointer(vtable).load(fromByteOffset: offset, as: UInt.self) == 0
    }.map(\.0)
    guard missing.isEmpty else {
      throw Malformed(
        "\(descriptor.name): its abilities demand functions that its table lacks: \(missing.joined(separator: ", "))")
    }
  }
}
