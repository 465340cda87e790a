import Testing
import TierKit

@testable import ArchiveIndexCore

@Suite struct DeletionTests {
  @Test func aRaisedStartHidesAtOnceAndDeletesLater() throws {
    let rig = try Rig()
    let partition = try rig.open()
    let all = batches(40)
    try partition.importSegment(all)
    let count = rig.store.keys.count
    let held = try partition.answer(0)
    try partition.advanceStart(to: 33)
    #expect(partition.state.startOffset == 33)
    #expect(try partition.answer(32).outcome == .miss)
    #expect(try partition.answer(33).start == 32, "the batch that contains the start")
    #expect(rig.store.keys.count == count)
    #expect(rig.tier.environment.index.current.pendingDeletionCount > 0)
    try rig.expectClean()
    #expect(rig.store.keys.count < count)
    #expect(held.bytes == bytes(all[..<(held.bytes.count / all[0].bytes.count)]))
    try partition.advanceStart(to: 10)
    #expect(partition.state.startOffset == 33)
    #expect(throws: TierError.self) { try partition.advanceStart(to: 81) }
    try partition.advanceStart(to: 80)
    try rig.expectClean()
    #expect(rig.store.keys.isEmpty)
    #expect(partition.state.startOffset == 80 && partition.state.endOffset == 80)
    let again = try rig.restarted()
    let empty = try again.open()
    #expect(empty.state.startOffset == 80 && empty.state.endOffset == 80)
    let more = batches(3, from: 80)
    try empty.importSegment(more)
    #expect(try empty.readAll(from: 80) == bytes(more))
    try again.expectClean()
  }

  @Test(arguments: [TierError.Code.throttled, .retriable])
  func aStoreThatRefusesIsAskedAgainAlsoAfterARestart(_ code: TierError.Code) throws {
    let rig = try Rig()
    let partition = try rig.open()
    try partition.importSegment(batches(40))
    try partition.advanceStart(to: 40)
    rig.store.fail(.remove, .refuses(code), count: 100)
    #expect(throws: TierError.self) { try rig.tier.environment.deletions.runOnce() }
    #expect(try rig.findings().isEmpty, "what waits for its deletion is no finding")
    let again = try rig.restarted()
    #expect(again.tier.environment.index.current.pendingDeletionCount > 0)
    rig.store.repair()
    rig.store.fail(.remove, .losesAnswer)
    #expect(throws: TierError.self) { try again.tier.environment.deletions.runOnce() }
    try again.expectClean()
    #expect(try again.open().readAll(from: 40) == bytes(batches(40)[20...]))
  }

  @Test func aDeletedPartitionGoesWholeEvenWhatTheIndexNeverKnew() throws {
    let rig = try Rig()
    let kept = PartitionID(topic: "orders", topicID: Rig.orders.topicID, partition: 4)
    let other = try rig.open(kept)
    try other.importSegment(batches(10))
    let partition = try rig.open()
    try partition.importSegment(batches(30))
    #expect(throws: TierError.self) { try rig.tier.deletePartition(Rig.orders) }
    partition.close()
    let known = rig.store.objects.first { $0.key.contains("/3/") }!
    let unknown = known.key.replacing("/3/00000000000", with: "/3/00000000900")
    rig.store[unknown] = known.value
    try rig.tier.deletePartition(Rig.orders)
    try rig.tier.deletePartition(Rig.orders)
    #expect(try rig.tier.listPartitions() == [kept])
    rig.store.isDown = true
    #expect(throws: TierError.self) { try rig.tier.environment.deletions.runOnce() }
    let reopened = try rig.open(at: 30)
    #expect(reopened.state.startOffset == 30 && reopened.state.endOffset == 30)
    let fresh = batches(5, from: 30)
    #expect(throws: TierError.self, "an object put now would be taken for an old one") {
      try reopened.importSegment(fresh)
    }
    rig.store.isDown = false
    try reopened.importSegment(fresh)
    try rig.expectClean()
    #expect(rig.store.keys.filter { $0.contains("/3/") }.count == 1)
    #expect(try reopened.readAll(from: 30) == bytes(fresh))
    #expect(try other.readAll(from: 0) == bytes(batches(10)))
  }

  @Test func theWorkerDeletesOnItsOwnAndStops() throws {
    let store = MemoryStore()
    let host = FakeHost()
    let directory = try ScratchDirectory()
    var configuration = Configuration()
    configuration.objectByteCount = 4_000
    let tier = try ArchiveTier(
      host: host.services, store: store, configuration: configuration, instanceName: "threads",
      directory: directory.path)
    try tier.start()
    let partition = try tier.open(Rig.orders)
    try partition.importSegment(batches(40))
    try partition.advanceStart(to: 80)
    let isDone = store.waitUntilEmpty()
    #expect(isDone)
    partition.close()
    tier.stop()
  }
}
