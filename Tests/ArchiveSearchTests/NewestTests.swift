import KafkaRecords
import Testing
import TierKit

@testable import ArchiveSearch

@Suite struct NewestTests {
  /// Pages until the end; every page is checked for what it promises.
  private func pages(
    _ world: TestWorld, _ source: TestSource, _ request: SearchRequest,
    _ scopes: [(partition: TestPartition, offsets: Range<Int64>)], _ limits: [Int], _ note: Comment
  ) throws -> [KnownRecord] {
    var request = request
    var found: [KnownRecord] = []
    for page in 0..<10_000 {
      request.limit = limits[page % limits.count]
      let outcome = try TestWorld.search(isAlone: page % 2 == 1).run(request, scopes, source: source)
      #expect(outcome.reasonForPartial == nil, note)
      #expect(outcome.hits.count <= request.limit && outcome.total >= outcome.hits.count, note)
      found += outcome.hits.map(\.known)
      #expect(source.loans.open.withLock { $0 } == 0, note)
      if outcome.cursor.isEmpty { return found }
      #expect(!outcome.hits.isEmpty && outcome.cursor.count <= 4096, note)
      request.cursor = outcome.cursor
    }
    Issue.record("no end of pages: \(note)")
    return found
  }

  @Test(arguments: [UInt64](1...4))
  func allPagesTogetherAreWhatLookingAtEveryRecordFinds(seed: UInt64) throws {
    let world = try TestWorld(seed: seed)
    for round in 0..<15 {
      var random = SeededGenerator(seed: seed << 32 | UInt64(round))
      let question = Question.random(&random)
      var scopes = world.scopes
      if random.chance(30) {
        for index in scopes.indices {
          let all = scopes[index].offsets
          if all.isEmpty { continue }
          let start = all.lowerBound + Int64(random.below(all.count))
          scopes[index].offsets = start..<start + Int64(random.below(Int(all.upperBound - start) + 1))
        }
      }
      var request = SearchRequest(query: Array(question.text.utf8))
      if random.chance(20) { request.key = Array("key-\(random.below(30))".utf8) }
      if random.chance(30) {
        request.since = random.pick(world.logs[0].records).timestamp
        if random.chance(50) { request.until = request.since + Int64(random.below(30_000)) }
      }
      let source = TestSource(
        world.logs, byteCountMax: random.pick([1, 2000, .max]), inFiles: random.chance(30))
      let expected = world.expected(
        question, scopes.map(\.offsets), key: request.key, since: request.since, until: request.until)
      let limits = random.pick([[1000], [10], [1, 2, 3], [7, 100]])
      let note = Comment(rawValue: "seed \(seed) round \(round): \(question.text)")
      let found = try pages(world, source, request, scopes, expected.count > 300 ? [500, 100] : limits, note)
      #expect(found == expected, note)
    }
  }

  @Test func recordsThatArriveBetweenPagesNeitherRepeatNorHideOthers() throws {
    var world = try TestWorld(seed: 21)
    let source = TestSource(world.logs)
    var random = SeededGenerator(seed: 22)
    let question = Question(clauses: [(.must, .phrase(["error"]))], text: "error")
    let before = world.expected(question, world.scopes.map(\.offsets))
    var request = SearchRequest(query: Array("error".utf8), limit: 5)
    var found: [KnownRecord] = []
    while true {
      let outcome = try TestWorld.search().run(request, world.scopes, source: source)
      found += outcome.hits.map(\.known)
      if outcome.cursor.isEmpty { break }
      request.cursor = outcome.cursor
      // Records with times all over, some archived at once.
      for index in world.logs.indices where found.count < 40 {
        let first = world.logs[index].batches.count
        world.logs[index].grow(batchCount: 3, &random)
        world.logs[index].settle(&random)
        if random.chance(50) { try world.partitions[index].archive(world.logs[index], first..<first + 3) }
      }
      source.replace(world.logs)
    }
    let after = world.expected(question, world.scopes.map(\.offsets))
    #expect(Set(found.map { "\($0.partition)-\($0.offset)" }).count == found.count)
    let places = Set(found.map { "\($0.partition)-\($0.offset)" })
    #expect(before.allSatisfy { places.contains("\($0.partition)-\($0.offset)") })
    let all = Set(after.map { "\($0.partition)-\($0.offset)" })
    #expect(places.isSubset(of: all) && found.count > before.count)
  }

  @Test func aPageThatWouldBeTooLargeEndsEarlyAndTheNextGoesOn() throws {
    let world = try TestWorld(seed: 23)
    let question = Question(clauses: [(.must, .all)], text: "*")
    let expected = world.expected(question, world.scopes.map(\.offsets))
    var limits = SearchLimits()
    limits.hitByteCountMax = 3000
    var request = SearchRequest(query: Array("*".utf8), limit: 1000)
    var found: [KnownRecord] = []
    while true {
      let outcome = try TestWorld.search(limits: limits).run(request, world.scopes, source: TestSource(world.logs))
      let byteCount = outcome.hits.reduce(0) { $0 + ($1.value?.count ?? 0) }
      #expect(byteCount <= 3000 && outcome.hits.count < 20)
      found += outcome.hits.map(\.known)
      if outcome.cursor.isEmpty { break }
      request.cursor = outcome.cursor
    }
    #expect(found == expected)
  }

  @Test func aCommonWordOpensOnlyTheNewestObjects() throws {
    var log = TestLog(partition: 0, firstOffset: 0)
    var random = SeededGenerator(seed: 24)
    let partition = TestPartition()
    var start = 0
    for _ in 0..<40 {
      log.grow(batchCount: 30, &random)
      log.settle(&random)
      try partition.archive(log, start..<log.batches.count)
      start = log.batches.count
    }
    let request = SearchRequest(query: Array("error".utf8), limit: 3)
    let outcome = try TestWorld.search(isAlone: true)
      .run(request, [(partition, log.offsets)], source: TestSource([log]))
    #expect(outcome.hits.count == 3 && !outcome.totalIsExact && outcome.objectsSearched < 20)
    #expect(outcome.rounds <= 3 && outcome.bytesRead > 0)
  }

  @Test func totalsThatAreCalledExactAre() throws {
    for seed in UInt64(31)...32 {
      let world = try TestWorld(seed: seed)
      var random = SeededGenerator(seed: seed)
      for _ in 0..<10 {
        let question = Question.random(&random)
        let request = SearchRequest(query: Array(question.text.utf8), limit: random.pick([1, 10_000]))
        let expected = world.expected(question, world.scopes.map(\.offsets))
        let outcome = try TestWorld.search().run(request, world.scopes, source: TestSource(world.logs))
        let note = Comment(rawValue: "seed \(seed): \(question.text)")
        #expect(outcome.totalIsExact ? outcome.total == expected.count : outcome.total <= expected.count, note)
        if request.limit == 10_000 { #expect(outcome.totalIsExact, note) }
      }
    }
  }
}
