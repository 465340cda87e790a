import ArchiveFormat
import Testing
import TierKit

@testable import ArchiveIndexCore

@Suite struct IndexTests {
  static let id = PartitionID(topic: "t", topicID: [UInt8](repeating: 7, count: 16), partition: 0)

  static func object(_ base: Int64, _ count: Int64, epoch: Int32 = 0, time: Int64? = nil) -> IndexedObject {
    IndexedObject(
      name: ObjectName(
        topic: "t", topicID: id.topicID, partition: 0, baseOffset: base, lastOffset: base + count - 1,
        maxTimestamp: time ?? base, leaderEpoch: epoch, generation: 0, hotByteCount: 40), byteCount: 100 + base)
  }

  @Test func queriesFollowOffsetsAndTimes() {
    var state = IndexState()
    state.apply((0..<10).map { .add(Self.object(Int64($0) * 10, 10, time: Int64($0))) })
    let objects = state[Self.id]!
    #expect(objects.startOffset == 0 && objects.endOffset == 100)
    #expect(objects.object(for: 35)?.name.baseOffset == 30)
    #expect(objects.objects(in: 25..<41).map(\.name.baseOffset) == [20, 30, 40])
    #expect(objects.objects(times: 7...8).map(\.name.baseOffset) == [70, 80, 90])
    #expect(objects.object(for: 100) == nil)
    state.apply([.start(Self.id, 42), .remove(Self.object(0, 10, time: 0).name)])
    #expect(state[Self.id]!.startOffset == 42)
    state.apply([.start(Self.id, 7)])
    #expect(state[Self.id]!.startOffset == 42, "a start never goes back")
  }

  @Test func theFileGivesBackWhatWasCommitted() throws {
    let disk = SimulatedDisk()
    let index = SegmentIndex(disk: disk, directory: "/x")
    #expect(try index.load() == .missing)
    try index.replace(with: IndexState())
    var object = Self.object(0, 5)
    object.rawByteCount = 1234
    object.minTimestamp = 5
    object.maxTimestampOffset = 3
    let steps: [[IndexChange]] = [
      [.add(object)], [.add(Self.object(5, 5)), .add(Self.object(10, 5))], [.start(Self.id, 6), .remove(object.name)],
      [.deleteObject(key: object.key)], [.emptyEnd(Self.id, 20)], [.objectDeleted(key: object.key)],
      [.deletePartition(PartitionID(topic: "gone", topicID: [UInt8](repeating: 1, count: 16), partition: 9))],
    ]
    for step in steps {
      try index.commit { _ in step }
      let again = SegmentIndex(disk: disk, directory: "/x")
      #expect(try again.load() == .clean)
      #expect(again.current == index.current)
      again.close()
    }
    index.close()
    #expect(disk.openCount == 0)
  }

  @Test func theJournalIsWrittenAnewBeforeItGrowsWithoutBound() throws {
    let disk = SimulatedDisk()
    let index = SegmentIndex(disk: disk, directory: "/x")
    _ = try index.load()
    try index.replace(with: IndexState())
    for round in 0..<60 {
      let changes = (0..<200).map { IndexChange.add(Self.object(Int64($0) * 10, 10, time: Int64(round))) }
      try index.commit { state in (state[Self.id]?.objects.keys ?? [:].keys).map { .remove($0) } + changes }
    }
    #expect(disk["/x/segments.index"]!.count < 1_500_000)
    let again = SegmentIndex(disk: disk, directory: "/x")
    #expect(try again.load() == .clean)
    #expect(again.current == index.current)
  }

  @Test func everyDamagedByteIsNoticed() throws {
    let disk = SimulatedDisk()
    let index = SegmentIndex(disk: disk, directory: "/x")
    _ = try index.load()
    try index.replace(with: IndexState())
    for number in 0..<4 { try index.commit { _ in [.add(Self.object(Int64(number) * 10, 10))] } }
    let good = disk["/x/segments.index"]!
    for position in good.indices {
      var bad = good
      bad[position] ^= 0x40
      #expect(IndexFile.decode(bad).defect != nil, "byte \(position)")
    }
    for count in 0..<good.count {
      let content = IndexFile.decode(Array(good[..<count]))
      // A file cut between two records of the journal cannot be told from one that was never longer.
      if content.defect == nil { #expect(content.state.objectCount < 4, "cut to \(count)") }
    }
  }

  /// A file of a snapshot and four records, and where each of those ends.
  private func journal() throws -> (bytes: [UInt8], ends: [Int]) {
    let disk = SimulatedDisk()
    let index = SegmentIndex(disk: disk, directory: "/x")
    _ = try index.load()
    try index.replace(with: IndexState())
    var ends = [disk["/x/segments.index"]!.count]
    for number in 0..<4 {
      // Long enough for whole sectors of its own.
      try index.commit { _ in (0..<8).map { .add(Self.object(Int64(number * 8 + $0) * 10, 10)) } }
      ends.append(disk["/x/segments.index"]!.count)
    }
    return (disk["/x/segments.index"]!, ends)
  }

  @Test func aTornLastRecordIsDroppedAndTheNextCommitWritesTheFileAnew() throws {
    let (bytes, ends) = try journal()
    for count in stride(from: ends[3] + 1, to: ends[4], by: 7) {
      #expect(IndexFile.decode(Array(bytes[..<count])).isTorn, "cut to \(count)")
    }
    for sector in ends[3] / 512...(ends[4] - 1) / 512 {
      var torn = bytes
      for position in max(sector * 512, ends[3])..<min((sector + 1) * 512, ends[4]) { torn[position] = 0 }
      #expect(IndexFile.decode(torn).isTorn, "sector \(sector)")
      let disk = SimulatedDisk()
      disk["/x/segments.index"] = torn
      let index = SegmentIndex(disk: disk, directory: "/x")
      guard case .torn = try index.load() else { Issue.record("sector \(sector)"); continue }
      #expect(index.current.objectCount == 24)
      try index.commit { _ in [.add(Self.object(5000, 10))] }
      let again = SegmentIndex(disk: disk, directory: "/x")
      #expect(try again.load() == .clean)
      #expect(again.current == index.current && again.current.objectCount == 25)
    }
  }

  @Test func damageOfWhatWasConfirmedIsNotTakenForATornRecord() throws {
    let (bytes, ends) = try journal()
    // Every byte before the last record, and of that every byte but its length: that may say what it likes.
    let positions =
      Array(stride(from: 0, to: ends[3], by: 5)) + Array(ends[0]..<ends[0] + 16) + Array(ends[3] + 4..<ends[4])
    for position in positions {
      var bad = bytes
      bad[position] ^= 0x40
      #expect(!IndexFile.decode(bad).isTorn, "byte \(position)")
    }
    var bad = bytes
    for position in ends[1]..<ends[2] { bad[position] = 0 }
    #expect(!IndexFile.decode(bad).isTorn, "a whole record")
  }

  @Test func aFileThatCouldNotBeReadAgainIsNotWritten() throws {
    let disk = SimulatedDisk()
    let limit = 1000
    let index = SegmentIndex(disk: disk, directory: "/x", byteCountMax: limit)
    _ = try index.load()
    try index.replace(with: IndexState())
    var failure: TierError?
    for number in 0..<40 where failure == nil {
      do throws(TierError) {
        // What is added goes again: the file is written anew instead of growing over the limit.
        let object = Self.object(Int64(number) * 10, 10)
        try index.commit { _ in [.add(object)] }
        if number < 20 { try index.commit { _ in [.remove(object.name)] } }
      } catch { failure = error }
      #expect(disk["/x/segments.index"]!.count <= limit)
    }
    #expect(failure?.code == .permanent)
    #expect(failure?.message.contains("object_size") == true)
    let again = SegmentIndex(disk: disk, directory: "/x", byteCountMax: limit)
    #expect(try again.load() == .clean)
    #expect(again.current == index.current)
    #expect(again.current.objectCount > 2)
  }

  @Test func afterAFailedAppendTheFileIsWrittenAnew() throws {
    let disk = SimulatedDisk()
    let index = SegmentIndex(disk: disk, directory: "/x")
    _ = try index.load()
    try index.replace(with: IndexState())
    try index.commit { _ in [.add(Self.object(0, 10))] }
    disk.fail(at: disk.changeCount + 1)
    #expect(throws: TierError.self) { try index.commit { _ in [.add(Self.object(10, 10))] } }
    #expect(index.current.objectCount == 1)
    try index.commit { _ in [.add(Self.object(20, 10))] }
    let again = SegmentIndex(disk: disk.afterPowerCut(seed: 3), directory: "/x")
    #expect(try again.load() == .clean)
    #expect(again.current == index.current)
  }
}
