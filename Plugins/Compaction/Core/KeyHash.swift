/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein), keyed anew for every run.
///
/// Two keys with the same hash would be taken for one and lose a record, so the width and the secret key matter: with
/// 128 bits nobody meets a collision by chance, and nobody who writes keys can look for one.
struct KeyHash: Sendable {
  let k0: UInt64
  let k1: UInt64

  struct Value: Hashable, Sendable {
    var high: UInt64
    var low: UInt64
  }

  private struct State {
    var v0: UInt64
    var v1: UInt64
    var v2: UInt64
    var v3: UInt64

    @inline(__always)
    mutating func round() {
      v0 = v0 &+ v1
      v1 = (v1 << 13 | v1 >> 51) ^ v0
      v0 = v0 << 32 | v0 >> 32
      v2 = v2 &+ v3
      v3 = (v3 << 16 | v3 >> 48) ^ v2
      v0 = v0 &+ v3
      v3 = (v3 << 21 | v3 >> 43) ^ v0
      v2 = v2 &+ v1
      v1 = (v1 << 17 | v1 >> 47) ^ v2
      v2 = v2 << 32 | v2 >> 32
    }

    @inline(__always)
    mutating func absorb(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }

    @inline(__always)
    mutating func finish() -> UInt64 {
      for _ in 0..<4 { round() }
      return v0 ^ v1 ^ v2 ^ v3
    }
  }

  func hash(_ bytes: UnsafeRawBufferPointer) -> Value {
    var state = State(
      v0: k0 ^ 0x736f_6d65_7073_6575, v1: k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee, v2: k0 ^ 0x6c79_6765_6e65_7261,
      v3: k1 ^ 0x7465_6462_7974_6573)
    let whole = bytes.count & ~7
    for at in stride(from: 0, to: whole, by: 8) {
      state.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
    }
    var last = UInt64(truncatingIfNeeded: bytes.count) << 56
    for at in whole..<bytes.count { last |= UInt64(bytes[at]) << UInt64(8 * (at - whole)) }
    state.absorb(last)
    state.v2 ^= 0xee
    let low = state.finish()
    state.v1 ^= 0xdd
    return Value(high: state.finish(), low: low)
  }
}
