/// Reads borrowed bytes from the front. Every length is compared with the bytes left before it is used; what does not
/// fit throws `InputDefect`, which the caller turns into an error that names its part of the object.
struct InputDefect: Error {}

struct ByteInput {
  let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  mutating func take(_ count: Int) throws(InputDefect) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else { throw InputDefect() }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  mutating func rest() -> UnsafeRawBufferPointer {
    defer { position = bytes.count }
    return UnsafeRawBufferPointer(rebasing: bytes[position...])
  }

  mutating func byte() throws(InputDefect) -> UInt8 {
    guard position < bytes.count else { throw InputDefect() }
    defer { position += 1 }
    return bytes[position]
  }

  /// Little-endian.
  mutating func fixed<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(InputDefect) -> T {
    guard remaining >= MemoryLayout<T>.size else { throw InputDefect() }
    defer { position += MemoryLayout<T>.size }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
  }

  mutating func vi() throws(InputDefect) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < bytes.count, shift < 64 else { throw InputDefect() }
      let byte = bytes[position]
      position += 1
      if shift == 63, byte > 1 { throw InputDefect() }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  /// A `vi` that is a number up to `limit`.
  mutating func vi(upTo limit: Int) throws(InputDefect) -> Int {
    let value = try vi()
    guard value <= UInt64(limit) else { throw InputDefect() }
    return Int(value)
  }

  mutating func zz() throws(InputDefect) -> Int64 {
    let raw = try vi()
    return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
  }

  /// How many things follow, when each takes `byteCountMin` bytes at least.
  mutating func elementCount(byteCountMin: Int) throws(InputDefect) -> Int {
    let count = try vi()
    guard count <= UInt64(remaining / byteCountMin) else { throw InputDefect() }
    return Int(count)
  }

  /// A length and as many bytes.
  mutating func counted() throws(InputDefect) -> UnsafeRawBufferPointer {
    try take(vi(upTo: remaining))
  }
}
