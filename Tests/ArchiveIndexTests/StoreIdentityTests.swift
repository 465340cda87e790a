import ArchiveFormat
import Glibc
import Testing
import TierKit

@testable import ArchiveIndexCore

@Suite struct StoreIdentityTests {
  private let all = batches(30)

  /// An archive with something in it, stopped.
  private func filled(name: String = "archive") throws -> Rig {
    let rig = try Rig(name: name)
    let partition = try rig.open()
    try partition.importSegment(all)
    partition.close()
    rig.tier.stop()
    return rig
  }

  private func identity(_ store: MemoryStore) -> [UInt8]? { store[StoreIdentity.key] }

  @Test func theFirstStartGivesTheStoreAnIDThatStaysAndIsNoFinding() throws {
    let rig = try filled()
    let id = try #require(identity(rig.store))
    #expect(id.count == 32)
    #expect(ObjectName(path: StoreIdentity.key) == nil)
    let again = try Rig(rig.store, in: rig.directory)
    #expect(identity(rig.store) == id)
    #expect(again.tier.environment.index.current.storeID == String(decoding: id, as: UTF8.self))
    try again.expectClean()
    _ = try again.tier.rebuild { _, _ in true }
    #expect(try again.open().readAll(from: 0) == bytes(all))
    again.tier.stop()
    // Another archive has another id.
    #expect(identity(try filled().store) != id)
  }

  @Test func aStoreThatIsAnotherIsRefused() throws {
    let rig = try filled()
    let other = try filled()
    let empty = MemoryStore()
    for store in [other.store, empty] {
      let before = store.objects
      let error = #expect(throws: TierError.self) { _ = try Rig(store, in: rig.directory) }
      #expect(error?.code == .permanent)
      #expect(error?.message.contains("bucket") == true)
      #expect(store.objects == before)
    }
    let right = try Rig(rig.store, in: rig.directory)
    #expect(try right.open().readAll(from: 0) == bytes(all), "the right one is taken as ever")
  }

  @Test func anIndexWithoutAnIDTakesTheStoresOrGivesItOne() throws {
    let rig = try filled()
    let index = "\(rig.directory.path)/segments.index"
    #expect(unlink(index) == 0)
    let rebuilt = try Rig(rig.store, in: rig.directory)
    #expect(
      rebuilt.tier.environment.index.current.storeID == identity(rig.store).map { String(decoding: $0, as: UTF8.self) })
    rebuilt.tier.stop()
    // What an earlier version left: entries, and an id nowhere.
    var state = IndexState()
    state.apply(
      rebuilt.tier.environment.index.current.snapshot.filter { if case .storeID = $0 { false } else { true } })
    let old = SegmentIndex(disk: PosixDisk(), directory: rig.directory.path)
    try old.replace(with: state)
    old.close()
    rig.store[StoreIdentity.key] = nil
    let again = try Rig(rig.store, in: rig.directory)
    #expect(try again.open().readAll(from: 0) == bytes(all))
    #expect(identity(rig.store) != nil)
  }

  @Test func aStoreThatIsAwayDoesNotHoldUpTheStartAndIsAskedLater() throws {
    let rig = try filled()
    let right = rig.store.objects
    rig.store.isDown = true
    rig.store.objects = [:]
    let again = try Rig(rig.store, in: rig.directory, name: "identity-away")
    #expect(again.host.lines(.warning).count == 1)
    let partition = try again.open()
    // It comes back, and is another: nothing is taken away, nothing is added, nothing counts as gone.
    rig.store.isDown = false
    let fallback = try FallbackTier(
      host: again.host.services,
      options: TierOptions(instanceName: "last", dataDirectory: "", settings: ["archive": "identity-away"]))
    let last = try fallback.openPartition(Rig.orders, settings: PartitionSettings(), initialOffset: 0)
    let held = again.tier.environment.index.current
    try again.tier.environment.index.commit { _ in [.deleteObject(key: held.entries[0].key)] }
    let attempts: [() throws -> Void] = [
      { _ = try last.answer(20) }, { try partition.importSegment(batches(3, from: 60)) },
      { _ = try again.tier.rebuild { _, _ in true } }, { try again.tier.environment.deletions.runOnce() },
    ]
    for attempt in attempts {
      let error = #expect(throws: TierError.self) { try attempt() }
      #expect(error?.code == .permanent)
    }
    #expect(again.tier.environment.index.current.entries.count == held.entries.count)
    #expect(again.tier.environment.index.current.pendingDeletionCount == 1)
    #expect(rig.store.objects.isEmpty)
    // The right one is back.
    rig.store.objects = right
    try partition.importSegment(batches(3, from: 60))
    #expect(try partition.readAll(from: 0) == bytes(all) + bytes(batches(3, from: 60)))
  }
}
