import KafkaRecords
import Synchronization
import Testing
import TierAPI
import TierKit

@testable import ArchiveSearch

@Suite struct FaultTests {
  private let question = Question(clauses: [(.must, .phrase(["error"]))], text: "error")

  private func request(_ order: SearchRequest.Order = .newest) -> SearchRequest {
    SearchRequest(query: Array("error".utf8), order: order, limit: 10_000)
  }

  private func places(_ records: [KnownRecord]) -> Set<String> { Set(records.map { "\($0.partition)-\($0.offset)" }) }

  @Test(arguments: [SearchRequest.Order.newest, .relevance], [true, false])
  func anObjectThatCannotBeReadIsReadFromTheChain(order: SearchRequest.Order, whileOpening: Bool) throws {
    let world = try TestWorld(seed: 71)
    for partition in world.partitions {
      partition.change { entries in
        for index in entries.indices where index % 2 == 0 {
          let failure = TierError(.retriable, "the store is away")
          if whileOpening { entries[index].openFailure = failure } else { entries[index].readFailure = failure }
        }
      }
    }
    let expected = world.expected(question, world.scopes.map(\.offsets))
    let outcome = try TestWorld.search().run(request(order), world.scopes, source: TestSource(world.logs))
    #expect(outcome.reasonForPartial == nil && outcome.totalIsExact && outcome.total == expected.count)
    #expect(places(outcome.hits.map(\.known)) == places(expected))
  }

  @Test(arguments: [SearchRequest.Order.newest, .relevance])
  func whatNobodyCanReadMakesTheAnswerPartialWithTheReason(order: SearchRequest.Order) throws {
    let world = try TestWorld(seed: 72, hasOverlaps: false)
    let source = TestSource(world.logs)
    let index = world.partitions.firstIndex { $0.all.count > 1 }!
    let lost = world.partitions[index].all[0].name
    world.partitions[index].change { $0[0].readFailure = TierError(.retriable, "the store is away") }
    source.fail(index, lost.offsets, TierError(.throttled, "slow down"))
    let outcome = try TestWorld.search().run(request(order), world.scopes, source: source)
    let reason = try #require(outcome.reasonForPartial)
    #expect(reason.contains("the store is away") && reason.contains("slow down") && reason.contains(lost.path))
    #expect(!outcome.totalIsExact)
    let rest = world.expected(question, world.scopes.map(\.offsets))
      .filter { $0.partition != index || !lost.offsets.contains($0.offset) }
    #expect(places(outcome.hits.map(\.known)) == places(rest))
  }

  @Test func damagedObjectsAreNeverBelieved() throws {
    let world = try TestWorld(seed: 73, hasOverlaps: false)
    let expected = world.expected(question, world.scopes.map(\.offsets))
    var random = SeededGenerator(seed: 73)
    for _ in 0..<20 {
      let damaged = try TestWorld(seed: 73, hasOverlaps: false)
      let position = random.below(1 << 20)
      for partition in damaged.partitions {
        partition.change { entries in
          for index in entries.indices {
            let end = entries[index].bytes.count - entries[index].footer.hotByteCount
            entries[index].bytes[16 + position % (end - 16)] ^= 0x40
          }
        }
      }
      let outcome = try TestWorld.search().run(request(), damaged.scopes, source: TestSource(world.logs))
      #expect(outcome.reasonForPartial != nil || outcome.hits.map(\.known) == expected, "byte \(position)")
    }
  }

  @Test func whenEverythingFailsTheSearchFails() throws {
    let world = try TestWorld(seed: 74)
    let source = TestSource(world.logs)
    for (index, partition) in world.partitions.enumerated() {
      partition.change { for index in $0.indices { $0[index].openFailure = TierError(.throttled, "slow down") } }
      source.fail(index, 0..<Int64.max, TierError(.throttled, "slow down"))
    }
    #expect { try TestWorld.search().run(request(), world.scopes, source: source) } throws: {
      ($0 as? TierError)?.code == .throttled
    }
  }

  @Test func offsetsThatTheLogNoLongerHasMakeTheAnswerPartial() throws {
    var random = SeededGenerator(seed: 75)
    var log = TestLog(partition: 0, firstOffset: 100)
    log.grow(batchCount: 30, &random)
    log.settle(&random)
    let outcome = try TestWorld.search()
      .run(request(), [(TestPartition(), 0..<log.nextOffset)], source: TestSource([log]))
    #expect(outcome.reasonForPartial == "offsets up to \(log.offsets.lowerBound - 1) are not in the log any more")
    let known = log.records.filter { !$0.isAborted && question.isAnswered(by: $0) }
    #expect(places(outcome.hits.map(\.known)) == places(known) && !known.isEmpty)
  }

  @Test func aDeadlineEndsTheSearchWithWhatWasFound() throws {
    let world = try TestWorld(seed: 76, partitionCount: 2)
    let full = world.expected(question, world.scopes.map(\.offsets))
    for order in [SearchRequest.Order.newest, .relevance] {
      /// The clock moves on whenever it is asked.
      func search(deadline: Int64) throws -> (SearchOutcome, now: Int64) {
        let now = Mutex<Int64>(0)
        let clock: @Sendable () -> Int64 = {
          now.withLock { now in
            now += 1
            return now
          }
        }
        var request = request(order)
        request.deadline = deadline
        let outcome = try TestWorld.search(clock: clock, isAlone: true)
          .run(request, world.scopes, source: TestSource(world.logs))
        return (outcome, now.withLock { $0 })
      }
      let (all, end) = try search(deadline: .max - 1)
      #expect(all.reasonForPartial == nil && places(all.hits.map(\.known)) == places(full))
      var counts: Set<Int> = []
      for part in 1...7 {
        let (outcome, _) = try search(deadline: end * Int64(part) / 8)
        #expect(outcome.reasonForPartial == "the deadline passed" && !outcome.totalIsExact)
        #expect(places(outcome.hits.map(\.known)).isSubset(of: places(full)))
        counts.insert(outcome.hits.count)
      }
      #expect(counts.count > 2)
    }
  }

  @Test func aByteBudgetEndsTheSearchWithWhatWasFound() throws {
    let world = try TestWorld(seed: 77)
    let full = world.expected(question, world.scopes.map(\.offsets))
    var request = request()
    request.byteBudget = 5000
    let outcome = try TestWorld.search(isAlone: true).run(request, world.scopes, source: TestSource(world.logs))
    #expect(outcome.reasonForPartial?.contains("5000 bytes") ?? false)
    #expect(!outcome.totalIsExact && outcome.hits.count < full.count)
  }

  @Test func aCancelledSearchSaysSo() throws {
    let world = try TestWorld(seed: 78)
    var request = request()
    let asked = Mutex(0)
    request.isCancelled = {
      asked.withLock {
        $0 += 1
        return $0 > 5
      }
    }
    #expect { try TestWorld.search().run(request, world.scopes, source: TestSource(world.logs)) } throws: {
      ($0 as? TierError)?.code == .cancelled
    }
  }
}
