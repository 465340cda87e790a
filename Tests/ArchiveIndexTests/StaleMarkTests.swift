import Testing
import TierKit

@testable import ArchiveIndexCore

/// Marks of deletions that the index does not have.
@Suite struct StaleMarkTests {
  private let mark = "orders~AAECAwQFBgcICQoLDA0ODw/3/partition.deleted"
  private let all = batches(30)

  private func index(_ rig: Rig) -> String { "\(rig.directory.path)/segments.index" }

  /// A rig with one partition, which came in three segments and is closed.
  private func filled(_ disk: SimulatedDisk = SimulatedDisk()) throws -> Rig {
    let rig = try Rig(disk: disk)
    let partition = try rig.open()
    for first in stride(from: 0, to: 30, by: 10) { try partition.importSegment(Array(all[first..<first + 10])) }
    partition.close()
    return rig
  }

  private func restarted(_ rig: Rig, _ disk: SimulatedDisk) throws -> Rig {
    rig.tier.stop()
    return try Rig(rig.store, in: rig.directory, disk: disk)
  }

  @Test func aDeletionThatIsNotAcceptedTakesItsMarkBack() throws {
    let disk = SimulatedDisk()
    let rig = try filled(disk)
    let before = rig.store.keys
    disk.fail(at: disk.changeCount)
    let error = #expect(throws: TierError.self) { try rig.tier.deletePartition(Rig.orders) }
    #expect(error?.code == .noSpace)
    #expect(rig.store.keys == before)
    disk[index(rig)] = nil
    let again = try restarted(rig, disk)
    #expect(try again.open().readAll(from: 0) == bytes(all))
    try again.expectClean()
  }

  @Test func aMarkThatWasThereBeforeIsNotTakenBack() throws {
    let disk = SimulatedDisk()
    let rig = try filled(disk)
    rig.store[mark] = Tombstone.content
    disk.fail(at: disk.changeCount)
    #expect(throws: TierError.self) { try rig.tier.deletePartition(Rig.orders) }
    #expect(rig.store.keys.contains(mark))
  }

  @Test func aRebuildOfAnIntactIndexKeepsThePartitionAndRemovesTheMark() throws {
    let disk = SimulatedDisk()
    let rig = try filled(disk)
    rig.store[mark] = Tombstone.content
    #expect(try rig.findings().map(\.key) == [mark])
    #expect(try rig.tier.rebuild { _, _ in true }.repaired == 1)
    #expect(rig.tier.environment.index.current.pendingPartitions.isEmpty)
    #expect(!rig.store.keys.contains(mark))
    #expect(try rig.open().readAll(from: 0) == bytes(all))
    try rig.expectClean()
    #expect(try rig.tier.rebuild { _, _ in true }.repaired == 0)
    // Nothing is left that the loss of the index could bring up again.
    disk[index(rig)] = nil
    let again = try restarted(rig, disk)
    #expect(try again.open().readAll(from: 0) == bytes(all))
  }

  @Test func anIndexWithoutItsLastChangeKeepsThePartitionAndTheMark() throws {
    let disk = SimulatedDisk()
    let rig = try filled(disk)
    rig.store[mark] = Tombstone.content
    rig.tier.stop()
    disk[index(rig)]!.removeLast(3)
    let again = try Rig(rig.store, in: rig.directory, disk: disk)
    #expect(again.host.lines(.warning).contains { $0.text.contains("the partition was kept") })
    #expect(again.store.keys.contains(mark))
    #expect(try again.open().readAll(from: 0) == bytes(all))
  }

  @Test func aDamagedIndexObeysTheMark() throws {
    let disk = SimulatedDisk()
    let rig = try filled(disk)
    rig.store[mark] = Tombstone.content
    rig.tier.stop()
    disk[index(rig)]![disk[index(rig)]!.count - 1] ^= 1
    let again = try Rig(rig.store, in: rig.directory, disk: disk)
    #expect(again.tier.environment.index.current.pendingPartitions == [Rig.orders])
    try again.expectClean()
    #expect(again.store.keys.isEmpty)
  }

  /// The lock that both sides hold is what keeps the deletion out: that it is held while the mark is removed is seen
  /// without waiting for something that must not happen.
  @Test func aDeletionThatIsAcceptedWhileAStaleMarkIsRemovedKeepsItsMark() throws {
    let rig = try filled()
    rig.store[mark] = Tombstone.content
    let tier = rig.tier
    let mark = mark
    let thread = Guarded<WorkerThread?>(nil)
    rig.store.beforeRemoving { keys in
      guard keys == [mark] else { return }
      #expect(tier.environment.deletions.marks.isHeld, "a deletion could be accepted before its mark is removed")
      let other = WorkerThread {
        do throws(TierError) { try tier.deletePartition(Rig.orders) } catch { Issue.record(error) }
      }
      thread.withLock { $0 = other }
    }
    #expect(try !tier.environment.deletions.settleMark(of: Rig.orders, isCancelled: { false }))
    rig.store.beforeRemoving(nil)
    try #require(thread.withLock { $0 }).join()
    #expect(tier.environment.index.current.pendingPartitions == [Rig.orders])
    #expect(rig.store.keys.contains(mark), "a job without its mark would not outlive the index")
    try rig.expectClean()
  }

  /// The other side of the same lock.
  @Test func aDeletionPutsItsMarkWhileNoneCanBeRemoved() throws {
    let rig = try filled()
    let deletions = rig.tier.environment.deletions
    let mark = mark
    let puts = Guarded(0)
    rig.store.beforePutting { key in
      guard key == mark else { return }
      #expect(deletions.marks.isHeld, "the mark could be removed before the index has the deletion")
      puts.withLock { $0 += 1 }
    }
    try rig.tier.deletePartition(Rig.orders)
    rig.store.beforePutting(nil)
    #expect(puts.withLock { $0 } == 1)
    try rig.expectClean()
  }

  @Test func aPageWithNothingThatIsNotTheLastEndsNoListing() throws {
    let rig = try filled()
    let before = rig.store.keys
    rig.store.fail(.list, .hidesPage)
    let error = #expect(throws: TierError.self) { try rig.tier.rebuild { _, _ in true } }
    #expect(error?.code == .retriable)
    #expect(try rig.open().readAll(from: 0) == bytes(all))
    try rig.tier.environment.index.commit { _ in [.deletePartition(Rig.orders)] }
    rig.store.fail(.list, .hidesPage)
    #expect(throws: TierError.self) { try rig.tier.environment.deletions.runOnce() }
    #expect(rig.tier.environment.index.current.pendingPartitions == [Rig.orders], "nothing counts as gone")
    #expect(rig.store.keys == before)
    try rig.expectClean()
    #expect(rig.store.keys.isEmpty)
  }
}
