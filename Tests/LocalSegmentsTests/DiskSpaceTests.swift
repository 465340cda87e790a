import Testing
import TierKit

@testable import LocalSegmentsCore

/// What a full disk leaves possible, and what gives its space back.
@Suite struct DiskSpaceTests {
  @Test(arguments: [false, true]) func aDeletedPartitionKeepsNoFileOpen(isPoisoned: Bool) throws {
    let rig = try Rig()
    let kept = try rig.open(Rig.many(1))
    try kept.append(series(3))
    let before = rig.disk.openDescriptorCount
    do {
      let log = try rig.open(segmentBytes: 1024)
      try log.append(series(35))
      if isPoisoned { rig.disk.faults = [.init(operation: .syncData, path: Rig.directory, errno: .inputOutput)] }
      rig.tier.close(log)
    }
    try rig.tier.deletePartition(Rig.orders)
    #expect(rig.disk.openDescriptorCount == before)
  }

  @Test func aDeletionGivesSpaceBackBeforeItNeedsSome() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(100))
    _ = try log.flush().get()
    rig.tier.checkpoint()
    rig.tier.close(log)
    rig.disk.faults = [.init(operation: .write, path: "checkpoint", errno: .noSpace)]
    let error = #expect(throws: TierError.self) { try rig.tier.deletePartition(Rig.orders) }
    #expect(error?.code == .noSpace)
    #expect(!rig.disk.names("/data").contains { $0.hasPrefix("orders-3") })
    rig.disk.faults = []
    try rig.tier.deletePartition(Rig.orders)
    #expect(try rig.open().currentState.endOffset == 0)
  }

  @Test func aPartitionRemovedByHandCanBeDeleted() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(3))
    rig.tier.close(log)
    for name in rig.disk.names(Rig.directory) { try rig.disk.remove("\(Rig.directory)/\(name)") }
    try rig.disk.removeDirectory(Rig.directory)
    try rig.tier.deletePartition(Rig.orders)
    #expect(try rig.tier.listPartitions().isEmpty)
    #expect(try rig.open().currentState.endOffset == 0)
  }

  @Test func recordsLeaveRoomForTheDeletionThatMakesRoom() throws {
    let rig = try Rig { $0.keptFreeByteCount = 2_000 }
    let victim = try rig.open(Rig.many(1), segmentBytes: 1024)
    try victim.append(series(30))
    _ = try victim.flush().get()
    let log = try rig.open()
    let used = Rig.bytesUsed(rig.disk)
    rig.disk.capacity = used + 2_000 + 5 * TestBatch.byteCount(payload: 40) + 50
    var end: Int64 = 0
    let refusal = #expect(throws: TierError.self) {
      for batch in series(100) {
        try log.append([batch])
        end = batch.nextOffset
      }
    }
    #expect(end == 5)
    #expect(refusal?.code == .noSpace)
    #expect(refusal?.message.contains("2050 bytes free, 2000 of which are kept") == true)
    #expect(log.currentState.endOffset == 5)
    // What the deletion has to write first finds room.
    try victim.advanceStart(to: 25)
    #expect(rig.tier.flush(logs: [log])[0].isSuccess)
    #expect(try log.append(series(5, from: 5)) == .ok)
    #expect(try log.answer(0).bytes == bytes(series(10)))
  }

  @Test func nothingIsReservedAheadOfWhatIsKept() throws {
    let rig = try Rig {
      $0.keptFreeByteCount = 1 << 20
      $0.preallocateStep = 1 << 20
    }
    rig.disk.capacity = Rig.bytesUsed(rig.disk) + 2 << 20
    let log = try rig.open(segmentBytes: 4 << 20)
    rig.disk.faults = [.init(operation: .allocate, path: Rig.directory, errno: .inputOutput)]
    try log.append(series(1, size: 600_000))
    _ = try log.flush().get()
    let count = rig.disk.changeCount
    log.reserve()
    #expect(rig.disk.changeCount == count, "no blocks were asked for")
  }
}

extension Result {
  fileprivate var isSuccess: Bool {
    if case .success = self { return true }
    return false
  }
}
