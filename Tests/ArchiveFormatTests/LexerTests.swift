import Testing

@testable import ArchiveFormat

@Suite struct LexerTests {
  private func words(_ text: String) -> [String] {
    TokenList.of(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func asciiRunsAreFoldedTokens() {
    #expect(words("GET /orders/42?Retry=YES") == ["get", "orders", "42", "retry", "yes"])
    #expect(words("@[`{/:") == [])
    #expect(words("") == [])
    #expect(words("AZaz09") == ["azaz09"])
  }

  @Test func tokensCrossBlocksOfSixtyFourBytes() {
    for length in [1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 1000] {
      for padding in [0, 1, 60, 63, 64] {
        let text = String(repeating: " ", count: padding) + String(repeating: "Q", count: length) + " z"
        #expect(words(text) == [String(repeating: "q", count: length), "z"])
      }
    }
  }

  /// Expected values from CaseFolding.txt: statuses C and S, not F or T.
  @Test func caseFoldingIsSimple() {
    #expect(words("ÉCLAIR Straße ΣΊΣΥΦΟΣ ς ẞ K ſ İ ᾈ Ꭰ") == [
      "éclair", "straße", "σίσυφοσ", "σ", "ß", "k", "s", "İ", "ᾀ", "Ꭰ",
    ])
  }

  @Test func textWithoutSpacesBecomesPairs() {
    #expect(words("東京都 日 abc東京def") == ["東京", "京都", "日", "abc", "東京", "def"])
    #expect(words("データ。ベース") == ["デー", "ータ", "ベー", "ース"])
    #expect(words("서울시") == ["서울", "울시"])
  }

  @Test func punctuationBeyondASCIISeparates() {
    #expect(words("foo—bar “quoted” a\u{A0}b 1\u{2026}2") == ["foo", "bar", "quoted", "a", "b", "1", "2"])
  }

  @Test func bytesThatAreNotUTF8Separate() {
    let text: [UInt8] = Array("ab".utf8) + [0xFF] + Array("cd".utf8) + [0xE6, 0x9D] + Array("é".utf8) + [0xC0, 0x80]
    #expect(TokenList.of(text) == ["ab", "cd", "é"].map { Array($0.utf8) })
  }

  @Test func agreesWithTheSlowLexerOnRandomText() {
    for seed in UInt64(1)...300 {
      var random = SeededGenerator(seed: seed)
      var text: [UInt8] = []
      for _ in 0..<random.below(60) {
        text += Array(TestSegment.words[random.below(TestSegment.words.count)].utf8)
        if random.chance(70) { text.append([0x20, 0x2E, 0x00, 0x7F][random.below(4)]) }
        if random.chance(5) { text.append(UInt8(random.below(256))) }
      }
      // U+0130 and other letters whose mappings differ cannot arise from single random bytes.
      #expect(TokenList.of(text) == ReferenceLexer.tokens(text), "seed \(seed)")
    }
  }
}
