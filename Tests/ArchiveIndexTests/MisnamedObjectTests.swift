import ArchiveFormat
import Foundation
import Testing
import TierKit

@testable import ArchiveIndexCore

/// Files of the store that somebody copied or renamed: the footer, not the name, says what they are.
@Suite struct MisnamedObjectTests {
  private let all = batches(60)

  private func filled() throws -> (Rig, [IndexedObject]) {
    let rig = try Rig()
    try rig.open().importSegment(all)
    let entries = rig.tier.environment.index.current.entries.sorted { $0.key < $1.key }
    try #require(entries.count >= 4)
    return (rig, entries)
  }

  private func moved(_ name: ObjectName, by distance: Int64) -> ObjectName {
    var moved = name
    moved.baseOffset += distance
    moved.lastOffset += distance
    return moved
  }

  /// The same store and nothing else.
  private func fresh(_ rig: Rig) throws -> Rig {
    rig.tier.stop()
    return try Rig(rig.store, name: "fresh-\(UUID().uuidString)")
  }

  private func expectNamedOnce(_ key: String, _ rig: Rig) throws {
    let lines = rig.host.lines(.warning).filter { $0.text.contains("not the one its name says") }
    #expect(lines.count == 1)
    #expect(lines.first?.fields["object"] == key)
    #expect(try rig.findings().contains { $0.kind == .damaged && $0.key == key })
    #expect(rig.store[key] != nil, "nothing is deleted")
    #expect(rig.tier.environment.index.current.entries.allSatisfy { $0.key != key })
  }

  @Test(arguments: [120 as Int64, 5_000])
  func aCopyBeyondTheEndDoesNotMoveIt(_ distance: Int64) throws {
    let (rig, entries) = try filled()
    let copy = moved(entries.last!.name, by: distance).path
    rig.store[copy] = rig.store[entries.last!.key]
    let again = try fresh(rig)
    let partition = try again.open()
    #expect(partition.state.endOffset == 120)
    #expect(try partition.readAll(from: 0) == bytes(all))
    try expectNamedOnce(copy, again)
    #expect(try again.findings().count == 1)
    #expect(again.tier.environment.index.current.lostObjectCount == 0, "nobody ever had those offsets")
    let next = try again.restarted()
    #expect(try next.open().state.endOffset == 120)
  }

  @Test func anIndexThatBelievedTheNameIsPutRightByTheNextStart() throws {
    let (rig, entries) = try filled()
    let name = moved(entries.last!.name, by: 5_000)
    rig.store[name.path] = rig.store[entries.last!.key]
    let object = IndexedObject(name: name, byteCount: entries.last!.byteCount)
    try rig.tier.environment.index.commit { _ in [.add(object)] }
    #expect(rig.tier.environment.index[Rig.orders]?.endOffset == name.lastOffset + 1)
    let again = try rig.restarted()
    #expect(try again.open().state.endOffset == 120)
    try expectNamedOnce(name.path, again)
  }

  @Test func anEndThatCannotBeReadIsNamed() throws {
    let (rig, entries) = try filled()
    rig.store[entries.last!.key] = rig.store[entries.last!.key]!.map { _ in 0 }
    let again = try fresh(rig)
    #expect(try again.open().state.endOffset == 120, "what is damaged is still the archive's")
    let lines = again.host.lines(.warning).filter { $0.text.contains("its name is believed") }
    #expect(lines.map { $0.fields["object"] } == [entries.last!.key])
    #expect(try again.findings().map(\.kind) == [.damaged])
  }

  @Test func anotherObjectInTheMiddleIsALossAndNeverServed() throws {
    let (rig, entries) = try filled()
    let (victim, other) = (entries[1], entries[2])
    rig.store[victim.key] = rig.store[other.key]
    let again = try fresh(rig)
    let partition = try again.open()
    let error = #expect(throws: TierError.self) { try partition.answer(victim.name.baseOffset) }
    #expect(error?.code == .corrupt)
    #expect(error?.message.contains(victim.key) == true)
    #expect(throws: TierError.self) { try partition.answer(victim.name.baseOffset) }
    #expect(try partition.readAll(from: other.name.baseOffset) == bytes(all.filter { $0.baseOffset >= other.name.baseOffset }))
    try expectNamedOnce(victim.key, again)
    let found = try again.findings()
    #expect(Set(found.map(\.kind)) == [.damaged, .lost])
    let range = "\(victim.name.baseOffset) to \(victim.name.lastOffset)"
    #expect(found.contains { $0.kind == .lost && $0.detail.contains(range) })
    #expect(again.tier.environment.index[Rig.orders]?.holes.map(\.offsets) == [[victim.name.offsets]])
    _ = try again.tier.rebuild { _, _ in true }
    #expect(try again.findings() == found, "a rebuild believes the name no more than the read did")
    again.store[victim.key] = nil
    #expect(try again.findings().map(\.kind) == [.lost])
  }

  @Test(arguments: ["topic", "topic id", "partition", "offsets", "time", "epoch", "generation"])
  func aRebuildBelievesNoName(_ field: String) throws {
    let (rig, entries) = try filled()
    var name = entries[1].name
    switch field {
    case "topic": name.topic = "others"
    case "topic id": name.topicID[15] ^= 1
    case "partition": name.partition += 1
    case "offsets": name.lastOffset += 1
    case "time": name.maxTimestamp += 1
    case "epoch": name.leaderEpoch += 1
    default: name.generation += 1
    }
    rig.store[name.path] = rig.store[entries[1].key]
    let before = rig.tier.environment.index.current
    let summary = try rig.tier.rebuild { _, _ in true }
    #expect(summary.findings == 1 && summary.repaired == 0)
    #expect(rig.tier.environment.index.current == before)
    try expectNamedOnce(name.path, rig)
  }

  @Test func aCopyBelowTheStartIsNotDeletedByARebuild() throws {
    let (rig, entries) = try filled()
    let name = moved(entries.last!.name, by: -entries.last!.name.baseOffset)
    rig.tier.stop()
    let again = try Rig(rig.store, in: rig.directory)
    try again.open().advanceStart(to: name.lastOffset + 1)
    again.store[name.path] = again.store[entries.last!.key]
    _ = try again.tier.rebuild { _, _ in true }
    try again.tier.environment.deletions.runOnce()
    #expect(again.store[name.path] != nil)
  }

  @Test func aCopyBelowTheStartIsNotDeletedByAStartWithATornIndex() throws {
    let (rig, entries) = try filled()
    let name = moved(entries.last!.name, by: -entries.last!.name.baseOffset)
    let before = try rig.restarted()
    try before.open().advanceStart(to: name.lastOffset + 1)
    try before.tier.environment.deletions.runOnce()
    before.store[name.path] = before.store[entries.last!.key]
    before.tier.stop()
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: rig.directory.path + "/segments.index"))
    try file.seekToEnd()
    try file.write(contentsOf: [9, 0, 0])
    try file.close()
    let again = try Rig(rig.store, in: rig.directory)
    #expect(again.host.lines(.warning).contains { $0.fields["object"] == name.path })
    try again.tier.environment.deletions.runOnce()
    #expect(again.store[name.path] != nil)
    #expect(try again.open().state.endOffset == 120)
  }

  /// Known by its name alone: nobody has read it since the index was lost.
  @Test func aMisnamedObjectIsNotDeletedWhenTheStartPassesItsName() throws {
    let (rig, entries) = try filled()
    let (victim, other) = (entries[1], entries[2])
    rig.store[victim.key] = rig.store[other.key]
    let again = try fresh(rig)
    try again.tier.environment.index.commit { _ in
      [.add(IndexedObject(name: victim.name, byteCount: other.byteCount))]
    }
    try again.open().advanceStart(to: other.name.baseOffset)
    try again.tier.environment.deletions.runOnce()
    #expect(again.store[entries[0].key] == nil, "the others go")
    try expectNamedOnce(victim.key, again)
  }

  @Test func theFallbackDoesNotTakeItIn() throws {
    let rig = try Rig(name: "misnamed-fallback")
    try rig.open().importSegment(all)
    let entry = rig.tier.environment.index.current.entries.max { $0.key < $1.key }!
    let copy = moved(entry.name, by: 5_000)
    rig.store[copy.path] = rig.store[entry.key]
    let options = TierOptions(instanceName: "last", dataDirectory: "", settings: ["archive": "misnamed-fallback"])
    let tier = try FallbackTier(host: rig.host.services, options: options)
    try tier.start()
    let last = try tier.openPartition(Rig.orders, settings: PartitionSettings(), initialOffset: 0)
    #expect(try last.answer(copy.baseOffset).outcome == .miss)
    rig.host.advance(seconds: 60)
    #expect(try last.answer(copy.baseOffset).outcome == .miss)
    try expectNamedOnce(copy.path, rig)
  }

  @Test func anImportLeavesWhatHasItsName() throws {
    let (rig, entries) = try filled()
    let other = try Rig()
    other.store[entries[0].key] = rig.store[entries[1].key]
    let partition = try other.open()
    let error = #expect(throws: TierError.self) { try partition.importSegment(all) }
    #expect(error?.code == .permanent && error?.message.contains(entries[0].key) == true)
    #expect(other.store.keys == [entries[0].key])
    #expect(partition.state.endOffset == 0)
    other.store[entries[0].key] = nil
    try partition.importSegment(all)
    #expect(try partition.readAll(from: 0) == bytes(all))
    try other.expectClean()
  }
}
