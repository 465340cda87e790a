internal import KafkaRecords

/// Decides whether a record answers a query. The index only proposes records; this decides, for archived and for
/// unsealed records alike. Not for use by several threads.
package final class RecordMatcher {
  package let query: Query
  /// The distinct tokens of the query; their places in this list are what phrases are made of below.
  let tokens: [[UInt8]]
  let terms: [Term]
  private let clauses: [(clause: Query.Clause, phrase: [Int32])]
  private let lexer = Lexer()
  private var sink: Sink
  private var holds: [Bool]

  /// What a record has of the query's tokens.
  struct Evaluation {
    /// Per token of the matcher.
    var frequencies: [Int]
    var tokenCount: Int
  }

  package init(_ query: Query) {
    self.query = query
    var tokens: [[UInt8]] = []
    clauses = query.clauses.map { clause in
      let phrase = clause.condition.tokens.map { token in
        if let index = tokens.firstIndex(of: token) { return Int32(index) }
        tokens.append(token)
        return Int32(tokens.count - 1)
      }
      return (clause, phrase)
    }
    self.tokens = tokens
    terms = tokens.map(Term.init(token:))
    sink = Sink(tokens: tokens, terms: terms)
    holds = [Bool](repeating: false, count: query.clauses.count)
  }

  /// What `record` has when it answers the query, else nil.
  func evaluate(_ record: RecordView, in header: RecordBatchHeader) -> Evaluation? {
    if let offsets = query.offsets, !offsets.contains(header.baseOffset &+ Int64(record.offsetDelta)) { return nil }
    if let timestamps = query.timestamps, !timestamps.contains(header.timestamp(delta: record.timestampDelta)) {
      return nil
    }
    if let behind = query.behind, !behind.precedes(record, in: header) { return nil }
    for index in clauses.indices {
      switch clauses[index].clause.condition {
      case .all: holds[index] = true
      case .key(let key):
        holds[index] = record.key?.elementsEqual(key) ?? false
        // What the key alone decides needs no look at the rest.
        if holds[index] == (clauses[index].clause.occurrence == .mustNot), clauses[index].clause.occurrence != .should {
          return nil
        }
      case .phrase, .header: holds[index] = false
      }
    }
    sink.start()
    if !tokens.isEmpty { lookAtTexts(of: record) }
    guard isAnswer else { return nil }
    return Evaluation(frequencies: sink.frequencies, tokenCount: sink.tokenCount)
  }

  /// What `record` has of the query's tokens, whether or not it answers.
  func measure(_ record: RecordView) -> Evaluation {
    sink.start()
    lookAtTexts(of: record)
    return Evaluation(frequencies: sink.frequencies, tokenCount: sink.tokenCount)
  }

  private func lookAtTexts(of record: RecordView) {
    if let key = record.key { look(at: key, headerName: nil) }
    if let value = record.value { look(at: value, headerName: nil) }
    for header in record.headers { if let value = header.value { look(at: value, headerName: header.key) } }
  }

  private var isAnswer: Bool {
    var hasMust = false
    var hasShould = false
    for index in clauses.indices {
      switch clauses[index].clause.occurrence {
      case .must:
        guard holds[index] else { return false }
        hasMust = true
      case .mustNot: if holds[index] { return false }
      case .should: hasShould = hasShould || holds[index]
      }
    }
    return hasMust || hasShould
  }

  private func look(at text: UnsafeRawBufferPointer, headerName: UnsafeRawBufferPointer?) {
    sink.sequence.removeAll(keepingCapacity: true)
    lexer.lex(text, into: &sink)
    guard sink.hasQueryToken else { return }
    for index in clauses.indices where !holds[index] {
      switch clauses[index].clause.condition {
      case .phrase: holds[index] = sink.has(clauses[index].phrase)
      case .header(let name, _):
        guard let headerName, headerName.elementsEqual(name) else { continue }
        holds[index] = sink.has(clauses[index].phrase)
      case .key, .all: break
      }
    }
  }

  /// Sees a text as the places of its tokens in the query, −1 for others.
  private struct Sink: TokenSink {
    var sequence: [Int32] = []
    var frequencies: [Int]
    var tokenCount = 0
    var hasQueryToken = false
    private let tokens: [[UInt8]]
    private let terms: [Term]

    init(tokens: [[UInt8]], terms: [Term]) {
      self.tokens = tokens
      self.terms = terms
      frequencies = [Int](repeating: 0, count: tokens.count)
    }

    mutating func start() {
      for index in frequencies.indices { frequencies[index] = 0 }
      tokenCount = 0
      hasQueryToken = false
    }

    mutating func take(token: UnsafePointer<UInt8>, count: Int) {
      tokenCount += 1
      let term = Term(token: token, count: count)
      var place: Int32 = -1
      for index in terms.indices where terms[index] == term {
        guard tokens[index].count == count else { continue }
        if count > Term.byteCountMax, !tokens[index].elementsEqual(UnsafeBufferPointer(start: token, count: count)) {
          continue
        }
        frequencies[index] += 1
        hasQueryToken = true
        place = Int32(index)
      }
      sequence.append(place)
    }

    func has(_ phrase: [Int32]) -> Bool {
      guard sequence.count >= phrase.count else { return false }
      for start in 0...(sequence.count - phrase.count) where sequence[start] == phrase[0] {
        var length = 1
        while length < phrase.count, sequence[start + length] == phrase[length] { length += 1 }
        if length == phrase.count { return true }
      }
      return false
    }
  }
}

extension Query.Place {
  /// True when the record comes behind this place.
  func precedes(_ record: RecordView, in header: RecordBatchHeader) -> Bool {
    let time = header.timestamp(delta: record.timestampDelta)
    return time != timestamp ? time < timestamp : header.baseOffset &+ Int64(record.offsetDelta) < offset
  }
}

extension Query.Condition {
  /// The tokens that must occur for this to hold.
  var tokens: [[UInt8]] {
    switch self {
    case .phrase(let tokens), .header(_, let tokens): tokens
    case .key, .all: []
    }
  }
}

extension Term {
  /// The term of a folded token.
  init(token: [UInt8]) {
    precondition(!token.isEmpty, "a token has a byte")
    let padded = token + [UInt8](repeating: 0, count: Term.byteCountMax)
    self = padded.withUnsafeBufferPointer { Term(token: $0.baseAddress!, count: token.count) }
  }

  init(key: [UInt8]) { self.init(keyHash: key.withBytes { H64.hash($0) }) }
}
