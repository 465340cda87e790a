#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// malloc and realloc for memory of many megabytes that is written once and soon given back. Large blocks are asked to
/// be made of huge pages where the system has them: an index under construction is read and written all over, and small
/// pages cost it a fifth of its time in faults and address translation.
enum RawMemory {
  private static let largeByteCount = 2 << 20
  private static let pageByteCount: UInt = 4096

  static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer { prepare(malloc(byteCount), byteCount) }

  /// Keeps the content up to the smaller size. `memory` is gone afterwards.
  static func resize(_ memory: UnsafeMutableRawPointer, to byteCount: Int) -> UnsafeMutableRawPointer {
    prepare(realloc(memory, byteCount), byteCount)
  }

  static func release(_ memory: UnsafeMutableRawPointer) { free(memory) }

  private static func prepare(_ memory: UnsafeMutableRawPointer?, _ byteCount: Int) -> UnsafeMutableRawPointer {
    guard let memory else { preconditionFailure("out of memory") }
    #if os(Linux)
      if byteCount >= largeByteCount {
        let address = UInt(bitPattern: memory)
        let start = address & ~(pageByteCount - 1)
        // Only a hint; a system without huge pages refuses it and nothing is lost.
        madvise(UnsafeMutableRawPointer(bitPattern: start), byteCount, MADV_HUGEPAGE)
      }
    #endif
    return memory
  }
}
