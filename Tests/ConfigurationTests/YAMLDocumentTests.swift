import Testing

@testable import Configuration

@Suite("YAML documents")
struct YAMLDocumentTests {
  @Test("every node knows where it starts and how it was written")
  func positions() throws {
    let text = """
      # a comment
      name: 'Bücher'
      list:
        - one
        - { two: "zwei", drei: [3] }
      text: |
        block
      """
    let root = try #require(try YAMLDocument.parse(file: "a.yaml", bytes: Array(text.utf8)).root)
    guard case .mapping(let entries) = root.content else {
      Issue.record("the root is no mapping")
      return
    }
    #expect(root.position == SourcePosition(line: 2, column: 1))
    #expect(entries.map(\.key) == ["name", "list", "text"])
    #expect(entries.map(\.keyPosition) == [(2, 1), (3, 1), (6, 1)].map { SourcePosition(line: $0.0, column: $0.1) })
    #expect(entries[0].value.position == SourcePosition(line: 2, column: 7))
    guard case .scalar("Bücher", .singleQuoted) = entries[0].value.content,
      case .sequence(let items) = entries[1].value.content, case .scalar("one", .plain) = items[0].content,
      case .mapping(let inner) = items[1].content, case .scalar("block", .literal) = entries[2].value.content
    else {
      Issue.record("the tree has another shape")
      return
    }
    #expect(items[0].position == SourcePosition(line: 4, column: 5))
    #expect(items[1].position == SourcePosition(line: 5, column: 5))
    #expect(inner[0].value.position == SourcePosition(line: 5, column: 12))
    #expect(inner[1].keyPosition == SourcePosition(line: 5, column: 20))
  }

  @Test("columns count characters, not bytes")
  func columnsCountScalars() {
    #expect(
      yamlRefusals("{ größe: 1, größe: 2 }") == [
        "a.yaml:1:13: \"größe\" is already set on line 1; expected each key once"
      ])
  }

  @Test("a file without content has no root", arguments: ["", "\n\n", "# only a comment\n", "\u{FEFF}"])
  func emptyFile(_ text: String) throws {
    let document = try YAMLDocument.parse(file: "a.yaml", bytes: Array(text.utf8))
    #expect(document.root == nil)
  }

  @Test("an explicit document start, a byte order mark and CR LF are accepted, and columns do not move")
  func decorations() throws {
    let document = try YAMLDocument.parse(file: "a.yaml", bytes: Array("\u{FEFF}a: 1\r\nb: 2\r\n".utf8))
    guard case .mapping(let entries) = document.root?.content else {
      Issue.record("no mapping")
      return
    }
    #expect(entries[0].keyPosition == SourcePosition(line: 1, column: 1))
    #expect(entries[1].keyPosition == SourcePosition(line: 2, column: 1))
    #expect(yamlRefusals("%YAML 1.2\n---\na: 1\n").isEmpty)
  }

  @Test(
    "what YAML allows and we do not is refused where it stands",
    arguments: [
      ("a: 1\nb: 2\na: 3\n", "a.yaml:3:1: \"a\" is already set on line 1; expected each key once"),
      ("a: &x 1\n", "a.yaml:1:4: the anchor \"&x\" is not supported; expected the value itself"),
      ("a: !!str 1\n", "a.yaml:1:4: the tag \"!!str\" is not supported; expected the value without a tag"),
      ("a: !include b.yaml\n", "a.yaml:1:4: the tag \"!include\" is not supported; expected the value without a tag"),
      ("a: 1\n---\nb: 2\n", "a.yaml:2:1: a second document begins here; expected one document per file"),
      ("? [a, b]\n: 1\n", "a.yaml:1:3: a list cannot be a key; expected the name of a setting"),
      ("? {a: b}\n: 1\n", "a.yaml:1:3: a mapping cannot be a key; expected the name of a setting"),
      (": 1\n", "a.yaml:1:1: a key is missing before \":\"; expected the name of a setting"),
      ("~: 1\n", "a.yaml:1:1: a key is missing before \":\"; expected the name of a setting"),
      ("a: \"x\\0y\"\n", "a.yaml:1:4: the text contains a NUL character; expected text without \\0"),
    ])
  func unsupported(_ yaml: String, _ expected: String) {
    #expect(yamlRefusals(yaml) == [expected])
  }

  @Test("aliases and merge keys are refused together with the anchor they need")
  func aliases() {
    #expect(
      yamlRefusals("base: &b { x: 1 }\nother: *b\nthird:\n  <<: *b\n") == [
        "a.yaml:1:7: the anchor \"&b\" is not supported; expected the value itself",
        "a.yaml:2:8: the alias \"*b\" is not supported; expected the value itself, written out",
        "a.yaml:4:3: the merge key \"<<\" is not supported; expected the settings themselves",
        "a.yaml:4:7: the alias \"*b\" is not supported; expected the value itself, written out",
      ])
  }

  @Test(
    "syntax errors are said in the user's words",
    arguments: [
      (
        "a: b: c\n",
        "a.yaml:1:5: a \":\" stands where no setting can begin; expected the indentation of the line above, or quotes around a text with \": \""
      ),
      (
        "a: 1\n  b: 2\n",
        "a.yaml:2:4: a \":\" stands where no setting can begin; expected the indentation of the line above, or quotes around a text with \": \""
      ),
      (
        "a:\n  b: 1\n c: 2\n",
        "a.yaml:3:2: this line does not continue the settings above; expected \"key: value\" with the same indentation as its neighbours"
      ),
      ("a: 1\nb\nc: 2\n", "a.yaml:3:1: a line without \":\" stands among settings; expected key: value"),
      ("a:\n\tb: 1\n", "a.yaml:2:1: a tab stands where YAML needs spaces; expected indentation by spaces"),
      ("a: @x\n", "a.yaml:1:4: a value cannot start with \"@\"; expected quotes around the text"),
      ("a: `x`\n", "a.yaml:1:4: a value cannot start with \"`\"; expected quotes around the text"),
      ("a: %x\n", "a.yaml:1:4: a value cannot start with \"%\"; expected quotes around the text"),
      ("a: *.so\n", "a.yaml:1:4: a value cannot start with \"*\"; expected quotes around the text"),
      ("a: - b\n", "a.yaml:1:4: a list cannot begin here; expected the first \"- \" on a line of its own"),
      (
        "a: { b: 1\nc: 2\n",
        "a.yaml:2:2: the mapping is not closed (opened at line 1, column 4); expected \",\" or \"}\""
      ),
      ("a: [1, 2", "a.yaml:1:9: the list is not closed (opened at line 1, column 4); expected \",\" or \"]\""),
      ("a: [1, 2\n", "a.yaml:2:1: the list is not closed (opened at line 1, column 4); expected \",\" or \"]\""),
      ("a: \"x\nb: 1\n", "a.yaml:1:4: the quotes that open here are not closed; expected a closing quote"),
      (
        "a: \"C:\\dir\"\n",
        "a.yaml:1:7: the escape after \"\\\" is unknown; expected \\\\ for a backslash, or single quotes, in which nothing is escaped"
      ),
      (
        "a:\n  - 1\n  b: 2\n",
        "a.yaml:3:3: this line does not continue the list above; expected \"- \" with the same indentation as its neighbours"
      ),
    ])
  func syntax(_ yaml: String, _ expected: String) {
    #expect(yamlRefusals(yaml) == [expected])
  }

  @Test("what was found before a syntax error is reported with it")
  func findingsBeforeSyntaxError() {
    #expect(
      yamlRefusals("a: 1\na: 2\nb: [\n") == [
        "a.yaml:2:1: \"a\" is already set on line 1; expected each key once",
        "a.yaml:4:1: a value is missing, or a bracket above is not closed; expected a value, \"]\" or \"}\"",
      ])
  }

  @Test(
    "bytes that are not UTF-8 are refused where they stand",
    arguments: [
      ([0x61, 0x3A, 0x20, 0xFF], "a.yaml:1:4: byte 0xFF is not UTF-8; expected a file saved as UTF-8"),
      ([0x61, 0x0A, 0xC3, 0xA4, 0xE4], "a.yaml:2:2: byte 0xE4 is not UTF-8; expected a file saved as UTF-8"),
      ([0xC0, 0xAF], "a.yaml:1:1: byte 0xC0 is not UTF-8; expected a file saved as UTF-8"),
      ([0xED, 0xA0, 0x80], "a.yaml:1:1: byte 0xED is not UTF-8; expected a file saved as UTF-8"),
      ([0xF4, 0x90, 0x80, 0x80], "a.yaml:1:1: byte 0xF4 is not UTF-8; expected a file saved as UTF-8"),
      (
        [0xFF, 0xFE, 0x61, 0x00],
        "a.yaml:1:1: byte 0xFF is not UTF-8 (it looks like UTF-16); expected a file saved as UTF-8"
      ),
      (
        [0x61, 0x3A, 0x20, 0x00],
        "a.yaml:1:4: the control character U+0000 is not allowed in YAML; expected printable text, spaces, tabs and line breaks"
      ),
      (
        [0x1B],
        "a.yaml:1:1: the control character U+001B is not allowed in YAML; expected printable text, spaces, tabs and line breaks"
      ),
    ] as [([UInt8], String)])
  func encoding(_ bytes: [UInt8], _ expected: String) {
    #expect(yamlRefusals(bytes) == [expected])
  }

  @Test("32 levels are read, and the first level beyond is refused")
  func depth() {
    let open = String(repeating: "[", count: 32)
    let close = String(repeating: "]", count: 32)
    #expect(yamlRefusals(open + close).isEmpty)
    #expect(
      yamlRefusals("[" + open + close + "]") == [
        "a.yaml:1:33: nested deeper than 32 levels; expected a configuration of a few levels"
      ])
    #expect(yamlRefusals(String(repeating: "[", count: 500_000)).count == 1)
  }

  @Test("a file of 1 MiB is read, and one byte more is refused")
  func size() {
    let comment = "# " + String(repeating: "x", count: (1 << 20) - 3) + "\n"
    #expect(yamlRefusals(comment).isEmpty)
    #expect(
      yamlRefusals(comment + "\n") == ["a.yaml: the file has 1048577 bytes; expected a configuration of at most 1MiB"])
  }
}
