/// The hash of keys and long tokens, fixed by the format: 64 bits, not for hostile tables.
package enum H64 {
  private static let seed: UInt64 = 0x9E37_79B9_7F4A_7C15
  private static let word: UInt64 = 0xA076_1D64_78BD_642F
  private static let tail: UInt64 = 0xE703_7ED1_A0B4_28DB

  @inline(__always)
  static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.low ^ product.high
  }

  /// Words of 8 bytes, little-endian, then a zero-padded tail, which also runs when nothing is left.
  package static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var h = seed ^ UInt64(bytes.count)
    var position = 0
    while bytes.count - position >= 8 {
      let v = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      h = mix(h ^ v, word)
      position += 8
    }
    var v: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.count {
      v |= UInt64(bytes[position]) << shift
      shift += 8
      position += 1
    }
    return mix(h ^ v, tail)
  }
}
