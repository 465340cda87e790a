/// How the lexer sees a scalar value beyond ASCII. Part of analyzer version 1.
enum CharacterClass {
  /// Belongs to a token.
  case letter
  /// Written without spaces between words: indexed as pairs of neighbours.
  case bigram
  /// Punctuation, space or symbol: between tokens.
  case separator

  init(_ scalar: UInt32) {
    if Self.contains(Self.separators, scalar) {
      self = .separator
    } else {
      self = Self.contains(Self.bigrams, scalar) ? .bigram : .letter
    }
  }

  private static func contains(_ ranges: [ClosedRange<UInt32>], _ scalar: UInt32) -> Bool {
    for range in ranges where scalar <= range.upperBound { return scalar >= range.lowerBound }
    return false
  }

  /// Latin-1 controls and punctuation, general punctuation, arrows to symbols, CJK punctuation, full-width punctuation,
  /// the replacement character. Ascending.
  private static let separators: [ClosedRange<UInt32>] = [
    0x80...0xA9, 0xAB...0xB4, 0xB6...0xB9, 0xBB...0xBF, 0xD7...0xD7, 0xF7...0xF7, 0x2000...0x206F, 0x2190...0x2BFF,
    0x3000...0x3004, 0x3008...0x3020, 0x3030...0x3030, 0x30FB...0x30FB, 0xFE10...0xFE1F, 0xFE30...0xFE6F,
    0xFEFF...0xFEFF, 0xFF01...0xFF0F, 0xFF1A...0xFF20, 0xFF3B...0xFF40, 0xFF5B...0xFF65, 0xFFF0...0xFFFF,
  ]

  /// Han, Hiragana, Katakana, Hangul syllables. Ascending.
  private static let bigrams: [ClosedRange<UInt32>] = [
    0x3005...0x3007, 0x3040...0x30FF, 0x31F0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7AF,
    0xF900...0xFAFF, 0xFF66...0xFF9F, 0x20000...0x3FFFF,
  ]
}
