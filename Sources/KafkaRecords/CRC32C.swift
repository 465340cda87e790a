public import CCRC32C

/// CRC-32C (Castagnoli), the checksum of a record batch. Runs on the fastest instructions the processor has.
///
/// Thread-safe, allocates nothing, never fails.
public enum CRC32C {
  /// The checksum of `bytes`; 0 for no bytes.
  @inlinable
  public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    ccrc32c_extend(0, bytes.baseAddress, bytes.count)
  }

  /// Continues a checksum: `crc` is the result for the bytes before `bytes`, 0 when there are none.
  @inlinable
  public static func extend(_ crc: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    ccrc32c_extend(crc, bytes.baseAddress, bytes.count)
  }

  /// The checksum of A followed by B, from the checksums of both and the length of B in bytes.
  public static func combine(_ a: UInt32, _ b: UInt32, byteCountOfB: Int) -> UInt32 {
    precondition(byteCountOfB >= 0)
    return ccrc32c_combine(a, b, UInt64(byteCountOfB))
  }
}
