import Testing
import TierKit

@testable import LocalSegmentsCore

/// A partition.metadata that nobody can read concerns its partition and no other.
@Suite struct UnreadableMetadataTests {
  private static let metadata = "/data/many-2/partition.metadata"

  private func damaged(_ bytes: [UInt8]?) throws -> SimulatedDisk {
    let rig = try Rig()
    for log in try rig.openMany() { try log.append(series(4, from: 1)) }
    rig.tier.stop()
    let disk = rig.disk.afterLosingAll()
    if let bytes {
      disk.set(Self.metadata, bytes)
    } else {
      disk.faults = [.init(operation: .read, path: Self.metadata, errno: .inputOutput)]
    }
    return disk
  }

  @Test(arguments: [Array("version: 0\ntopic_id: ???".utf8), [0, 0, 0], nil])
  func itsPartitionIsRefusedAndTheOthersWork(
    content: [UInt8]?
  ) throws {
    let disk = try damaged(content)
    let log = disk.bytes("/data/many-2/" + file(0, "log"))
    let rig = try Rig(disk)
    #expect(rig.host.linesAtLeast(.warning).map(\.fields["directory"]) == ["/data/many-2"])
    for id in [Rig.many(2), Rig.many(2, topicID: 9)] {
      let error = #expect(throws: TierError.self) { try rig.open(id) }
      #expect(error?.code == .corrupt)
      #expect(error?.message.contains(Self.metadata) == true)
      let deletion = #expect(throws: TierError.self) { try rig.tier.deletePartition(id) }
      #expect(deletion?.code == .corrupt)
    }
    #expect(disk.bytes("/data/many-2/" + file(0, "log")) == log)
    #expect(Set(try rig.tier.listPartitions()) == Set([0, 1, 3, 4, 5].map { Rig.many($0) }))
    for number: Int32 in [0, 1, 3, 4, 5] {
      #expect(try rig.open(Rig.many(number)).answer(0).bytes == bytes(series(5)))
    }
  }

  @Test func whatTheCommitLogKeepsOfItIsBroughtBackAllTheSame() throws {
    let rig = try Rig()
    let logs = try rig.openMany()
    for log in logs { try log.append(series(4, from: 1)) }
    try rig.flush(logs)
    let disk = rig.disk.afterLosingAll()
    let good = try #require(disk.bytes(Self.metadata))
    disk.set(Self.metadata, [1, 2, 3])
    let broken = try Rig(disk)
    #expect(throws: TierError.self) { try broken.open(Rig.many(2)) }
    let repaired = broken.disk.afterLosingAll()
    repaired.set(Self.metadata, good)
    #expect(try Rig(repaired).open(Rig.many(2)).answer(0).bytes == bytes(series(5)))
  }
}
