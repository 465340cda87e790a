import Foundation
import KafkaRecords
import Testing

@testable import ArchiveFormat

/// Answers a query by looking at every record, with the slow lexer.
private struct BruteForce {
  let segment: TestSegment
  let records: [(record: KnownRecord, document: Int, texts: [[[UInt8]]])]

  init(_ segment: TestSegment) {
    self.segment = segment
    records = zip(segment.records, segment.documents).filter { !$0.0.isAborted }.map { record, document in
      (record, document, record.texts.map(ReferenceLexer.tokens))
    }
  }

  static func contains(_ text: [[UInt8]], _ phrase: [[UInt8]]) -> Bool {
    text.indices.contains { text[$0...].starts(with: phrase) }
  }

  func holds(_ condition: Query.Condition, _ item: (record: KnownRecord, document: Int, texts: [[[UInt8]]])) -> Bool {
    switch condition {
    case .all: true
    case .key(let key): item.record.key == key
    case .phrase(let phrase): item.texts.contains { Self.contains($0, phrase) }
    case .header(let name, let phrase):
      item.record.headers.contains { header in
        header.key == name && header.value.map { Self.contains(ReferenceLexer.tokens($0), phrase) } ?? false
      }
    }
  }

  func answers(_ query: Query) -> [(record: KnownRecord, document: Int, texts: [[[UInt8]]])] {
    records.filter { item in
      if let offsets = query.offsets, !offsets.contains(item.record.offset) { return false }
      if let times = query.timestamps, !times.contains(item.record.timestamp) { return false }
      func clauses(_ occurrence: Query.Occurrence) -> [Query.Clause] {
        query.clauses.filter { $0.occurrence == occurrence }
      }
      if clauses(.mustNot).contains(where: { holds($0.condition, item) }) { return false }
      let must = clauses(.must)
      if must.isEmpty { return clauses(.should).contains { holds($0.condition, item) } }
      return must.allSatisfy { holds($0.condition, item) }
    }
  }

  /// BM25 as the text has it: tf of a word in a single document counts as one, lengths as NORM keeps them.
  func score(_ query: Query, _ item: (record: KnownRecord, document: Int, texts: [[[UInt8]]])) -> Double {
    let words = Set(query.clauses.flatMap(\.condition.tokens))
    let tokenCount = records.reduce(0) { $0 + $1.texts.reduce(0) { $0 + $1.count } }
    let average = Double(tokenCount) / Double(segment.documentCount)
    return words.reduce(0) { sum, word in
      let df = records.count { $0.texts.contains { $0.contains(word) } }
      let tf = Double(item.texts.reduce(0) { $0 + $1.count { $0 == word } })
      if tf == 0 { return sum }
      let idf = log(1 + (Double(segment.documentCount - df) + 0.5) / (Double(df) + 0.5))
      let count = item.texts.reduce(0) { $0 + $1.count }
      let norm = count < 64 ? Double(count) : 64 * pow(2, (16 * log2(Double(count) / 64)).rounded(.down) / 16)
      let used = df == 1 ? 1 : min(tf, 255)
      return sum + idf * used * 2.2 / (used + 1.2 * (0.25 + 0.75 * norm / average))
    }
  }
}

/// The latest timestamp first, of equal ones the highest offset.
private func newestFirst(_ records: [KnownRecord]) -> [KnownRecord] {
  records.sorted { ($0.timestamp, $0.offset) > ($1.timestamp, $1.offset) }
}

@Suite struct SearchTests {
  static func randomQuery(_ segment: TestSegment, _ random: inout SeededGenerator) -> Query {
    func words(_ count: Int) -> [[UInt8]] {
      // Half of the phrases are taken from a record, so that they occur.
      if random.chance(50), let text = segment.records[random.below(segment.records.count)].texts.last {
        let tokens = ReferenceLexer.tokens(text)
        if tokens.count >= count {
          let start = random.below(tokens.count - count + 1)
          return Array(tokens[start..<start + count])
        }
      }
      var tokens: [[UInt8]] = []
      while tokens.count < count {
        tokens += ReferenceLexer.tokens(Array(TestSegment.words[random.below(TestSegment.words.count)].utf8))
      }
      return Array(tokens.prefix(count))
    }
    func condition() -> Query.Condition {
      switch random.below(10) {
      case 0: .key(Array("key-\(random.below(52))".utf8))
      case 1: .header(name: Array(["trace", "Source", "n", "none"][random.below(4)].utf8), words(1))
      case 2, 3: .phrase(words(2))
      case 4: random.chance(30) ? .all : .phrase(words(3))
      default: .phrase(words(1))
      }
    }
    var clauses = [Query.Clause(random.chance(60) ? .must : .should, condition())]
    while random.chance(45) {
      clauses.append(Query.Clause([.must, .should, .mustNot][random.below(3)], condition()))
    }
    var query = Query(clauses: clauses)
    query.limit = [1, 3, 10, 1000][random.below(4)]
    if random.chance(25) {
      let first = segment.records.first!.offset + Int64(random.below(400))
      query.offsets = first..<first + Int64(random.below(800))
    }
    if random.chance(25) {
      let start = segment.records[random.below(segment.records.count)].timestamp
      query.timestamps = start..<start + Int64(random.below(20_000))
    }
    return query
  }

  private func check(_ query: Query, _ answer: SearchAnswer, _ expected: [KnownRecord], _ note: Comment) {
    let wanted = newestFirst(expected).prefix(query.limit)
    #expect(answer.records.map(\.record.offset) == wanted.map(\.offset), note)
    for (found, known) in zip(answer.records, wanted) {
      #expect(found.record.timestamp == known.timestamp && found.record.key == known.key, note)
      #expect(found.record.value == known.value && found.record.headers == known.headers, note)
    }
    #expect(answer.totalIsExact ? answer.total == expected.count : answer.total <= expected.count, note)
    #expect(!answer.isPartial)
  }

  @Test(arguments: [UInt64](1...4))
  func newestFirstAgreesWithLookingAtEveryRecord(seed: UInt64) throws {
    let segment = TestSegment(seed: seed)
    let brute = BruteForce(segment)
    let objects = try IndexKind.allCases.map { try segment.archive(index: $0) }
    for round in 0..<60 {
      var random = SeededGenerator(seed: seed << 32 | UInt64(round))
      let query = Self.randomQuery(segment, &random)
      let expected = brute.answers(query).map(\.record)
      for object in objects {
        let source = CountingRangeSource(MemoryRangeSource(object))
        let search = ObjectSearch(ArchiveReader(source: source, footer: object.footer), query: query)
        let note = Comment(rawValue: "seed \(seed) round \(round) index \(object.footer.indexKind): \(query)")
        check(query, try search.run(), expected, note)
        if object.footer.indexKind == .full, case .phrase(let words) = query.clauses[0].condition, words.count == 1,
          query.clauses.count == 1, query.timestamps == nil, query.offsets == nil
        {
          #expect(source.roundCount <= 3, note)
        }
      }
      let unsealed = try segment.bytes.withUnsafeBytes {
        try UnsealedSearch.run(query, in: [$0], aborted: segment.aborted)
      }
      check(query, unsealed, expected, "unsealed, seed \(seed) round \(round): \(query)")
    }
  }

  @Test(arguments: [UInt64](11...12))
  func relevanceAgreesWithScoringEveryRecord(seed: UInt64) throws {
    let segment = TestSegment(seed: seed, shape: .init(batchCount: 30))
    let brute = BruteForce(segment)
    let object = try segment.archive()
    for round in 0..<40 {
      var random = SeededGenerator(seed: seed << 32 | UInt64(round))
      var query = Self.randomQuery(segment, &random)
      query.order = .relevance
      let scored = brute.answers(query).map { (offset: $0.record.offset, score: brute.score(query, $0)) }
      let best = scored.map(\.score).sorted(by: >).prefix(query.limit)
      let answer = try ObjectSearch(
        ArchiveReader(source: MemoryRangeSource(object), footer: object.footer), query: query
      ).run()
      let note = Comment(rawValue: "seed \(seed) round \(round): \(query)")
      #expect(answer.records.count == best.count, note)
      let known = Dictionary(uniqueKeysWithValues: scored.map { ($0.offset, $0.score) })
      // A query of clauses that no list proposes is scanned; then a word's only document counts all its occurrences.
      let isScan = query.clauses.contains { $0.condition == .all }
      for (found, score) in zip(answer.records, best) where !isScan {
        #expect(abs(found.score - score) < 1e-9 && abs(known[found.record.offset]! - score) < 1e-9, note)
      }
    }
  }

  @Test func aBudgetMakesTheAnswerPartial() throws {
    let segment = TestSegment(seed: 31, shape: .init(batchCount: 150, hasDamage: false))
    let object = try segment.archive()
    let reader = ArchiveReader(source: MemoryRangeSource(object), footer: object.footer)
    var query = try Query(parsing: "error")
    query.limit = 5
    let none = try ObjectSearch(reader, query: query).run(budget: SearchBudget(isExhausted: { true }))
    #expect(none.isPartial && none.records.isEmpty)
    #expect(try !ObjectSearch(reader, query: query).run().isPartial)
  }

  @Test func aSearchGoesOnWhereThePageBeforeEnded() throws {
    let segment = TestSegment(seed: 32)
    let reader = try ArchiveReader(segment.archive())
    var query = try Query(parsing: "error")
    let expected = newestFirst(BruteForce(segment).answers(query).map(\.record)).map(\.offset)
    query.limit = 7
    var offsets: [Int64] = []
    while true {
      let page = try ObjectSearch(reader, query: query).run().records.map(\.record)
      offsets += page.map(\.offset)
      guard let last = page.last else { break }
      query.behind = .init(timestamp: last.timestamp, offset: last.offset)
    }
    #expect(offsets == expected)
  }

  @Test(arguments: [UInt64](41...42))
  func theIndependentReaderFindsTheSame(seed: UInt64) throws {
    let segment = TestSegment(seed: seed, shape: .init(batchCount: 40))
    let object = try segment.archive()
    let reader = ArchiveReader(source: MemoryRangeSource(object), footer: object.footer)
    func json(_ clause: Query.Clause) -> [String: Any]? {
      func text(_ tokens: [[UInt8]]) -> String { hex(Array(tokens.joined(separator: [0x20]))) }
      switch clause.condition {
      case .all: return nil
      case .key(let key): return ["key": hex(key)]
      case .phrase(let tokens): return ["text": text(tokens)]
      case .header(let name, let tokens): return ["text": text(tokens), "header": hex(name)]
      }
    }
    var asked: [[String: Any]] = []
    var expected: [[Int]] = []
    for round in 0..<200 where asked.count < 40 {
      var random = SeededGenerator(seed: seed << 32 | UInt64(round))
      let query = Self.randomQuery(segment, &random)
      let plain = query.clauses.allSatisfy { $0.occurrence != .should && $0.condition != .all }
      guard plain, query.offsets == nil else { continue }
      asked.append([
        "op": "search", "limit": query.limit, "since": Int(query.timestamps?.lowerBound ?? 0),
        "until": Int(query.timestamps?.upperBound ?? .max),
        "must": query.clauses.filter { $0.occurrence == .must }.compactMap(json),
        "not": query.clauses.filter { $0.occurrence == .mustNot }.compactMap(json),
      ])
      expected.append(try ObjectSearch(reader, query: query).run().records.map { Int($0.record.offset) })
    }
    for ((query, answer), offsets) in zip(zip(asked, try PythonReader.ask(object, asked)), expected) {
      #expect(answer["offsets"] as? [Int] == offsets, "seed \(seed): \(query)")
    }
  }
}
