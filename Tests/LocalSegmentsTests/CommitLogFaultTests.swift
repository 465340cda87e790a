import SegmentFormat
import Testing
import TierKit

@testable import LocalSegmentsCore

/// The commit log on disks that are full, broken or hold something else.
@Suite struct CommitLogFaultTests {
  private func filled(_ rig: Rig, rounds: Int = 1) throws -> [PartitionLog] {
    let logs = try rig.openMany()
    for _ in 0..<rounds {
      for log in logs { try log.append(series(2, from: log.currentState.endOffset)) }
      try rig.flush(logs)
    }
    return logs
  }

  private func check(_ rig: Rig, _ count: Int) throws {
    for number: Int32 in 0..<6 {
      #expect(try rig.open(Rig.many(number)).answer(0).bytes == bytes(series(count)), "partition \(number)")
    }
  }

  @Test func withoutRoomForItFilesAreSyncedAndItIsTriedAgain() throws {
    let disk = SimulatedDisk()
    disk.faults = [.init(operation: .write, path: "commit-log", errno: .noSpace)]
    let rig = try Rig(disk)
    let logs = try filled(rig, rounds: 3)
    #expect(rig.host.linesAtLeast(.warning).count == 1)
    #expect(disk.names("/data").allSatisfy { !$0.hasPrefix("commit-log") })
    try check(try Rig(disk.afterLosingAll()), 7)
    disk.faults = []
    rig.host.clock.store(1 << 40, ordering: .relaxed)
    for log in logs { try log.append(series(1, from: 7)) }
    try rig.flush(logs)
    #expect(disk.names("/data").contains("commit-log-00"))
  }

  @Test(arguments: [Errno.noSpace, Errno.inputOutput]) func aFailedWriteWastesAFileAndNothingElse(errno: Errno) throws {
    let rig = try Rig()
    let logs = try filled(rig)
    rig.disk.faults = [.init(operation: .write, path: "commit-log", count: 1, errno: errno)]
    for _ in 0..<2 {
      for log in logs { try log.append(series(2, from: log.currentState.endOffset)) }
      try rig.flush(logs)
    }
    #expect(rig.host.linesAtLeast(.warning).count == 1)
    try check(try Rig(rig.disk.afterLosingAll()), 7)
    for seed in 0..<10 { try check(try Rig(rig.disk.afterPowerCut(seed: UInt64(seed))), 7) }
  }

  @Test func aFailedSyncOfTheLogIsFinalForThatFlushAndTheLog() throws {
    let rig = try Rig()
    let logs = try filled(rig)
    let other = try rig.open()
    for log in logs { try log.append(series(2, from: 3)) }
    rig.disk.faults = [.init(operation: .syncData, path: "commit-log", count: 1, errno: .inputOutput)]
    for result in rig.tier.flush(logs: logs) {
      #expect(throws: TierError.self) { try result.get() }
    }
    #expect(rig.host.linesAtLeast(.error).count == 1)
    for log in logs {
      // The flush failed, and yet the segment files could be synced when the log was given up.
      #expect(log.currentState.durableEndOffset == 5)
      let refused = #expect(throws: TierError.self) { try log.append(series(1, from: 5)) }
      #expect(refused?.code == .permanent)
      #expect(try log.answer(0).bytes == bytes(series(5)))
    }
    // Others go on, and do not use the log any more: its files are gone, since every segment could be synced.
    try other.append(series(4))
    #expect(try rig.tier.flush(logs: [other, other])[0].get() == 4)
    #expect(rig.disk.names("/data").allSatisfy { !$0.hasPrefix("commit-log") })
    let again = try Rig(rig.disk.afterLosingAll())
    for number: Int32 in 0..<6 {
      let end = try again.open(Rig.many(number)).currentState.endOffset
      #expect(end == 5)
    }
  }

  @Test func aSegmentThatCannotBeSyncedKeepsItsEntriesForTheNextStart() throws {
    let rig = try Rig()
    let logs = try filled(rig)
    rig.disk.faults = [.init(operation: .syncData, path: "/many-2/", count: 1, errno: .inputOutput)]
    rig.tier.checkpoint()
    #expect(throws: TierError.self) { try logs[2].append(series(1, from: 3)) }
    var rest = logs
    rest.remove(at: 2)
    // The log fills up and then stands still; flushes go on file by file.
    for round in 0..<40 {
      for log in rest { try log.append(series(10, from: 3 + Int64(round) * 10)) }
      try rig.flush(rest)
    }
    rig.tier.stop()
    #expect(!rig.disk.names("/data").contains(".kafka_cleanshutdown"))
    let again = try Rig(rig.disk.afterLosingAll())
    #expect(try again.open(Rig.many(2)).answer(0).bytes == bytes(series(3)))
    #expect(try again.open(Rig.many(3)).answer(0).bytes == bytes(series(403)))
  }

  @Test func aTornOrFlippedEntryEndsTheLogWithOneLine() throws {
    let rig = try Rig()
    _ = try filled(rig, rounds: 3)
    let clean = rig.disk.afterLosingAll()
    let path = "/data/commit-log-00"
    let whole = try #require(clean.bytes(path))
    let reader = CommitLogReader(ArraySource(whole), byteCount: Int64(whole.count))
    var starts: [(CommitLogEntry, Int)] = []
    while case .entry(let entry, _, let position) = reader.next() { starts.append((entry, Int(position))) }
    #expect(starts.filter { $0.0.kind == .data }.count == 18)
    var generator = SplitMix(99)
    for (number, (entry, start)) in starts.enumerated() where entry.kind != .begin {
      var damaged = whole
      damaged[start + Int.random(in: 0..<entry.byteCount, using: &generator)] ^=
        1 << UInt8.random(in: 0..<8, using: &generator)
      let disk = rig.disk.afterLosingAll()
      disk.set(path, damaged)
      let again = try Rig(disk)
      // The last entry's magic or generation gone looks like the end; everything else is noticed.
      #expect(again.host.linesAtLeast(.warning).count == 1 || number == starts.count - 1, "entry \(number)")
      for partition: Int32 in 0..<6 {
        let before = starts[..<number].filter { $0.0.kind == .data && $0.0.partition == partition }.count
        #expect(try again.open(Rig.many(partition)).answer(0).bytes == bytes(series(1 + 2 * before)), "entry \(number)")
      }
    }
  }

  @Test func aLostReleaseDoesNotOverwriteNewerBatches() throws {
    let rig = try Rig()
    let logs = try filled(rig)
    try logs[1].truncate(to: 1)
    try logs[1].append(series(2, from: 1, tag: 9))
    _ = try logs[1].flush().get()
    let disk = rig.disk.afterLosingAll()
    let path = "/data/commit-log-00"
    var damaged = try #require(disk.bytes(path))
    let found = Self.position(of: .release, damaged)
    let release = try #require(found)
    damaged[release + 40] ^= 1
    disk.set(path, damaged)
    let again = try Rig(disk)
    #expect(try again.open(Rig.many(1)).answer(0).bytes == bytes(series(1) + series(2, from: 1, tag: 9)))
    #expect(again.host.linesAtLeast(.error).count == 1)
  }

  private static func position(of kind: CommitLogEntry.Kind, _ bytes: [UInt8]) -> Int? {
    let reader = CommitLogReader(ArraySource(bytes), byteCount: Int64(bytes.count))
    while case .entry(let entry, _, let position) = reader.next() {
      if entry.kind == kind { return Int(position) }
    }
    return nil
  }

  /// The checksum of a batch does not cover its first bytes, so what is left of a torn one can look whole.
  @Test func aBatchTornInFrontOfItsChecksumIsReplayed() throws {
    let rig = try Rig()
    _ = try filled(rig)
    let path = "/data/many-4/" + file(0, "log")
    let first = TestBatch.byteCount(payload: 40)
    for torn in [0..<8, 0..<16, 4..<8, 12..<16, 8..<9, 0..<first] {
      for value: UInt8 in [0, 0xFF] {
        let disk = rig.disk.afterLosingAll()
        var written = bytes(series(3))
        for index in torn { written[first + index] = value }
        disk.set(path, written)
        let again = try Rig(disk)
        #expect(try again.open(Rig.many(4)).answer(0).bytes == bytes(series(3)), "bytes \(torn) are \(value)")
        #expect(again.host.linesAtLeast(.warning).isEmpty)
      }
    }
  }

  @Test func foreignFilesUnderItsNameAreLeftAlone() throws {
    let disk = SimulatedDisk()
    let garbage = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    disk.set("/data/commit-log-01", garbage)
    disk.set("/data/commit-log-02", [])
    disk.set("/data/commit-log-x", [1])
    let rig = try Rig(disk)
    #expect(rig.host.linesAtLeast(.error).map(\.fields["file"]) == ["/data/commit-log-01"])
    _ = try filled(rig, rounds: 2)
    #expect(disk.bytes("/data/commit-log-01") == garbage)
    #expect(disk.names("/data").filter { $0.hasPrefix("commit-log-0") }.count == 5)
    try check(try Rig(disk.afterLosingAll()), 5)
  }

  @Test func anotherVersionIsRefusedAndLeftAsItIs() throws {
    let disk = SimulatedDisk()
    var page = CommitLogFormat.firstPage(generation: 3)
    for start in [0, 2048] { page[start + 11] = 2 }
    disk.set("/data/commit-log-00", page)
    let error = #expect(throws: TierError.self) { try Rig(disk) }
    #expect(error?.message.contains("version 2") == true)
    #expect(disk.bytes("/data/commit-log-00") == page)
  }

  @Test func aFullDiskAtReplayEndsTheStartAndTheNextOneFinishesIt() throws {
    let rig = try Rig()
    _ = try filled(rig)
    let disk = rig.disk.afterLosingAll()
    disk.faults = [.init(operation: .write, path: "/many-3/", errno: .noSpace)]
    let error = #expect(throws: TierError.self) { try Rig(disk) }
    #expect(error?.code == .noSpace)
    disk.faults = []
    try check(try Rig(disk.afterKill()), 3)
  }

  @Test func bytesOfAFailedAppendAreNotMetByReplay() throws {
    let rig = try Rig()
    let logs = try filled(rig)
    rig.disk.capacity = Rig.bytesUsed(rig.disk) + 30
    #expect(throws: TierError.self) { try logs[0].append(series(1, from: 3, tag: 9)) }
    rig.disk.capacity = nil
    for log in logs { try log.append(series(2, from: 3)) }
    rig.disk.synced = []
    try rig.flush(logs)
    #expect(rig.disk.synced.contains("/data/many-0/" + file(0, "log")))
    try check(try Rig(rig.disk.afterLosingAll()), 5)
  }
}
