/// Why bytes of the index cannot be read.
struct IndexDefect: Error {}

/// Writes numbers and counted strings. Integers are little-endian, `vi` is unsigned LEB128.
struct IndexOutput {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ raw: [UInt8]) { bytes += raw }
  mutating func append(_ byte: UInt8) { bytes.append(byte) }

  mutating func append<T: FixedWidthInteger>(fixed value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(vi value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func append(counted raw: some Collection<UInt8>) {
    append(vi: UInt64(raw.count))
    bytes.append(contentsOf: raw)
  }
}

/// Reads what `IndexOutput` wrote. Every length is compared with the bytes left before it is used.
struct IndexInput {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  var remaining: Int { bytes.endIndex - position }

  mutating func take(_ count: Int) throws(IndexDefect) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else { throw IndexDefect() }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func byte() throws(IndexDefect) -> UInt8 { try take(1).first! }

  mutating func fixed<T: FixedWidthInteger>(_ type: T.Type) throws(IndexDefect) -> T {
    let raw = try take(MemoryLayout<T>.size)
    return raw.reversed().reduce(T.zero) { $0 << 8 | T(truncatingIfNeeded: $1) }
  }

  mutating func vi() throws(IndexDefect) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try byte()
      if shift == 63, byte > 1 { throw IndexDefect() }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw IndexDefect()
  }

  mutating func counted() throws(IndexDefect) -> ArraySlice<UInt8> {
    let count = try vi()
    guard count <= UInt64(remaining) else { throw IndexDefect() }
    return try take(Int(count))
  }
}
