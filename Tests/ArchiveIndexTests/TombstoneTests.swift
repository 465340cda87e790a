import Testing
import TierKit

@testable import ArchiveIndexCore

/// Deletions that outlive the segment index.
@Suite struct TombstoneTests {
  private let mark = "orders~AAECAwQFBgcICQoLDA0ODw/3/partition.deleted"

  private func index(_ rig: Rig) -> String { "\(rig.directory.path)/segments.index" }

  /// A rig whose partition is deleted as far as the host knows; nothing has gone yet.
  private func deleted(_ disk: SimulatedDisk = SimulatedDisk()) throws -> Rig {
    let rig = try Rig(disk: disk)
    let partition = try rig.open()
    try partition.importSegment(batches(30))
    partition.close()
    try rig.tier.deletePartition(Rig.orders)
    return rig
  }

  private func restarted(_ rig: Rig, _ disk: SimulatedDisk) throws -> Rig {
    rig.tier.stop()
    return try Rig(rig.store, in: rig.directory, disk: disk)
  }

  @Test func aDeletionThatWasPromisedSurvivesTheLossOfTheIndex() throws {
    let disk = SimulatedDisk()
    let rig = try deleted(disk)
    #expect(rig.store.keys.contains(mark))
    #expect(try rig.findings().isEmpty, "neither foreign nor unknown")
    disk[index(rig)] = nil
    let again = try restarted(rig, disk)
    #expect(try again.tier.listPartitions().isEmpty)
    #expect(again.tier.environment.index.current.pendingPartitions == [Rig.orders])
    #expect(try again.open(at: 7).state.endOffset == 7, "nothing comes back")
    try again.expectClean()
    #expect(again.store.keys.isEmpty)
  }

  @Test func theMarkGoesLastWhateverFails() throws {
    let disk = SimulatedDisk()
    var rig = try deleted(disk)
    // Every call of the deletion fails once, at each of them the index is lost, and nothing ever comes back.
    for skip in 0..<6 {
      rig.store.fail(.remove, skip % 2 == 0 ? .refuses(.retriable) : .losesAnswer, skip: skip / 2)
      do { try rig.tier.environment.deletions.runOnce() } catch {}
      rig.store.repair()
      let keys = rig.store.keys
      #expect(keys.isEmpty || keys.contains(mark), "objects without a mark: \(keys)")
      disk[index(rig)] = nil
      rig = try restarted(rig, disk)
      #expect(try rig.tier.listPartitions().isEmpty)
    }
    try rig.expectClean()
    #expect(rig.store.keys.isEmpty)
  }

  @Test func keysBehindTheMarkGoTooAndOtherPartitionsStay() throws {
    let rig = try deleted()
    let stranger = mark.replacing("partition.deleted", with: "zzz")
    rig.store[stranger] = [1]
    let sibling = mark.replacing("/3/", with: "/31/").replacing("partition.deleted", with: "other")
    rig.store[sibling] = [1]
    try rig.tier.environment.deletions.runOnce()
    #expect(rig.store.keys == [sibling])
  }

  @Test func aStoreThatIsAwayLetsTheHostAskAgainAndTheDeletionGoesOn() throws {
    let rig = try Rig()
    let partition = try rig.open()
    try partition.importSegment(batches(30))
    partition.close()
    rig.store.isDown = true
    let error = #expect(throws: TierError.self) { try rig.tier.deletePartition(Rig.orders) }
    #expect(error?.code == .retriable)
    #expect(try rig.tier.listPartitions().isEmpty, "it is hidden at once all the same")
    rig.store.isDown = false
    #expect(!rig.store.keys.contains(mark))
    try rig.tier.deletePartition(Rig.orders)
    #expect(rig.store.keys.contains(mark))
    try rig.expectClean()
    #expect(rig.store.keys.isEmpty)
    // A host that lost the answer asks once more, when everything is gone.
    try rig.tier.deletePartition(Rig.orders)
    try rig.expectClean()
    #expect(rig.store.keys.isEmpty)
  }

  /// It cannot be told from one whose deletion was never accepted, and what is kept can still be deleted.
  @Test func anIndexFromBeforeTheDeletionKeepsThePartitionUntilItIsDeletedAgain() throws {
    let disk = SimulatedDisk()
    let rig = try Rig(disk: disk)
    let partition = try rig.open()
    try partition.importSegment(batches(30))
    partition.close()
    let yesterday = disk[index(rig)]
    try rig.tier.deletePartition(Rig.orders)
    disk[index(rig)] = yesterday
    let again = try restarted(rig, disk)
    #expect(try again.findings().map(\.key) == [mark])
    _ = try again.tier.rebuild { _, _ in true }
    #expect(try again.tier.listPartitions() == [Rig.orders])
    try again.expectClean()
    #expect(!again.store.keys.isEmpty && !again.store.keys.contains(mark))
    try again.tier.deletePartition(Rig.orders)
    try again.expectClean()
    #expect(again.store.keys.isEmpty)
  }

  @Test func aMarkOfADeletionThatWasNeverAcceptedDoesNotTakeWhatIsWrittenNow() throws {
    let disk = SimulatedDisk()
    let rig = try Rig(disk: disk)
    // The mark is there, the index could not be written, and the mark could not be taken back: the host was told that
    // nothing was accepted.
    disk.fail(at: disk.changeCount)
    rig.store.fail(.remove, .refuses(.retriable), key: mark)
    #expect(throws: TierError.self) { try rig.tier.deletePartition(Rig.orders) }
    #expect(rig.store.keys == [mark])
    let all = batches(10)
    try rig.open().importSegment(all)
    #expect(!rig.store.keys.contains(mark))
    disk[index(rig)] = nil
    let again = try restarted(rig, disk)
    #expect(try again.open().readAll(from: 0) == bytes(all))
    try again.expectClean()
  }

  @Test func aPartitionThatIsUsedAgainAfterTheIndexWasLostHasOnlyItsNewRecords() throws {
    let disk = SimulatedDisk()
    let rig = try deleted(disk)
    disk[index(rig)] = nil
    let again = try restarted(rig, disk)
    let partition = try again.open()
    let fresh = batches(4, seed: 9)
    try partition.importSegment(fresh)
    #expect(try partition.readAll(from: 0) == bytes(fresh))
    try again.expectClean()
    disk[index(again)] = nil
    let third = try restarted(again, disk)
    #expect(try third.open().readAll(from: 0) == bytes(fresh))
    try third.expectClean()
  }

  @Test func objectsBelowTheStartThatAListingBringsBackGoWhenTheHostTellsItsStart() throws {
    let disk = SimulatedDisk()
    let rig = try Rig(disk: disk)
    let all = batches(40)
    try rig.open().importSegment(all)
    let partition = rig.tier.environment.index.current.partitions[Rig.orders]!
    try rig.tier.environment.index.commit { $0.removal(of: partition.id, below: 33) }
    disk[index(rig)] = nil
    let again = try restarted(rig, disk)
    let reopened = try again.open()
    #expect(reopened.state.startOffset == 0, "names do not say where the log begins")
    try reopened.advanceStart(to: 33)
    #expect(try reopened.answer(32).outcome == .miss)
    #expect(try reopened.answer(33).start == 32)
    try again.expectClean()
    #expect(again.store.keys.allSatisfy { Int64($0.split(separator: "/")[2].prefix(20))! >= 33 })
  }
}
