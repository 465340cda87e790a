import ArchiveFormat
import Foundation
import Testing
import TierKit

@testable import ArchiveIndexCore

/// What the store has lost is remembered until it is back or nobody wants it any more.
@Suite struct LostObjectTests {
  private func fallback(_ rig: Rig) throws -> any TierPartition {
    let options = TierOptions(instanceName: "last", dataDirectory: "", settings: ["archive": rig.tier.instanceName])
    let tier = try FallbackTier(host: rig.host.services, options: options)
    try tier.start()
    return try tier.openPartition(Rig.orders, settings: PartitionSettings(), initialOffset: 0)
  }

  private static let places = ["first", "middle", "last"]

  /// A rig that has noticed that an object is gone, the object, and its bytes.
  private func rig(losing place: String, _ name: String) throws -> (Rig, IndexedObject, [UInt8]) {
    let rig = try Rig(name: "lost-\(name)-\(place)") { $0.cacheByteCount = 0 }
    try rig.open().importSegment(batches(60))
    let entries = rig.tier.environment.index.current.entries.sorted { $0.key < $1.key }
    try #require(entries.count >= 3)
    let victim = entries[["first": 0, "middle": 1, "last": entries.count - 1][place]!]
    let bytes = rig.store[victim.key]!
    rig.store[victim.key] = nil
    #expect(try fallback(rig).answer(victim.name.baseOffset).outcome == .miss)
    return (rig, victim, bytes)
  }

  private func exported(_ rig: Rig) throws -> [[String: Any]] {
    var text = ""
    try rig.tier.exportJSON(topic: nil) { text += $0 }
    let all = try #require(try JSONReader.read(text) as? [String: Any])
    let partitions = try #require(all["partitions"] as? [[String: Any]])
    return try partitions.flatMap { try #require($0["lost"] as? [[String: Any]]) }
  }

  @Test(arguments: places)
  func aLossIsReportedByVerifyAndExportAlsoAfterARestart(_ place: String) throws {
    let (rig, victim, _) = try rig(losing: place, "reported")
    try expectReported(victim, rig)
    try expectReported(victim, rig.restarted())
  }

  private func expectReported(_ victim: IndexedObject, _ rig: Rig) throws {
    let found = try rig.findings()
    #expect(found.map(\.kind) == [.lost] && found.map(\.key) == [victim.key])
    #expect(found[0].detail.contains("\(victim.name.baseOffset) to \(victim.name.lastOffset)"))
    #expect(found[0].detail.contains("2023-11-14T22:13:20Z"), "the fake host's time")
    let lost = try exported(rig)
    #expect(lost.count == 1)
    #expect(lost[0]["noticed_at"] as? Int == 1_700_000_000_000)
    let object = try #require(lost[0]["object"] as? [String: Any])
    #expect(object["key"] as? String == victim.key)
    #expect(object["byte_count"] as? Int64 == victim.byteCount)
    #expect(object["record_byte_count"] as? Int64 == victim.rawByteCount)
    let missing = try #require(lost[0]["missing"] as? [[String: Int64]])
    #expect(missing == [["base_offset": victim.name.baseOffset, "next_offset": victim.name.lastOffset + 1]])
  }

  @Test(arguments: places)
  func itGoesWhenTheObjectIsBack(_ place: String) throws {
    let (rig, victim, bytes) = try rig(losing: place, "back")
    rig.store[victim.key] = bytes
    #expect(try rig.findings().map(\.kind) == [.objectWithoutEntry])
    _ = try rig.tier.rebuild { _, _ in true }
    try rig.expectClean()
    #expect(try exported(rig).isEmpty)
    #expect(rig.tier.environment.index.current.lostObjectCount == 0)
  }

  @Test(arguments: places)
  func aRebuildRemembersTheLossAsWell(_ place: String) throws {
    let rig = try Rig()
    try rig.open().importSegment(batches(60))
    let entries = rig.tier.environment.index.current.entries.sorted { $0.key < $1.key }
    let victim = entries[["first": 0, "middle": 1, "last": entries.count - 1][place]!]
    rig.store[victim.key] = nil
    #expect(try rig.findings().map(\.kind) == [.entryWithoutObject])
    _ = try rig.tier.rebuild { _, _ in true }
    #expect(try rig.findings().map(\.kind) == [.lost])
    #expect(try rig.tier.rebuild { _, _ in true }.repaired == 0)
    let again = try rig.restarted()
    #expect(try again.findings().map(\.key) == [victim.key])
  }

  @Test func itGoesWhenTheStartOfTheLogPassesIt() throws {
    let (rig, victim, _) = try rig(losing: "first", "start")
    let next = try rig.restarted()
    let partition = try next.open()
    let again = next.tier.environment
    #expect(partition.state.startOffset == victim.name.lastOffset + 1)
    try partition.advanceStart(to: victim.name.lastOffset)
    #expect(again.index[Rig.orders]?.holes.first?.offsets == [victim.name.lastOffset..<victim.name.lastOffset + 1])
    // The archive begins here already: only the host's word makes it a deletion.
    try partition.advanceStart(to: victim.name.lastOffset + 1)
    #expect(again.index.current.lostObjectCount == 0)
    #expect(partition.state.startOffset == victim.name.lastOffset + 1)
    try next.expectClean()
  }

  @Test func itGoesWithItsTopic() throws {
    let (rig, _, _) = try rig(losing: "last", "topic")
    let again = try rig.restarted()
    try again.tier.deletePartition(Rig.orders)
    try again.expectClean()
    #expect(try exported(again).isEmpty && again.store.keys.isEmpty)
  }

  @Test func readsAnswerAsBefore() throws {
    for place in Self.places {
      let (rig, victim, _) = try rig(losing: place, "reads")
      let again = try rig.restarted()
      let partition = try again.open()
      let at = victim.name.baseOffset
      if place == "middle" {
        let error = #expect(throws: TierError.self) { try partition.answer(at) }
        #expect(error?.code == .notFound)
      } else {
        #expect(try partition.answer(at).outcome == .miss)
      }
      #expect(try again.findings().count == 1)
    }
  }

  @Test func whatWasImportedAgainIsNotMissing() throws {
    let (rig, victim, _) = try rig(losing: "last", "again")
    let again = try rig.restarted()
    let partition = try again.open()
    let end = partition.state.endOffset
    #expect(end == victim.name.baseOffset)
    try partition.importSegment(Array(batches(60)[Int(end / 2)...].prefix(3)))
    let rest = partition.environment.index[Rig.orders]!.holes.flatMap(\.offsets)
    #expect(rest == (end + 6 < 120 ? [end + 6..<120] : []))
    try partition.importSegment(batches(60), offsets: 0..<120)
    #expect(partition.environment.index[Rig.orders]!.holes.isEmpty)
    try again.expectClean()
  }

  @Test func aDamagedIndexClaimsNoLossThatMayBeADeletion() throws {
    let disk = SimulatedDisk()
    let rig = try Rig(disk: disk)
    let partition = try rig.open()
    try partition.importSegment(batches(60))
    try partition.advanceStart(to: 60)
    try rig.tier.environment.deletions.runOnce()
    rig.tier.stop()
    // The record of the deletion is cut away; the objects are in the index again, and not in the store.
    let path = "\(rig.directory.path)/segments.index"
    let bytes = disk[path]!
    let cut = try #require((1..<bytes.count).first { count in
      IndexFile.decode(Array(bytes[..<count])).state.objectCount > rig.store.keys.count
    })
    disk[path] = Array(bytes[..<(cut + 1)])
    let again = try Rig(rig.store, in: rig.directory, disk: disk)
    #expect(again.tier.environment.index.current.lostObjectCount == 0)
    try again.expectClean()
  }

  // MARK: the file

  /// A snapshot record with an id, a start at 6 and the object 5..<10, and a journal record with the object 10..<15 and
  /// a key to delete; made by a Python script from the description in IndexFile.swift.
  private static let version1 = """
    Q0hBSQEAAAABAAAAIktqPMEAAACy79IRAwkgMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYDBwcHBwcHBwcHBwcHBwcHBwAAAAABdAYAAAAAAAAAAV10fkJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQncvMC8wMDAwMDAwMDAwMDAwMDAwMDAwOS0wMDAwMDAwMDAwMDAwMDAwMDAwNS0wMDAwMDAwMDAxMjM0LTAtMC00MC5rYXJkAAAAAAAAANIEAAAAAAAABQAAAAAAAAAHAAAAAAAAAN8AAAAkpDsQAgFddH5Cd2NIQndjSEJ3Y0hCd2NIQndjSEJ3LzAvMDAwMDAwMDAwMDAwMDAwMDAwMTQtMDAwMDAwMDAwMDAwMDAwMDAwMTAtMDAwMDAwMDAwMTIzNC0wLTAtNDAua2FyZQAAAAAAAAD///////////////////////////////8FXXR+QndjSEJ3Y0hCd2NIQndjSEJ3Y0hCdy8wLzAwMDAwMDAwMDAwMDAwMDAwMDA0LTAwMDAwMDAwMDAwMDAwMDAwMDAwLTAwMDAwMDAwMDEyMzQtMC0wLTQwLmthcg==
    """
  private static let headOfVersion3 = "Q0hBSQMAAAABAAAAbLESrg=="

  @Test func aFileOfVersion1IsReadAndWrittenAnewBeforeAnythingIsAppended() throws {
    let disk = SimulatedDisk()
    disk["/x/segments.index"] = [UInt8](try #require(Data(base64Encoded: Self.version1)))
    let index = SegmentIndex(disk: disk, directory: "/x")
    #expect(try index.load() == .clean)
    #expect(index.current.storeID == "0123456789abcdef0123456789abcdef")
    let objects = try #require(index[IndexTests.id])
    #expect(objects.clamp == 6 && objects.startOffset == 6 && objects.endOffset == 15)
    #expect(index.current.pendingObjects.count == 1)
    let lost = try #require(objects.object(for: 10))
    try index.commit { _ in [.lose(LostObject(object: lost, noticedAt: 77))] }
    #expect(disk["/x/segments.index"]![4] == 2)
    let again = SegmentIndex(disk: disk, directory: "/x")
    #expect(try again.load() == .clean)
    #expect(again.current == index.current)
    #expect(again[IndexTests.id]?.holes.map(\.offsets) == [[10..<15]])
    #expect(again[IndexTests.id]?.holes.first?.lost == LostObject(object: lost, noticedAt: 77))
  }

  @Test func aFileOfALaterVersionIsRefusedAndLeftAsItIs() throws {
    let disk = SimulatedDisk()
    let bytes = [UInt8](try #require(Data(base64Encoded: Self.headOfVersion3))) + [1, 2, 3]
    disk["/x/segments.index"] = bytes
    let error = #expect(throws: TierError.self) { try SegmentIndex(disk: disk, directory: "/x").load() }
    #expect(error?.code == .permanent)
    #expect(error?.message.contains("format 3") == true)
    #expect(disk["/x/segments.index"] == bytes)
  }
}
