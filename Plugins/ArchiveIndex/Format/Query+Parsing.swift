// query  = clause { space clause }
// clause = [ "+" | "-" ] ( "*" | term | "key:" value | "header." name ":" value | field ":" value )
// term   = word | quoted            a word that the lexer takes apart ("foo-bar") is a phrase
// value  = word | quoted            of `key:` taken literally, else lexed
// quoted = '"' … '"'                \" and \\ stand for " and \
//
// field:value is the phrase of the field's and the value's tokens, which JSON and key=value text have next to each
// other.

extension Query {
  /// Reads a query's text. `plain` is what a clause without a sign is.
  public init(parsing text: String, plain: Occurrence = .must) throws(QueryError) {
    try self.init(parsing: text, plain: plain, and: [])
  }

  /// Reads a query's text, to which `others` are added; with others that say what to find the text may be empty or
  /// have exclusions only.
  public init(parsing text: String, plain: Occurrence = .must, and others: [Clause]) throws(QueryError) {
    var parser = QueryParser(text: Array(text.utf8), plain: plain)
    clauses = try parser.clauses() + others
    guard !clauses.isEmpty else { throw QueryError(position: 0, defect: .empty) }
    guard clauses.contains(where: { $0.occurrence != .mustNot }) else {
      throw QueryError(position: 0, defect: .onlyExclusions)
    }
  }
}

private struct QueryParser {
  let text: [UInt8]
  let plain: Query.Occurrence
  private var position = 0
  private var tokenCount = 0

  init(text: [UInt8], plain: Query.Occurrence) {
    self.text = text
    self.plain = plain
  }

  private enum Sign {
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let colon = UInt8(ascii: ":")
  }

  mutating func clauses() throws(QueryError) -> [Query.Clause] {
    guard text.count <= ArchiveLimits.queryByteCountMax else {
      throw QueryError(position: ArchiveLimits.queryByteCountMax, defect: .tooLong)
    }
    var clauses: [Query.Clause] = []
    skipSpace()
    while position < text.count {
      clauses.append(try clause())
      skipSpace()
    }
    return clauses
  }

  private mutating func skipSpace() {
    while position < text.count, Self.isSpace(text[position]) { position += 1 }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private mutating func clause() throws(QueryError) -> Query.Clause {
    var occurrence = plain
    let start = position
    if text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") {
      occurrence = text[position] == UInt8(ascii: "+") ? .must : .mustNot
      position += 1
      guard position < text.count, !Self.isSpace(text[position]) else {
        throw QueryError(position: start, defect: .missingClause)
      }
    }
    return Query.Clause(occurrence, try condition())
  }

  private mutating func condition() throws(QueryError) -> Query.Condition {
    let start = position
    if text[position] == Sign.quote { return .phrase(try tokens(of: quoted(), at: start)) }
    let word = word(endsAtColon: true)
    guard position < text.count, text[position] == Sign.colon, !word.isEmpty else {
      if word == Array("*".utf8) { return .all }
      position = start
      return .phrase(try tokens(of: self.word(endsAtColon: false), at: start))
    }
    position += 1
    let valuePosition = position
    let value = try value()
    if word == Array("key".utf8) { return .key(value) }
    let prefix = Array("header.".utf8)
    if word.starts(with: prefix) {
      guard word.count > prefix.count else {
        throw QueryError(position: start + prefix.count, defect: .missingHeaderName)
      }
      return .header(name: Array(word[prefix.count...]), try tokens(of: value, at: valuePosition))
    }
    return .phrase(try tokens(of: word + [0x20] + value, at: start))
  }

  private mutating func value() throws(QueryError) -> [UInt8] {
    guard position < text.count, !Self.isSpace(text[position]) else {
      throw QueryError(position: position - 1, defect: .missingValue)
    }
    return text[position] == Sign.quote ? try quoted() : word(endsAtColon: false)
  }

  private mutating func word(endsAtColon: Bool) -> [UInt8] {
    let start = position
    while position < text.count, !Self.isSpace(text[position]) {
      if endsAtColon, text[position] == Sign.colon { break }
      position += 1
    }
    return Array(text[start..<position])
  }

  private mutating func quoted() throws(QueryError) -> [UInt8] {
    let start = position
    position += 1
    var bytes: [UInt8] = []
    while position < text.count {
      let byte = text[position]
      position += 1
      if byte == Sign.quote { return bytes }
      if byte == Sign.backslash, position < text.count, text[position] == Sign.quote || text[position] == byte {
        bytes.append(text[position])
        position += 1
      } else {
        bytes.append(byte)
      }
    }
    throw QueryError(position: start, defect: .unterminatedQuote)
  }

  private mutating func tokens(of bytes: [UInt8], at position: Int) throws(QueryError) -> [[UInt8]] {
    let tokens = CollectedTokens.of(bytes)
    guard !tokens.isEmpty else { throw QueryError(position: position, defect: .noWord) }
    tokenCount += tokens.count
    guard tokenCount <= ArchiveLimits.queryTokenCountMax else {
      throw QueryError(position: position, defect: .tooManyWords)
    }
    return tokens
  }
}

/// The tokens of a short text.
struct CollectedTokens: TokenSink {
  private var tokens: [[UInt8]] = []

  mutating func take(token: UnsafePointer<UInt8>, count: Int) {
    tokens.append(Array(UnsafeBufferPointer(start: token, count: count)))
  }

  static func of(_ text: [UInt8]) -> [[UInt8]] {
    var collected = CollectedTokens()
    text.withBytes { Lexer().lex($0, into: &collected) }
    return collected.tokens
  }
}
