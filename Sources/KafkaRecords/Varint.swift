/// The variable-length integers inside records: zigzag (0, −1, 1, −2 … become 0, 1, 2, 3 …), then seven bits per byte,
/// least significant first, top bit set on all but the last byte. At most 5 bytes for 32 bits, 10 for 64.
///
/// Reading refuses a number that does not end within those bytes or has bits beyond its width. It accepts padding with
/// zero bits inside them (0x80 0x00), because Kafka does; writing always uses the fewest bytes.
public enum Varint {
  public enum Failure: Error, Equatable {
    case truncated
    case overlong
  }

  /// The most bytes a 32-bit and a 64-bit number take.
  public static let byteCountMax32 = 5
  public static let byteCountMax64 = 10

  /// Bytes that `write` uses for `value`, 1…10. Numbers of 32 bits take the same bytes in both widths.
  @inlinable
  public static func byteCount(_ value: Int64) -> Int {
    let significant = 64 - (zigzag(value) | 1).leadingZeroBitCount
    return (significant + 6) / 7
  }

  @inlinable
  public static func byteCount(_ value: Int) -> Int { byteCount(Int64(value)) }

  /// Writes `value` and returns the bytes used. `target` must have room for `byteCount(value)` bytes.
  @inlinable
  public static func write(_ value: Int64, to target: UnsafeMutableRawPointer) -> Int {
    var rest = zigzag(value)
    var position = 0
    while rest >= 0x80 {
      target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: position, as: UInt8.self)
      rest >>= 7
      position += 1
    }
    target.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: position, as: UInt8.self)
    return position + 1
  }

  /// Reads a 32-bit number at `position` and moves `position` behind it; on failure `position` is unspecified.
  @inlinable
  public static func read32(_ bytes: UnsafeRawBufferPointer, at position: inout Int) throws(Failure) -> Int32 {
    guard position < bytes.count else { throw .truncated }
    let first = bytes[position]
    if first < 0x80 {
      position += 1
      return Int32(unzigzag(UInt64(first)))
    }
    let raw = try readLong(bytes, at: &position, byteCountMax: byteCountMax32)
    guard raw <= UInt64(UInt32.max) else { throw .overlong }
    return Int32(truncatingIfNeeded: unzigzag(raw))
  }

  /// Reads a 64-bit number at `position` and moves `position` behind it; on failure `position` is unspecified.
  @inlinable
  public static func read64(_ bytes: UnsafeRawBufferPointer, at position: inout Int) throws(Failure) -> Int64 {
    guard position < bytes.count else { throw .truncated }
    let first = bytes[position]
    if first < 0x80 {
      position += 1
      return unzigzag(UInt64(first))
    }
    return unzigzag(try readLong(bytes, at: &position, byteCountMax: byteCountMax64))
  }

  @usableFromInline
  static func readLong(
    _ bytes: UnsafeRawBufferPointer, at position: inout Int, byteCountMax: Int
  ) throws(Failure) -> UInt64 {
    var raw: UInt64 = 0
    for index in 0..<byteCountMax {
      guard position < bytes.count else { throw .truncated }
      let byte = bytes[position]
      position += 1
      // The tenth byte has room for one bit only.
      if index == byteCountMax64 - 1, byte > 1 { throw .overlong }
      raw |= UInt64(byte & 0x7F) << UInt64(7 * index)
      if byte < 0x80 { return raw }
    }
    throw .overlong
  }

  @inlinable
  static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }

  @inlinable
  static func unzigzag(_ raw: UInt64) -> Int64 { Int64(bitPattern: (raw >> 1)) ^ -Int64(bitPattern: raw & 1) }
}
