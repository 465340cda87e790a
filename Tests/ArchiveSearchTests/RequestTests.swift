import KafkaRecords
import Testing
import TierKit

@testable import ArchiveSearch

@Suite struct RequestTests {
  private func message(_ request: SearchRequest, _ world: TestWorld) throws -> String {
    do throws(TierError) {
      _ = try TestWorld.search().run(request, world.scopes, source: TestSource(world.logs))
    } catch {
      #expect(error.code == .invalidConfiguration)
      return error.message
    }
    return "no error"
  }

  @Test func aQueryThatCannotBeReadIsRefusedWithTheCharacter() throws {
    let world = try TestWorld(seed: 81, batchCount: 5)
    for (text, expected) in [
      ("é \"b", "query, at character 3: this quotation mark is not closed"),
      ("東京 ...", "query, at character 4: no letters or digits to search for"),
      ("", "query, at character 1: nothing to search for"),
      ("-a", "query, at character 1: only exclusions; say also what to find"),
    ] {
      #expect(try message(SearchRequest(query: Array(text.utf8)), world) == expected)
    }
    #expect(try message(SearchRequest(query: [0x61, 0xFF]), world) == "query: not UTF-8")
    #expect(try message(SearchRequest(query: [0x61], limit: 0), world).hasPrefix("limit:"))
    #expect(try message(SearchRequest(query: [0x61], limit: 10_001), world).hasPrefix("limit:"))
  }

  @Test func aKeyAloneOrWithExclusionsIsAQuery() throws {
    let world = try TestWorld(seed: 82)
    let key = Array("key-7".utf8)
    for (text, question) in [
      ("", Question()), ("-error", Question(clauses: [(.mustNot, .phrase(["error"]))])),
      ("key:key-7", Question(clauses: [(.must, .key(key))])), ("key:key-8", Question(clauses: [(.must, .key([]))])),
    ] {
      let request = SearchRequest(query: Array(text.utf8), key: key, limit: 10_000)
      let outcome = try TestWorld.search().run(request, world.scopes, source: TestSource(world.logs))
      #expect(outcome.hits.map(\.known) == world.expected(question, world.scopes.map(\.offsets), key: key), "\(text)")
      if text != "key:key-8" { #expect(!outcome.hits.isEmpty) }
    }
    let empty = SearchRequest(query: [], key: [], limit: 10_000)
    let outcome = try TestWorld.search().run(empty, world.scopes, source: TestSource(world.logs))
    #expect(outcome.hits.map(\.known) == world.expected(Question(), world.scopes.map(\.offsets), key: []))
  }

  @Test func aCursorServesTheSearchThatGaveItOnly() throws {
    let world = try TestWorld(seed: 83)
    var request = SearchRequest(query: Array("error".utf8), limit: 2)
    let first = try TestWorld.search().run(request, world.scopes, source: TestSource(world.logs))
    request.cursor = first.cursor
    #expect(!first.cursor.isEmpty)
    request.limit = 3
    #expect(try message(request, world) == "no error")
    var other = request
    other.query = Array("timeout".utf8)
    #expect(try message(other, world).contains("another search"))
    other = request
    other.since = 5
    #expect(try message(other, world).contains("another search"))
    other = request
    other.key = []
    #expect(try message(other, world).contains("another search"))
    other = request
    other.order = .relevance
    #expect(try message(other, world).contains("newest"))
    for index in request.cursor.indices {
      var damaged = request
      damaged.cursor[index] ^= 1
      #expect(try message(damaged, world).hasPrefix("cursor:"), "byte \(index)")
    }
    for length in 1..<request.cursor.count {
      var short = request
      short.cursor = Array(request.cursor.prefix(length))
      #expect(try message(short, world).hasPrefix("cursor:"))
    }
  }

  @Test func theCursorIsSmallForAThousandPartitions() throws {
    var random = SeededGenerator(seed: 84)
    var logs: [TestLog] = []
    for number in 0..<1000 {
      var log = TestLog(partition: number, firstOffset: 0)
      log.grow(batchCount: 1, recordCountMax: 3, &random)
      log.settle(&random)
      logs.append(log)
    }
    let source = TestSource(logs)
    let scopes = logs.map { (partition: TestPartition(), offsets: $0.offsets) }
    var request = SearchRequest(query: Array("*".utf8), limit: 700)
    var found = 0
    repeat {
      let outcome = try TestWorld.search().run(request, scopes, source: source)
      found += outcome.hits.count
      #expect(outcome.cursor.count < 100)
      request.cursor = outcome.cursor
    } while !request.cursor.isEmpty
    #expect(found == logs.reduce(0) { $0 + $1.records.count { !$0.isAborted } })
  }
}
