import Foundation
import KafkaRecords
import Testing
import TierKit

@testable import ArchiveSearch

/// BM25 as the format's text has it, over objects and other records: a word's only document in an object counts it
/// once, lengths are as coarse as NORM keeps them, documents of aborted transactions and unreadable batches count as
/// empty.
private struct Statistics {
  var documentCount = 0.0
  var tokenCount = 0.0
  var frequencies: [String: Double] = [:]
  /// Words that are in one document only of the object that has this record.
  var single: [String: Set<String>] = [:]

  init(_ world: TestWorld, _ question: Question) {
    for (log, partition) in zip(world.logs, world.partitions) {
      var covered: [Range<Int64>] = []
      for entry in partition.all where entry.footer.indexKind == .full {
        add(log, entry.name.offsets, question, isObject: true)
        covered.append(entry.name.offsets)
      }
      for batch in log.batches where batch.offsets.lowerBound < log.lastStableOffset {
        if !covered.contains(where: { $0.contains(batch.offsets.lowerBound) }) {
          add(log, batch.offsets, question, isObject: false)
        }
      }
    }
  }

  private mutating func add(_ log: TestLog, _ offsets: Range<Int64>, _ question: Question, isObject: Bool) {
    let records = log.records.filter { offsets.contains($0.offset) }
    for batch in log.batches where offsets.contains(batch.offsets.lowerBound) && batch.bytes[22] & 0x20 == 0 {
      documentCount += Double(batch.offsets.count)
    }
    let texts = records.filter { !$0.isAborted }.map { ($0, $0.texts.flatMap(Tokens.of)) }
    tokenCount += texts.reduce(0) { $0 + Double($1.1.count) }
    for word in question.words {
      let having = texts.filter { $0.1.contains(word) }
      frequencies[word, default: 0] += Double(having.count)
      if isObject, having.count == 1 {
        single["\(log.partition)-\(having[0].0.offset)", default: []].insert(word)
      }
    }
  }

  func score(_ record: KnownRecord, _ question: Question) -> Double {
    let tokens = record.texts.flatMap(Tokens.of)
    let count = Double(tokens.count)
    let length = count < 64 ? count : 64 * pow(2, (16 * log2(count / 64)).rounded(.down) / 16)
    return question.words.reduce(0) { sum, word in
      var tf = min(255, Double(tokens.count { $0 == word }))
      if tf == 0 { return sum }
      if single["\(record.partition)-\(record.offset)"]?.contains(word) ?? false { tf = 1 }
      let df = frequencies[word] ?? 0
      let idf = log(1 + (documentCount - df + 0.5) / (df + 0.5))
      return sum + idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / (tokenCount / documentCount)))
    }
  }
}

@Suite struct RelevanceTests {
  @Test(arguments: [UInt64](51...53))
  func scoresAreThoseOfOneCollection(seed: UInt64) throws {
    let world = try TestWorld(seed: seed, hasAllIndexes: false, hasOverlaps: false)
    for round in 0..<8 {
      var random = SeededGenerator(seed: seed << 32 | UInt64(round))
      let question = Question.random(&random, plainWordsOnly: true)
      let statistics = Statistics(world, question)
      let expected = world.expected(question, world.scopes.map(\.offsets))
      let scores = Dictionary(
        uniqueKeysWithValues: expected.map { ("\($0.partition)-\($0.offset)", statistics.score($0, question)) })
      let request = SearchRequest(
        query: Array(question.text.utf8), order: .relevance, limit: random.pick([1, 10, 1000]))
      let outcome = try TestWorld.search().run(request, world.scopes, source: TestSource(world.logs))
      let note = Comment(rawValue: "seed \(seed) round \(round): \(question.text)")
      #expect(outcome.reasonForPartial == nil && outcome.cursor.isEmpty, note)
      let best = scores.values.sorted(by: >).prefix(request.limit)
      #expect(outcome.hits.count == best.count, note)
      for (hit, score) in zip(outcome.hits, best) {
        #expect(abs(hit.score - score) < 1e-9, note)
        #expect(abs(scores["\(hit.partition)-\(hit.offset)", default: -1] - score) < 1e-9, note)
      }
      #expect(outcome.totalIsExact ? outcome.total == expected.count : outcome.total <= expected.count, note)
      #expect(Set(outcome.hits.map { "\($0.partition)-\($0.offset)" }).count == outcome.hits.count, note)
    }
  }

  @Test(arguments: [UInt64](61...62))
  func theSameRecordsAnswerAsNewestFirst(seed: UInt64) throws {
    let world = try TestWorld(seed: seed)
    for round in 0..<10 {
      var random = SeededGenerator(seed: seed << 32 | UInt64(round))
      let question = Question.random(&random)
      let expected = world.expected(question, world.scopes.map(\.offsets))
      let request = SearchRequest(query: Array(question.text.utf8), order: .relevance, limit: 10_000)
      let source = TestSource(world.logs, inFiles: round % 4 == 0)
      let outcome = try TestWorld.search().run(request, world.scopes, source: source)
      let note = Comment(rawValue: "seed \(seed) round \(round): \(question.text)")
      let found = Set(outcome.hits.map { "\($0.partition)-\($0.offset)" })
      #expect(found == Set(expected.map { "\($0.partition)-\($0.offset)" }), note)
      #expect(outcome.totalIsExact && outcome.total == expected.count, note)
      #expect(source.loans.open.withLock { $0 } == 0, note)
      for (a, b) in zip(outcome.hits, outcome.hits.dropFirst()) {
        let isBehind = a.partition != b.partition ? a.partition < b.partition : a.offset > b.offset
        #expect(a.score != b.score ? a.score > b.score : isBehind, note)
      }
    }
  }
}
