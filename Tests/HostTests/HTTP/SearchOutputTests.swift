import Testing

@testable import Host

@Suite("What chronik search prints")
struct SearchOutputTests {
  @Test("words of a query are found, whatever signs stand around them; excluded ones are not")
  func words() {
    #expect(
      QueryWords.wanted(in: #"+timeout -retry "connection reset" level:error -"not this""#) == [
        "connection", "error", "reset", "timeout",
      ])
    #expect(QueryWords.wanted(in: "").isEmpty)
    #expect(QueryWords.wanted(in: "\"open").contains("open"))
  }

  @Test("nothing in a record moves the terminal's cursor or turns text around")
  func control() {
    #expect(SearchPrinter.text(Array("a\u{1B}[2J\u{9B}\u{202E}\t\n\\".utf8)) == "a\\u{1b}[2J\\u{9b}\\u{202e}\\t\\n\\\\")
    #expect(SearchPrinter.text([0xFF, 0x00]) == "base64:/wA=")
    #expect(SearchPrinter.text(nil) == nil)
    #expect(SearchPrinter.text(Array("ünïcode 😀".utf8)) == "ünïcode 😀")
  }

  @Test("sizes are said in the largest unit that fits")
  func sizes() {
    #expect(SearchTally.size(0) == "0 B" && SearchTally.size(1023) == "1023 B")
    #expect(SearchTally.size(1536) == "1.5 KiB" && SearchTally.size(3 << 30) == "3.0 GiB")
  }
}
