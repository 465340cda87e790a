import Testing

@testable import ArchiveFormat

@Suite struct QueryTests {
  private func phrase(_ words: String...) -> Query.Condition { .phrase(words.map { Array($0.utf8) }) }

  @Test func clausesOfEveryKind() throws {
    let text = #"Error "Connection  lost" +foo-bar -debug key:user-1 key:"a b\"c" header.Trace-Id:7F level:WARN *"#
    let query = try Query(parsing: text)
    #expect(
      query.clauses == [
        .init(.must, phrase("error")), .init(.must, phrase("connection", "lost")), .init(.must, phrase("foo", "bar")),
        .init(.mustNot, phrase("debug")), .init(.must, .key(Array("user-1".utf8))),
        .init(.must, .key(Array("a b\"c".utf8))),
        .init(.must, .header(name: Array("Trace-Id".utf8), [Array("7f".utf8)])),
        .init(.must, phrase("level", "warn")), .init(.must, .all),
      ])
    #expect(try Query(parsing: "a +b", plain: .should).clauses.map(\.occurrence) == [.should, .must])
    #expect(try Query(parsing: "https://x.org/y").clauses == [.init(.must, phrase("https", "x", "org", "y"))])
  }

  @Test(arguments: [
    ("", 0, QueryError.Defect.empty), ("   ", 0, .empty), ("-a", 0, .onlyExclusions), ("a \"b", 2, .unterminatedQuote),
    ("a ...", 2, .noWord), ("key:", 3, .missingValue), ("a header.:b", 9, .missingHeaderName),
    ("a + b", 2, .missingClause),
    ("level: x", 5, .missingValue), (String(repeating: "a ", count: 65), 128, .tooManyWords),
    (String(repeating: "a", count: 20_000), 16_384, .tooLong),
  ])
  func errorsHaveAPosition(text: String, position: Int, defect: QueryError.Defect) {
    #expect(throws: QueryError(position: position, defect: defect)) { try Query(parsing: text) }
  }

  @Test func randomTextIsAQueryOrAnError() {
    let pieces = ["\"", "+", "-", ":", "*", "key", "header.", " ", "\\", "a", "é", "東京", "\u{0}", "x y"]
    for seed in UInt64(1)...2000 {
      var random = SeededGenerator(seed: seed)
      let text = (0..<random.below(12)).map { _ in pieces[random.below(pieces.count)] }.joined()
      do throws(QueryError) {
        #expect(!(try Query(parsing: text)).clauses.isEmpty)
      } catch {
        #expect(error.position <= text.utf8.count, "seed \(seed)")
      }
    }
  }
}
