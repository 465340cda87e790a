import Testing

@testable import Configuration

@Suite("Diagnostics")
struct DiagnosticTests {
  private let yaml = "listen: 127.0.0.1:9092\nnetwork:\n  thraeds: 4\n"

  private func error(_ yaml: String) throws -> ConfigurationError {
    try #require(throws: ConfigurationError.self) { _ = try load(yaml) }
  }

  @Test("a diagnostic is one line: place, message, what was expected, what was meant")
  func description() throws {
    let diagnostic = ConfigurationDiagnostic(
      file: "a.yaml", line: 3, column: 7, message: "no", expected: "yes", suggestion: "maybe")
    #expect(diagnostic.description == "a.yaml:3:7: no; expected yes; did you mean \"maybe\"?")
    #expect(ConfigurationDiagnostic(file: "--listen", line: 0, column: 0, message: "no").description == "--listen: no")
    #expect(
      ConfigurationDiagnostic(file: "a", line: 1, column: 1, message: "odd", severity: .warning).description
        == "a:1:1: warning: odd")
  }

  @Test("the rendering shows the source line and a caret under the column")
  func caret() throws {
    #expect(
      try error(yaml).rendered() == """
        chronik.yaml:3:3: unknown setting "thraeds" in network; did you mean "threads"?
            3 |   thraeds: 4
              |   ^
        """)
  }

  @Test("colours are only used when asked for")
  func colour() throws {
    let error = try error(yaml)
    #expect(!error.rendered().contains("\u{1B}"))
    #expect(
      error.rendered(colour: true).hasPrefix(
        "\u{1B}[1mchronik.yaml:3:3:\u{1B}[0m \u{1B}[1;31merror:\u{1B}[0m \u{1B}[1munknown setting"))
  }

  @Test("a long line is shown in part, with the caret under the right character")
  func longLine() throws {
    let error = try error(
      "listen: \"" + String(repeating: "a", count: 300) + "\"\nx: " + String(repeating: " ", count: 300) + "[}")
    let lines = error.rendered().split(separator: "\n").map { String($0) }
    let source = try #require(lines.dropLast().last)
    let caret = try #require(lines.last)
    #expect(source.count <= 8 + ConfigurationLimits.sourceLineCharactersMax + 2)
    #expect(Array(source)[try #require(Array(caret).lastIndex(of: "^"))] == "}")
  }

  @Test("all errors of a file are reported, sorted by position")
  func sorted() {
    let yaml = """
      fetch: { sessions: many }
      nod: { id: 1 }
      chain:
        - teir: MemoryBuffer
      log: { level: loud }
      """
    #expect(
      refusals(yaml) == [
        "chronik.yaml:1:20: fetch.sessions: \"many\" is not a whole number; expected a whole number from 0 to 1000000",
        "chronik.yaml:2:1: unknown setting \"nod\"; did you mean \"node\"?",
        "chronik.yaml:4:5: a chain entry has no key \"teir\"; expected tier, library, product, name, config or store; did you mean \"tier\"?",
        "chronik.yaml:4:5: the chain entry has no key \"tier\"; expected tier: <name of the plugin>",
        "chronik.yaml:5:15: log.level: \"loud\" is not one of the choices; expected trace, debug, info, notice, warning, error or critical",
      ])
  }

  @Test("no more than 20 errors are shown, the first of the file, and the rest is counted")
  func bounded() {
    let lines = refusals((1...50).map { "zz\($0): 1" }.joined(separator: "\n"))
    #expect(lines.count == 21)
    #expect(lines[0].hasPrefix("chronik.yaml:1:1: "))
    #expect(lines[19].hasPrefix("chronik.yaml:20:1: "))
    #expect(lines[20] == "and 30 more")
  }

  @Test("a message repeats at most 60 characters of a value, without control characters")
  func quoting() {
    #expect(String(repeating: "a", count: 61).quoted == "\"" + String(repeating: "a", count: 60) + "…\"")
    #expect("a\u{1B}[31m\n".quoted == "\"a\\u{1b}[31m\\n\"")
  }

  @Test(
    "suggestions forgive case, separators, exchanged letters and one edit in three characters",
    arguments: [
      ("thraeds", "threads"), ("dataDir", "data_dir"), ("data-dir", "data_dir"), ("LISTEN", "listen"),
      ("listn", "listen"),
      ("volatil", "volatile"), ("durabilty", "durability"),
    ])
  func suggestions(_ word: String, _ expected: String) {
    let names = ["threads", "data_dir", "listen", "volatile", "durability", "plugins"]
    #expect(Suggestion.closest(to: word, among: names) == expected)
  }

  @Test("no suggestion is made when nothing is close", arguments: ["xyz", "", "a", "completely_different"])
  func noSuggestion(_ word: String) {
    #expect(Suggestion.closest(to: word, among: ["threads", "data_dir", "listen"]) == nil)
  }

  @Test(
    "the distance is that of optimal string alignment",
    arguments: [
      ("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3), ("ca", "abc", 3),
    ])
  func distance(_ a: String, _ b: String, _ expected: Int) {
    #expect(Suggestion.editDistance(Array(a.unicodeScalars), Array(b.unicodeScalars)) == expected)
    #expect(Suggestion.editDistance(Array(b.unicodeScalars), Array(a.unicodeScalars)) == expected)
  }
}
