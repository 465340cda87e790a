import Testing
import TierKit

@testable import ArchiveIndexCore

/// Readers of a store that answers nothing: who waits for a place or for a page, and for how long.
@Suite struct ReadWaitTests {
  private let rig: Rig
  private let object: IndexedObject
  private let content: [UInt8]

  /// One object, nothing of which is cached, in a store that holds every read from now on.
  init() throws {
    rig = try Rig {
      $0.objectByteCount = 64 << 20
      $0.index = .none
    }
    try rig.open().importSegment(batches(48, size: 60_000, records: 1))
    object = rig.tier.environment.index.current.entries[0]
    rig.tier.environment.forget(object.name)
    content = try #require(rig.store[object.key])
    rig.store.holdReads(true)
  }

  private static func page(_ number: Int) -> Range<Int> {
    number * Limits.pageByteCount..<(number + 1) * Limits.pageByteCount
  }

  /// Reads pages in threads of their own, which end when the store answers.
  private func readers(_ pages: Range<Int>) -> [WorkerThread] {
    let chunks = rig.tier.environment.chunks
    return pages.map { number in
      WorkerThread { [object, content] in
        do {
          let range = Self.page(number)
          #expect(try chunks.read(object, [range], StoreCall()) == [Array(content[range])])
        } catch { Issue.record(error) }
      }
    }
  }

  @Test func readAheadThatFindsNoPlaceGivesItsPagesBack() throws {
    // Every place is taken and one reader more waits for one.
    let places = Limits.parallelReadsMax
    let threads = readers(0..<places + 1)
    #expect(rig.store.waitUntilHeld(places))
    let chunks = rig.tier.environment.chunks
    #expect(try chunks.prefetch(object, [Self.page(100)], StoreCall()) == false, "it does not wait")
    // Nobody has claimed the page: the reader fetches it once the store answers again.
    let late = readers(100..<101)
    rig.store.holdReads(false)
    for thread in threads + late { thread.join() }
    #expect(try chunks.prefetch(object, [Self.page(101)], StoreCall()))
    #expect(try chunks.read(object, [Self.page(101)], StoreCall()) == [Array(content[Self.page(101)])])
  }

  @Test(arguments: [true, false])
  func waitingForAPlaceEndsWithTheCall(_ isCancelled: Bool) throws {
    let threads = readers(0..<Limits.parallelReadsMax)
    #expect(rig.store.waitUntilHeld(Limits.parallelReadsMax))
    let call = StoreCall(deadline: isCancelled ? .max : 0, isCancelled: { isCancelled })
    let error = #expect(throws: TierError.self) {
      _ = try rig.tier.environment.chunks.read(object, [Self.page(100)], call)
    }
    #expect(error?.code == (isCancelled ? .cancelled : .retriable))
    // Who gave up does not stand in the way of those behind.
    let late = readers(101..<102)
    rig.store.holdReads(false)
    for thread in threads + late { thread.join() }
  }

  @Test(arguments: [true, false])
  func waitingForWhatOthersFetchEndsWithTheCall(_ isCancelled: Bool) throws {
    let threads = readers(7..<8)
    #expect(rig.store.waitUntilHeld(1))
    let call = StoreCall(deadline: isCancelled ? .max : 0, isCancelled: { isCancelled })
    let error = #expect(throws: TierError.self) {
      _ = try rig.tier.environment.chunks.read(object, [Self.page(7)], call)
    }
    #expect(error?.code == (isCancelled ? .cancelled : .retriable))
    rig.store.holdReads(false)
    for thread in threads { thread.join() }
  }
}
