/// NORM: one zstd frame of `docs` bytes, each a document's token count c: c itself below 64, else
/// min(255, 64 + ⌊16·log2(c / 64)⌋).
enum Norms {
  /// The byte for a token count. In whole numbers, so that every machine agrees: a count is in step s when its
  /// sixteenth power is at least 2^(96 + s), which the bounds below have worked out.
  static func quantise(_ count: Int) -> UInt8 {
    if count < 64 { return UInt8(count) }
    var low = 0
    var high = bounds.count
    while low < high {
      let middle = (low + high) / 2
      if bounds[middle] <= count { low = middle + 1 } else { high = middle }
    }
    return UInt8(63 + low)
  }

  /// The token count that a byte stands for in ranking.
  static func tokenCount(_ norm: UInt8) -> Double { values[Int(norm)] }

  /// `bounds[s]` is the smallest count with the byte 64 + s.
  private static let bounds: [Int] = (0...191).map { step in
    var octave = 64 << (step / 16)
    if step % 16 != 0 { octave = smallest(step: step % 16, octave: octave) }
    return octave
  }

  /// The smallest c with 16·log2(c / octave) ≥ step, 1 ≤ step ≤ 15: the root in sixteenths, corrected by one if needed.
  private static func smallest(step: Int, octave: Int) -> Int { Int((Double(octave) * roots[step]).rounded(.up)) }

  /// 2^(s/16). None times a power of two from 64 on comes near a whole number at this precision.
  private static let roots: [Double] = {
    var root = 2.0
    for _ in 0..<4 { root = root.squareRoot() }
    return (0..<16).map { step in (0..<step).reduce(1.0) { product, _ in product * root } }
  }()

  private static let values: [Double] = (0...255).map { norm in
    if norm < 64 { return Double(norm) }
    let step = norm - 64
    return Double(64 << (step / 16)) * roots[step % 16]
  }
}
