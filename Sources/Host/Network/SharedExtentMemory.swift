@_spi(CustomByteBufferAllocator) import NIOCore
import NIOConcurrencyHelpers
import PluginLoader

/// Lends the memory of a tier's extent to NIO as a `ByteBuffer` without copying it.
///
/// NIO frees such a buffer through a C function that gets the address and nothing else, so the extents on loan are kept
/// in a table by address. The same address may be on loan several times; each return gives one extent back, and all of
/// them hold a reference to the same bytes.
enum SharedExtentMemory {
  /// By address of the first byte.
  private static let loans = NIOLockedValueBox<[UInt: [Extent]]>([:])

  /// A read-only view: writing to the buffer would write to the tier's memory.
  static func buffer(over extent: Extent) -> ByteBuffer {
    guard let start = extent.memory.baseAddress, extent.byteCount > 0 else { return ByteBuffer() }
    let memory = UnsafeMutableRawBufferPointer(mutating: UnsafeRawBufferPointer(start: start, count: extent.byteCount))
    let address = memory.baseAddress!
    loans.withLockedValue { $0[UInt(bitPattern: address), default: []].append(extent) }
    return ByteBuffer(takingOwnershipOf: memory, allocator: allocator)
  }

  private static let allocator = ByteBufferAllocator(
    allocate: { _ in preconditionFailure("a loan never grows") },
    reallocate: { _, _, _ in preconditionFailure("a loan never grows") },
    deallocate: { SharedExtentMemory.giveBack($0) },
    copy: { $0.copyMemory(from: $1, byteCount: $2) })

  private static func giveBack(_ address: UnsafeMutableRawPointer) {
    let returned = loans.withLockedValue { table -> Extent? in
      let key = UInt(bitPattern: address)
      let extent = table[key]?.popLast()
      if table[key]?.isEmpty == true { table[key] = nil }
      return extent
    }
    // Released outside the lock: the release runs a plugin's code.
    withExtendedLifetime(returned) {}
  }
}
