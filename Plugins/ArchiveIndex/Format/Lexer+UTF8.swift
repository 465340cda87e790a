/// Runs with bytes beyond ASCII. The bytes arrive with ASCII folded.
///
/// Well-formed UTF-8 is folded by `CaseFolding` and sorted by `CharacterClass`; letters next to each other form a
/// token, neighbouring bigram characters form a token per pair (one alone forms a token), and a change between both
/// ends the token. A byte that is not part of well-formed UTF-8 separates.
final class WideRunLexer {
  private var output: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private static let slack = 32

  init() {
    capacity = 1024
    output = .allocate(capacity: capacity)
    output.initialize(repeating: 0, count: capacity)
  }

  deinit { output.deallocate() }

  func lex<Sink: TokenSink & ~Copyable>(_ run: UnsafeBufferPointer<UInt8>, into sink: inout Sink) {
    // Folding makes two bytes three at most, and a pair is moved to the front before it is emitted.
    let needed = run.count * 2 + Self.slack
    if needed > capacity { grow(needed) }
    var state = State.between
    var count = 0
    /// Bytes of the last bigram character, which stand at the front of `output`.
    var previous = 0
    var position = 0
    while position < run.count {
      let (scalar, length) = Self.decode(run, position)
      position += length
      let kind: CharacterClass
      if let scalar { kind = scalar < 0x80 ? .letter : CharacterClass(scalar) } else { kind = .separator }
      if state == .letters, kind != .letter {
        sink.take(token: UnsafePointer(output), count: count)
      } else if state == .single, kind != .bigram {
        sink.take(token: UnsafePointer(output), count: previous)
      }
      switch kind {
      case .separator:
        state = .between
      case .letter:
        if state != .letters { count = 0 }
        count += Self.encode(CaseFolding.fold(scalar!), output + count)
        state = .letters
      case .bigram:
        let inPair = state == .single || state == .pairs
        if !inPair { previous = 0 }
        let added = Self.encode(scalar!, output + previous)
        if inPair {
          sink.take(token: UnsafePointer(output), count: previous + added)
          for index in 0..<added { output[index] = output[previous + index] }
        }
        previous = added
        state = inPair ? .pairs : .single
      }
    }
    if state == .letters { sink.take(token: UnsafePointer(output), count: count) }
    if state == .single { sink.take(token: UnsafePointer(output), count: previous) }
  }

  private enum State {
    /// Nothing is pending.
    case between
    /// `output` holds the letters of a token.
    case letters
    /// `output` holds one bigram character that no pair was made of yet.
    case single
    /// `output` holds the last character of a pair.
    case pairs
  }

  /// The scalar value at `position` and its length; nil and 1 for a byte that starts no well-formed sequence.
  private static func decode(_ run: UnsafeBufferPointer<UInt8>, _ position: Int) -> (UInt32?, Int) {
    let first = run[position]
    if first < 0x80 { return (UInt32(first), 1) }
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
    guard first >= 0xC2, first <= 0xF4, position + length <= run.count else { return (nil, 1) }
    var scalar = UInt32(first) & (0xFF >> UInt32(length + 1))
    for index in 1..<length {
      let byte = run[position + index]
      guard byte & 0xC0 == 0x80 else { return (nil, 1) }
      scalar = scalar << 6 | UInt32(byte & 0x3F)
    }
    let isLongForm = length == 3 && scalar < 0x800 || length == 4 && scalar < 0x10000
    let isSurrogate = (0xD800...0xDFFF).contains(scalar)
    guard !isLongForm, !isSurrogate, scalar <= 0x10FFFF else { return (nil, 1) }
    return (scalar, length)
  }

  /// Writes `scalar` as UTF-8 and returns the bytes used, 1…4.
  private static func encode(_ scalar: UInt32, _ target: UnsafeMutablePointer<UInt8>) -> Int {
    if scalar < 0x80 {
      target[0] = UInt8(scalar)
      return 1
    }
    let length = scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4
    var rest = scalar
    for index in stride(from: length - 1, to: 0, by: -1) {
      target[index] = 0x80 | UInt8(rest & 0x3F)
      rest >>= 6
    }
    target[0] = UInt8(truncatingIfNeeded: (0xF00 >> UInt32(length)) & 0xFF) | UInt8(rest)
    return length
  }

  private func grow(_ byteCount: Int) {
    output.deallocate()
    capacity = max(byteCount, 2 * capacity)
    output = .allocate(capacity: capacity)
    output.initialize(repeating: 0, count: capacity)
  }
}
