// Text to tokens, analyzer version 1.
//
// A run is as many bytes as possible of [A-Za-z0-9] or ≥ 0x80. A run of ASCII is a token, letters folded to lower case.
// Any other run goes through Lexer+UTF8.swift: decoded, simple case folding, split at separators, CJK text as bigrams.
// No stop words, no stemming, no length limit.
//
// Sixty-four bytes at a time become a bit mask of token bytes and a lower-cased copy; runs are found by counting
// trailing zeros. Arithmetic on UInt64, eight bytes at once: SIMD types are taken apart by the compiler here.

/// Takes the tokens of a text in order.
protocol TokenSink: ~Copyable {
  /// `token` is folded and valid during the call; 16 bytes can be read there however short it is.
  mutating func take(token: UnsafePointer<UInt8>, count: Int)
}

/// Memory for lexing; reused from text to text. Not for use by several threads.
final class Lexer {
  /// The text with ASCII folded, and room to read and write beyond its end.
  private var folded: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// For runs beyond ASCII.
  let slow = WideRunLexer()

  private static let block = 64
  /// A block is written whole, and sinks read 16 bytes from the last token.
  private static let slack = 2 * block

  init() {
    capacity = 16 * 1024
    folded = .allocate(capacity: capacity)
    folded.initialize(repeating: 0, count: capacity)
  }

  deinit { folded.deallocate() }

  /// Calls `sink` for every token of `text`.
  @inline(__always)
  func lex<Sink: TokenSink & ~Copyable>(_ text: UnsafeRawBufferPointer, into sink: inout Sink) {
    guard let source = text.baseAddress, text.count > 0 else { return }
    let count = text.count
    if count + Self.slack > capacity { grow(count + Self.slack) }
    let folded = self.folded
    var runStart = -1
    var runIsWide = false
    var position = 0
    while position < count {
      let width = min(Self.block, count - position)
      let (mask, wide) = Self.classify(source + position, count: width, into: folded + position)
      var rest = mask
      if runStart >= 0 {
        let length = (~rest).trailingZeroBitCount
        if wide & Self.low(length) != 0 { runIsWide = true }
        if length == 64 {
          position += 64
          continue
        }
        emit(folded + runStart, position + length - runStart, runIsWide, &sink)
        runStart = -1
        rest &= ~Self.low(length)
      }
      while rest != 0 {
        let start = rest.trailingZeroBitCount
        let length = (~(rest >> UInt64(start))).trailingZeroBitCount
        let bits = Self.low(length) << UInt64(start)
        if start + length >= 64 {
          runStart = position + start
          runIsWide = wide & bits != 0
          break
        }
        emit(folded + position + start, length, wide & bits != 0, &sink)
        rest &= ~bits
      }
      position += 64
    }
    if runStart >= 0 { emit(folded + runStart, count - runStart, runIsWide, &sink) }
  }

  @inline(__always)
  private func emit<Sink: TokenSink & ~Copyable>(
    _ run: UnsafeMutablePointer<UInt8>, _ count: Int, _ isWide: Bool, _ sink: inout Sink
  ) {
    if isWide {
      slow.lex(UnsafeBufferPointer(start: run, count: count), into: &sink)
    } else {
      sink.take(token: UnsafePointer(run), count: count)
    }
  }

  /// The lowest `count` bits, all of them for 64.
  @inline(__always)
  private static func low(_ count: Int) -> UInt64 { count >= 64 ? ~0 : (1 << UInt64(count)) &- 1 }

  /// Folds up to 64 bytes into `target` (64 bytes are writable there) and says which are token bytes and which of those
  /// are ≥ 0x80; bit i stands for byte i.
  @inline(__always)
  private static func classify(
    _ source: UnsafeRawPointer, count: Int, into target: UnsafeMutablePointer<UInt8>
  ) -> (tokens: UInt64, wide: UInt64) {
    var tokens: UInt64 = 0
    var wide: UInt64 = 0
    let target = UnsafeMutableRawPointer(target)
    var index = 0
    while index < count {
      var word: UInt64 = 0
      if count - index >= 8 {
        word = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      } else {
        for tail in index..<count {
          word |= UInt64(source.load(fromByteOffset: tail, as: UInt8.self)) << UInt64(8 * (tail - index))
        }
      }
      let top = word & 0x8080_8080_8080_8080
      let seven = word & 0x7F7F_7F7F_7F7F_7F7F
      let lower = seven | 0x2020_2020_2020_2020
      // Adding 0x80 − x to seven bits sets the top bit from x on; no sum leaves its byte.
      let letter = (lower &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(lower &+ 0x0505_0505_0505_0505) & ~top
      let digit = (seven &+ 0x5050_5050_5050_5050) & ~(seven &+ 0x4646_4646_4646_4646)
      let isLetter = letter & 0x8080_8080_8080_8080
      let isToken = isLetter | (digit & 0x8080_8080_8080_8080) | top
      target.storeBytes(of: (word | (isLetter >> 2)).littleEndian, toByteOffset: index, as: UInt64.self)
      tokens |= Self.gather(isToken) << UInt64(index)
      if top != 0 { wide |= Self.gather(top) << UInt64(index) }
      index += 8
    }
    return (tokens, wide)
  }

  /// The top bits of eight bytes, as eight bits.
  @inline(__always)
  private static func gather(_ tops: UInt64) -> UInt64 { ((tops >> 7) &* 0x0102_0408_1020_4080) >> 56 }

  @inline(never)
  private func grow(_ byteCount: Int) {
    folded.deallocate()
    capacity = max(byteCount, 2 * capacity)
    folded = .allocate(capacity: capacity)
    folded.initialize(repeating: 0, count: capacity)
  }
}
