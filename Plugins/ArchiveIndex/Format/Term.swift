/// A term of the dictionary: 1…16 bytes, zero-padded, as two big-endian numbers, so that comparing numbers compares
/// bytes.
///
///   a token of ≤ 16 bytes    its bytes
///   a longer token           its first 8 bytes, then the low 32 bits of its H64, little-endian; bit 31 set if the top
///                            byte would be 0
///   an exact key             0x01, then the low 40 bits of the key's H64, little-endian. No token has a byte < 0x30
public struct Term: Hashable, Comparable, Sendable, BitwiseCopyable {
  var high: UInt64
  var low: UInt64

  static let byteCountMax = 16
  private static let keyPrefix: UInt64 = 1 << 56
  static let keyHashMask: UInt64 = (1 << 40) - 1

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The term of a folded token. 16 bytes must be readable at `token`, however short it is.
  @inline(__always)
  init(token: UnsafePointer<UInt8>, count: Int) {
    let raw = UnsafeRawPointer(token)
    let first = UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self))
    if count <= 8 {
      high = first & (~0 << UInt64(64 - 8 * count))
      low = 0
    } else if count <= Self.byteCountMax {
      high = first
      low = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      low &= ~0 << UInt64(128 - 8 * count)
    } else {
      var hash = UInt32(truncatingIfNeeded: H64.hash(UnsafeRawBufferPointer(start: raw, count: count)))
      if hash >> 24 == 0 { hash |= 0x8000_0000 }
      high = first
      low = UInt64(hash.byteSwapped) << 32
    }
  }

  /// The term of a key with this H64.
  @inline(__always)
  init(keyHash: UInt64) {
    high = Self.keyPrefix | ((keyHash & Self.keyHashMask).byteSwapped >> 8)
    low = 0
  }

  /// A term, or a separator between terms, of up to 16 bytes.
  init(bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= Self.byteCountMax)
    high = 0
    low = 0
    for (index, byte) in bytes.enumerated() {
      if index < 8 {
        high |= UInt64(byte) << UInt64(56 - 8 * index)
      } else {
        low |= UInt64(byte) << UInt64(120 - 8 * index)
      }
    }
  }

  @inline(__always)
  var isKey: Bool { high >> 56 == 1 }

  /// The hash bits an exact key's term carries.
  var keyHashLow40: UInt64 { ((high & ~Self.keyPrefix) << 8).byteSwapped & Self.keyHashMask }

  @inline(__always)
  var byteCount: Int {
    if isKey { return 6 }
    return low == 0 ? 8 - high.trailingZeroBitCount / 8 : 16 - low.trailingZeroBitCount / 8
  }

  @inline(__always)
  func byte(_ index: Int) -> UInt8 {
    index < 8
      ? UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
      : UInt8(truncatingIfNeeded: low >> UInt64(120 - 8 * index))
  }

  /// How many leading bytes both have in common, the zeros behind a shorter one counted; 16 for equal terms.
  @inline(__always)
  func sharedByteCount(with other: Term) -> Int {
    let difference = high ^ other.high
    if difference != 0 { return difference.leadingZeroBitCount / 8 }
    return 8 + (low ^ other.low).leadingZeroBitCount / 8
  }

  @inline(__always)
  public static func < (a: Term, b: Term) -> Bool { a.high != b.high ? a.high < b.high : a.low < b.low }
}
