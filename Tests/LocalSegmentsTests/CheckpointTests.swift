import Testing
import TierKit

@testable import LocalSegmentsCore

/// What the checkpoint files vouch for, and for whom.
@Suite struct CheckpointTests {
  private func recoveryPoints(_ disk: SimulatedDisk) -> String? {
    disk.bytes("/data/recovery-point-offset-checkpoint").map { String(decoding: $0, as: UTF8.self) }
  }

  /// The checkpoints of a partition that was deleted half way must not move the start of the next one with its name, or
  /// vouch for batches that it does not have.
  @Test func aPartitionMadeAgainInheritsNoCheckpoint() throws {
    let first = try Rig()
    let log = try first.open(segmentBytes: 1024)
    try log.append(series(60))
    try log.advanceStart(to: 45)
    first.tier.checkpoint()
    #expect(recoveryPoints(first.disk) == "0\n1\norders 3 60\n")
    log.close()
    // Killed when the directory has its other name and the checkpoints are still there.
    first.disk.faults = [.init(operation: .open, path: "checkpoint", errno: .inputOutput)]
    #expect(throws: TierError.self) { try first.tier.deletePartition(Rig.orders) }
    first.disk.faults = []
    let second = try Rig(first.disk.afterKill())
    let id = PartitionID(topic: "orders", topicID: [UInt8](repeating: 9, count: 16), partition: 3)
    let fresh = try second.open(id, segmentBytes: 1024)
    #expect(fresh.currentState.startOffset == 0)
    try fresh.append(series(40, tag: 3))
    _ = try fresh.flush().get()
    for disk in [second.disk.afterKill(), second.disk.afterLosingAll()] {
      let third = try Rig(disk)
      let found = try third.open(id, segmentBytes: 1024)
      #expect(found.currentState.startOffset == 0)
      #expect(try found.answer(0).bytes == bytes(series(40, tag: 3)))
      #expect(third.host.linesAtLeast(.error).isEmpty)
      found.close()
      third.tier.stop()
    }
  }

  /// A checkpoint gathers for a while; a log that is cut meanwhile must not get back the recovery point it had.
  @Test func aCheckpointBesideATruncationDoesNotVouchForWhatWasCut() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    try log.append(series(40))
    _ = try log.flush().get()
    var isFirst = true
    rig.disk.afterSync = {
      guard isFirst else { return }
      isFirst = false
      // While the checkpoint syncs the indexes of a sealed segment.
      do { try log.truncate(to: 5) } catch { Issue.record("\(error)") }
    }
    rig.tier.checkpoint()
    #expect(!isFirst)
    rig.disk.afterSync = nil
    #expect(log.currentState.endOffset == 5)
    #expect(recoveryPoints(rig.disk) ?? "0\n0\n" == "0\n0\n")
    rig.tier.checkpoint()
    #expect(recoveryPoints(rig.disk) == "0\n1\norders 3 5\n")
  }

  @Test func onePartitionThatCannotBeCheckpointedHurtsNoOther() throws {
    let rig = try Rig()
    let logs = try rig.openMany(3, segmentBytes: 1024)
    for log in logs { try log.append(series(20, from: 1)) }
    try rig.flush(logs)
    rig.disk.faults = [.init(operation: .syncData, path: "/many-1/00000000000000000000.index", errno: .inputOutput)]
    rig.tier.checkpoint()
    #expect(recoveryPoints(rig.disk) == "0\n2\nmany 0 21\nmany 2 21\n")
    #expect(rig.host.linesAtLeast(.warning).count == 1)
  }

  /// Deleting all records of a partition whose batches are in the commit log alone: the end must not move back when the
  /// log is emptied, or offsets would be given out twice.
  @Test func theEndStaysWhenAllRecordsAreDeleted() throws {
    for startBelowEnd: Int64 in [0, 1] {
      let rig = try Rig()
      let logs = try rig.openMany()
      for log in logs { try log.append(series(30, from: 1)) }
      try rig.flush(logs)
      try logs[2].advanceStart(to: 31 - startBelowEnd)
      rig.tier.checkpoint()
      let again = try Rig(rig.disk.afterLosingAll())
      let found = try again.open(Rig.many(2)).currentState
      #expect(found.startOffset == 31 - startBelowEnd)
      #expect(found.endOffset == 31)
      #expect(again.host.linesAtLeast(.warning).isEmpty)
    }
  }

  @Test func aStopWritesTheCheckpointsOfAllPartitionsOnce() throws {
    let rig = try Rig()
    let logs = try rig.openMany(20)
    for log in logs { try log.append(series(4, from: 1)) }
    rig.disk.synced = []
    for log in logs { log.close() }
    rig.tier.stop()
    #expect(rig.disk.synced.filter { $0.contains("recovery-point-offset-checkpoint") }.count == 1)
    let disk = rig.disk.afterLosingAll()
    #expect(disk.names("/data").contains(".kafka_cleanshutdown"))
    let again = try Rig(disk)
    for number: Int32 in 0..<20 { #expect(try again.open(Rig.many(number)).answer(0).bytes == bytes(series(5))) }
    #expect(again.host.linesAtLeast(.warning).isEmpty)
  }

  @Test func aStopThatCannotSettleAPartitionIsNotClean() throws {
    let rig = try Rig()
    let logs = try rig.openMany(3)
    for log in logs { log.close() }
    rig.disk.faults = [.init(operation: .syncData, path: "/many-1/00000000000000000000.index", errno: .inputOutput)]
    rig.tier.stop()
    #expect(!rig.disk.names("/data").contains(".kafka_cleanshutdown"))
    rig.disk.faults = []
    #expect(try Rig(rig.disk.afterLosingAll()).open(Rig.many(1)).answer(0).bytes == bytes(series(1)))
  }

  /// Closed, opened again and deleted in one run, with a power cut after each.
  @Test func aPartitionClosedForAWhileLosesNothing() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(90))
    log.close()
    #expect(try Rig(rig.disk.afterLosingAll()).open().answer(0).bytes == bytes(series(90)))
    let again = try rig.open()
    #expect(again.currentState == log.currentState)
    try again.append(series(5, from: 90))
    again.close()
    for seed: UInt64 in 0..<10 {
      #expect(try Rig(rig.disk.afterPowerCut(seed: seed)).open().answer(0).bytes == bytes(series(95)), "seed \(seed)")
    }
    try rig.tier.deletePartition(Rig.orders)
    rig.tier.stop()
    let last = try Rig(rig.disk.afterLosingAll())
    #expect(try last.tier.listPartitions().isEmpty)
    #expect(try last.open().currentState.endOffset == 0)
  }
}
