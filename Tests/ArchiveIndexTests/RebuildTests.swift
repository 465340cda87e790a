import ArchiveFormat
import Testing
import TierKit

@testable import ArchiveIndexCore

@Suite struct RebuildTests {
  /// A store with three partitions in it, and what they hold.
  private func filled(_ disk: SimulatedDisk) throws -> (Rig, [(PartitionID, [TestBatch])]) {
    let rig = try Rig(disk: disk)
    var held: [(PartitionID, [TestBatch])] = []
    for number in Int32(0)..<3 {
      let id = PartitionID(
        topic: "topic-\(number)", topicID: [UInt8](repeating: UInt8(number), count: 16), partition: number)
      let partition = try rig.open(id)
      let all = batches(20 + Int(number), from: Int64(number) * 100)
      try partition.importSegment(all)
      held.append((id, all))
    }
    return (rig, held)
  }

  private func index(_ rig: Rig) -> String { "\(rig.directory.path)/segments.index" }

  @Test func aLostIndexIsMadeAgainBeforeAnythingIsOpened() throws {
    let disk = SimulatedDisk()
    let (rig, held) = try filled(disk)
    rig.tier.stop()
    disk[index(rig)] = nil
    rig.store.resetCounts()
    let again = try Rig(rig.store, in: rig.directory, disk: disk)
    #expect(rig.store.calls(.read) == 0, "names suffice")
    for (id, all) in held {
      let partition = try again.open(id)
      #expect(partition.state.startOffset == all.first!.baseOffset && partition.state.endOffset == all.last!.nextOffset)
      #expect(partition.state.maxTimestamp == all.last!.maxTimestamp)
      #expect(try partition.readAll(from: all.first!.baseOffset) == bytes(all))
    }
    try again.expectClean()
    #expect(again.host.lines(.warning).count == 1)
  }

  @Test func aDamagedIndexKeepsWhatOnlyItKnows() throws {
    let disk = SimulatedDisk()
    let (rig, held) = try filled(disk)
    let partition = try rig.tier.open(PartitionID(topic: "x", topicID: [UInt8](repeating: 9, count: 16), partition: 0))
    partition.close()
    let (id, all) = held[0]
    rig.tier.stop()
    let second = try Rig(rig.store, in: rig.directory, disk: disk)
    try second.open(id).advanceStart(to: 25)
    try second.open(held[1].0).importSegment(batches(5, from: held[1].1.last!.nextOffset))
    second.tier.stop()
    disk[index(rig)]![disk[index(rig)]!.count - 1] ^= 1
    let again = try Rig(rig.store, in: rig.directory, disk: disk)
    #expect(try again.open(id).state.startOffset == 25)
    #expect(try again.open(id2(held)).state.endOffset == held[1].1.last!.nextOffset + 10)
    try again.expectClean()
    #expect(all.count == 20)
  }

  private func id2(_ held: [(PartitionID, [TestBatch])]) -> PartitionID { held[1].0 }

  @Test func anIndexThatWasCutIsCompletedFromAStoreThatAnswers() throws {
    let disk = SimulatedDisk()
    let (rig, held) = try filled(disk)
    rig.tier.stop()
    disk[index(rig)]!.removeLast(disk[index(rig)]!.count / 2)
    let again = try Rig(rig.store, in: rig.directory, disk: disk)
    for (id, all) in held { #expect(try again.open(id).readAll(from: all[0].baseOffset) == bytes(all)) }
    try again.expectClean()
  }

  @Test func withoutTheStoreALostIndexIsAnErrorAndNotAnEmptyArchive() throws {
    let disk = SimulatedDisk()
    let (rig, held) = try filled(disk)
    rig.tier.stop()
    disk[index(rig)]![30] ^= 1
    rig.store.isDown = true
    let broken = try Rig(rig.store, in: rig.directory, disk: disk, start: false)
    let error = #expect(throws: TierError.self) { try broken.tier.start() }
    #expect(error?.code == .retriable)
    #expect(error?.message.contains("store") == true)
    #expect(broken.host.clock.load(ordering: .relaxed) > 30_000_000_000, "it was patient")
    // A store that comes back in time is enough.
    rig.store.isDown = false
    rig.store.fail(.list, .refuses(.throttled), count: 5)
    let again = try Rig(rig.store, in: rig.directory, disk: disk)
    #expect(try again.open(held[2].0).readAll(from: 200) == bytes(held[2].1))
  }

  @Test func aNewInstanceOnAnEmptyStoreAsksOnce() throws {
    let rig = try Rig()
    #expect(rig.store.calls(.list) == 1)
    let again = try rig.restarted()
    #expect(rig.store.calls(.list) == 1)
    #expect(again.host.lines(.info).isEmpty)
  }

  @Test func tenThousandNamesAreReadInTenPages() throws {
    let store = MemoryStore(page: 1000)
    store.objects = Dictionary(
      uniqueKeysWithValues: (0..<10_000).map { number in
        let name = ObjectName(
          topic: "big", topicID: [UInt8](repeating: 3, count: 16), partition: Int32(number % 4),
          baseOffset: Int64(number / 4) * 1000, lastOffset: Int64(number / 4) * 1000 + 999, maxTimestamp: Int64(number),
          leaderEpoch: 0, generation: 0, hotByteCount: 100)
        return (name.path, [UInt8](repeating: 0, count: 200))
      })
    let rig = try Rig(store)
    #expect(store.calls(.list) == 10)
    #expect(rig.tier.environment.index.current.objectCount == 10_000)
    #expect(
      try rig.open(PartitionID(topic: "big", topicID: [UInt8](repeating: 3, count: 16), partition: 2)).state.endOffset
        == 2_500_000)
  }

  @Test func verifyingAndRebuildingAgreeAboutEverythingThatCanBeWrong() throws {
    let (rig, held) = try filled(SimulatedDisk())
    let entries = rig.tier.environment.index.current.entries.sorted { $0.key < $1.key }
    let lost = entries[1]
    let unknown = entries[4]
    let good = rig.store[lost.key]
    rig.store[lost.key] = nil
    try rig.tier.environment.index.commit { _ in [.remove(unknown.name)] }
    rig.store["notes.txt"] = [1]
    let found = try rig.findings()
    #expect(found.contains { $0.kind == .entryWithoutObject && $0.key == lost.key })
    #expect(found.contains { $0.kind == .objectWithoutEntry && $0.key == unknown.key })
    #expect(found.contains { $0.kind == .foreign && $0.key == "notes.txt" })
    let summary = try rig.tier.rebuild { _, _ in true }
    #expect(summary.repaired == 2 + 1, "one added and completed, one removed")
    #expect(summary.objects == UInt64(rig.store.keys.count - 1))
    let left = try rig.findings()
    #expect(Set(left.map(\.kind)) == [.foreign, .lost])
    #expect(try rig.tier.rebuild { _, _ in true }.repaired == 0)
    rig.store[lost.key] = good
    rig.store["notes.txt"] = nil
    _ = try rig.tier.rebuild { _, _ in true }
    try rig.expectClean()
    #expect(throws: TierError.self) { try rig.tier.rebuild { _, _ in false } }
    #expect(held.count == 3)
  }

  @Test func theIndexIsExportedAsJSON() throws {
    let (rig, held) = try filled(SimulatedDisk())
    var text = ""
    try rig.tier.exportJSON(topic: nil) { text += $0 }
    let all = try #require(try JSONReader.read(text) as? [String: Any])
    let partitions = try #require(all["partitions"] as? [[String: Any]])
    #expect(partitions.map { $0["topic"] as? String } == held.map(\.0.topic))
    #expect(partitions.compactMap { ($0["objects"] as? [Any])?.count }.reduce(0, +) == rig.store.keys.count)
    text = ""
    try rig.tier.exportJSON(topic: "topic-1") { text += $0 }
    let one = try #require(try JSONReader.read(text) as? [String: Any])
    #expect((one["partitions"] as? [[String: Any]])?.first?["end_offset"] as? Int == 142)
  }
}
