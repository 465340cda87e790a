import SegmentFormat
import Testing
import TierKit

@testable import LocalSegmentsCore

/// What a flush of many partitions leaves, and what a start makes of it.
@Suite struct CommitLogTests {
  /// Batches 0..<count, as `openMany` and `grow` append them.
  private func expected(_ count: Int, _ number: Int) -> [TestBatch] {
    series(1) + series(count - 1, from: 1, tag: UInt8(number))
  }

  private func grow(_ logs: [PartitionLog], by count: Int) throws {
    for (number, log) in logs.enumerated() {
      try log.append(series(count, from: log.currentState.endOffset, tag: UInt8(number)))
    }
  }

  private func check(_ rig: Rig, _ count: Int, partitions: Int = 6, segmentBytes: Int64 = 1 << 20) throws {
    for number in 0..<partitions {
      let log = try rig.open(Rig.many(Int32(number)), segmentBytes: segmentBytes)
      #expect(try log.answer(0).bytes == bytes(expected(count, number)), "partition \(number)")
      #expect(log.currentState.durableEndOffset == Int64(count))
    }
  }

  private func syncs(of rig: Rig, _ body: () throws -> Void) rethrows -> [String] {
    rig.disk.synced = []
    try body()
    return rig.disk.synced
  }

  @Test func aFlushOfManyPartitionsIsOneSyncAndSurvivesThePowerCut() throws {
    let rig = try Rig()
    let logs = try rig.openMany()
    try grow(logs, by: 3)
    #expect(try syncs(of: rig) { try rig.flush(logs) } == ["/data/commit-log-00"])
    let disk = rig.disk.afterLosingAll()
    #expect(disk.bytes("/data/many-2/" + file(0, "log")) == bytes(series(1)), "the segment itself was not synced")
    try check(try Rig(disk), 4)
  }

  @Test func aFlushOfFewPartitionsSyncsTheirFiles() throws {
    let rig = try Rig()
    let logs = Array(try rig.openMany().prefix(Limits.loggedPartitionsMin - 1))
    try grow(logs, by: 1)
    let paths = try syncs(of: rig) { try rig.flush(logs) }
    #expect(paths.sorted() == logs.indices.map { "/data/many-\($0)/" + file(0, "log") })
  }

  @Test func manyBytesOfOnePartitionAreSyncedInTheirFile() throws {
    let rig = try Rig()
    let logs = try rig.openMany()
    try grow(logs, by: 1)
    try logs[0].append(series(3, from: 2, size: 100_000))
    let paths = try syncs(of: rig) { try rig.flush(logs) }
    #expect(paths == ["/data/commit-log-00", "/data/many-0/" + file(0, "log")])
  }

  @Test func newSegmentsAreMadeAgainWhenTheirNamesAreLost() throws {
    let rig = try Rig()
    let logs = try rig.openMany(segmentBytes: 1024)
    try grow(logs, by: 30)
    try rig.flush(logs)
    let disk = rig.disk.afterLosingAll()
    #expect(disk.names("/data/many-3").filter { $0.hasSuffix(".log") } == [file(0, "log")])
    let again = try Rig(disk)
    try check(again, 31, segmentBytes: 1024)
    #expect(again.host.linesAtLeast(.error).isEmpty)
  }

  @Test func namesThatOnlyAKilledProcessKnewAreDurableAfterReplay() throws {
    let rig = try Rig()
    let logs = try rig.openMany(segmentBytes: 1024)
    try grow(logs, by: 30)
    try rig.flush(logs)
    // The next process replays and is killed before it opens a partition; then the power goes.
    let replayed = try Rig(rig.disk.afterKill())
    try check(try Rig(replayed.disk.afterLosingAll()), 31, segmentBytes: 1024)
  }

  @Test func replayCutAnywhereAndRepeatedGivesTheSame() throws {
    let rig = try Rig()
    let logs = try rig.openMany(segmentBytes: 1024)
    try grow(logs, by: 12)
    try rig.flush(logs)
    try grow(logs, by: 5)
    try rig.flush(logs)
    var cut = 0
    var isDone = false
    while !isDone {
      let disk = rig.disk.afterLosingAll()
      disk.cutAt = cut
      do {
        _ = try Rig(disk)
        isDone = true
      } catch is TierError {}
      for seed in 0..<3 {
        try check(try Rig(disk.afterPowerCut(seed: UInt64(cut * 3 + seed))), 18, segmentBytes: 1024)
      }
      cut += 1
    }
    #expect(cut > 20)
  }

  @Test func filesTakeTurnsAndNothingOfAnEarlierTurnComesBack() throws {
    let rig = try Rig()
    let logs = try rig.openMany(segmentBytes: 4096)
    for round in 0..<60 {
      try grow(logs, by: 4)
      try rig.flush(logs)
      if round % 20 == 13 {
        let old = Int(logs[5].currentState.endOffset)
        try logs[5].truncate(to: Int64(old - 2))
        try logs[5].append(series(2, from: Int64(old - 2), tag: 5))
        try rig.flush(logs)
      }
      if round % 6 == 5 {
        for seed in 0..<2 {
          try check(
            try Rig(rig.disk.afterPowerCut(seed: UInt64(round * 2 + seed))), 1 + 4 * (round + 1), segmentBytes: 4096)
        }
      }
    }
    let generations = (0..<4).map { number -> UInt64 in
      let page = rig.disk.bytes("/data/" + CommitLogFormat.fileName(number))!.prefix(4096)
      guard case .generation(let found) = page.withUnsafeBytes({ CommitLogFormat.header(firstPage: $0) }) else {
        return 0
      }
      return found
    }
    #expect(generations.max()! > 12, "the files were used again: \(generations)")
  }

  /// Nobody makes checkpoints but a flush that finds no free file, so several files are full at a time.
  @Test func filesAreReplayedInTheOrderInWhichTheyWereWritten() throws {
    let rig = try Rig()
    let logs = try rig.openMany()
    rig.host.isBusy.store(true, ordering: .relaxed)
    for round in 0..<80 {
      if round == 40 { rig.host.isBusy.store(false, ordering: .relaxed) }
      if round == 50 { rig.host.isBusy.store(true, ordering: .relaxed) }
      try grow(logs, by: 1)
      try rig.flush(logs)
      if round % 9 == 8 {
        // What is cut off stands in one file, the cut and what comes after it in the next ones.
        let end = logs[5].currentState.endOffset
        try logs[5].truncate(to: end - 1)
        try logs[5].append(series(1, from: end - 1, tag: 5))
        try rig.flush(logs)
      }
      let again = try Rig(rig.disk.afterLosingAll())
      try check(again, round + 2)
      #expect(again.host.linesAtLeast(.error).isEmpty, "round \(round)")
    }
  }

  @Test func aTruncationIsNotUndoneByEntriesFromBefore() throws {
    for seed in 0..<20 {
      let rig = try Rig()
      let logs = try rig.openMany()
      try grow(logs, by: 9)
      try rig.flush(logs)
      try logs[2].truncate(to: 4)
      for isReplaced in [false, true] {
        let kept = series(1) + series(3, from: 1, tag: 2)
        let fresh = isReplaced ? series(3, from: 4, tag: 0xA0) : []
        try logs[2].append(fresh)
        try rig.flush(logs)
        let disk = rig.disk.afterPowerCut(seed: UInt64(seed))
        let found = try Rig(disk).open(Rig.many(2)).answer(0).bytes
        #expect(found == bytes(kept + fresh), "seed \(seed)")
      }
    }
  }

  @Test func aTopicMadeAgainGetsNothingOfTheOldOne() throws {
    for topicID: UInt8 in [1, 7] {
      let rig = try Rig()
      let logs = try rig.openMany()
      try grow(logs, by: 3)
      try rig.flush(logs)
      logs[4].close()
      try rig.tier.deletePartition(Rig.many(4))
      let fresh = try rig.open(Rig.many(4, topicID: topicID))
      for batches in [[], series(2, tag: 0x77)] {
        try fresh.append(batches)
        try rig.flush(logs.prefix(4) + [fresh])
        let again = try Rig(rig.disk.afterLosingAll())
        #expect(try again.open(Rig.many(4, topicID: topicID)).answer(0).bytes == bytes(batches))
        #expect(try again.open(Rig.many(3)).answer(0).bytes == bytes(expected(4, 3)))
      }
    }
  }

  @Test func deletedSegmentsDoNotComeBack() throws {
    let rig = try Rig()
    let logs = try rig.openMany(segmentBytes: 1024)
    try grow(logs, by: 34)
    try rig.flush(logs)
    try logs[1].evict(before: 20)
    try logs[3].advanceStart(to: 25)
    for disk in [rig.disk.afterLosingAll()] + (0..<8).map({ rig.disk.afterPowerCut(seed: $0) }) {
      let again = try Rig(disk)
      #expect(try again.open(Rig.many(1), segmentBytes: 1024).currentState.startOffset == 20)
      let log = try again.open(Rig.many(3), segmentBytes: 1024)
      #expect(log.currentState.startOffset == 25)
      #expect(try log.answer(25).bytes == bytes(expected(35, 3).suffix(10)))
    }
  }

  @Test func replacedSegmentsDoNotComeBack() throws {
    let rig = try Rig()
    let logs = try rig.openMany(segmentBytes: 1024)
    try grow(logs, by: 34)
    try rig.flush(logs)
    let all = expected(35, 2)
    let end = try logs[2].sealedRanges[1].upperBound
    let kept = thinned(all.filter { $0.nextOffset <= end }, keeping: end)
    try logs[2].replace(0..<end, with: kept)
    let left = kept + all.filter { $0.baseOffset >= end }
    for disk in [rig.disk.afterLosingAll(), rig.disk.afterKill()] + (0..<8).map({ rig.disk.afterPowerCut(seed: $0) }) {
      let again = try Rig(disk)
      #expect(try again.open(Rig.many(2), segmentBytes: 1024).answer(0).bytes == bytes(left))
      #expect(try again.open(Rig.many(3), segmentBytes: 1024).answer(0).bytes == bytes(expected(35, 3)))
    }
  }

  @Test func recoveryPointsVouchForSegmentFilesOnly() throws {
    let rig = try Rig()
    let logs = try rig.openMany()
    rig.tier.checkpoint()
    try grow(logs, by: 4)
    try rig.flush(logs)
    #expect(logs[0].currentState.durableEndOffset == 5)
    #expect(logs[0].published.withLock { $0.filedEnd } == 1)
    #expect(Settlement(workers: WorkerPool(threadCount: 0), isClosing: false).run([logs[0]])[0]?.recoveryPoint == 1)
    rig.tier.checkpoint()
    let text = rig.disk.bytes("/data/recovery-point-offset-checkpoint").map { String(decoding: $0, as: UTF8.self) }
    #expect(text == "0\n6\n" + (0..<6).map { "many \($0) 5\n" }.joined())
    #expect(rig.disk.afterLosingAll().bytes("/data/many-0/" + file(0, "log")) == bytes(expected(5, 0)))
  }

  @Test func aCleanStopLeavesNothingToReplay() throws {
    let rig = try Rig()
    let logs = try rig.openMany()
    try grow(logs, by: 4)
    try rig.flush(logs)
    rig.tier.stop()
    let disk = rig.disk.afterLosingAll()
    for number in 0..<6 {
      #expect(disk.bytes("/data/many-\(number)/" + file(0, "log")) == bytes(expected(5, number)))
    }
    for number in 0..<4 {
      let path = "/data/" + CommitLogFormat.fileName(number)
      let reader = CommitLogReader(ArraySource(disk.bytes(path)!), byteCount: Int64(disk.bytes(path)!.count))
      guard case .end(position: 4096) = reader.next() else {
        Issue.record("\(path) holds entries after a clean stop")
        continue
      }
    }
    // Another program may have used the directory since; its marker makes the log void, whatever stands in it.
    let crashed = rig.disk.afterLosingAll()
    #expect(crashed.names("/data").contains(".kafka_cleanshutdown"))
  }

  @Test func entriesAreVoidBesideACleanMarker() throws {
    let rig = try Rig()
    let logs = try rig.openMany()
    try grow(logs, by: 4)
    try rig.flush(logs)
    let disk = rig.disk.afterLosingAll()
    disk.set("/data/.kafka_cleanshutdown", [])
    let again = try Rig(disk)
    #expect(try again.open(Rig.many(0)).answer(0).bytes == bytes(series(1)))
  }

  @Test func switchedOffItIsReplayedAndRemoved() throws {
    let rig = try Rig()
    let logs = try rig.openMany()
    try grow(logs, by: 4)
    try rig.flush(logs)
    let again = try Rig(rig.disk.afterLosingAll()) { $0.usesCommitLog = false }
    #expect(again.disk.names("/data").allSatisfy { !$0.hasPrefix("commit-log") })
    try check(again, 5)
  }

  @Test func aPartitionClosedAndOpenedAgainKeepsItsOwn() throws {
    let rig = try Rig()
    var logs = try rig.openMany()
    try grow(logs, by: 4)
    try rig.flush(logs)
    logs[0].close()
    logs[0] = try rig.open(Rig.many(0))
    try grow(logs, by: 2)
    try rig.flush(logs)
    try check(try Rig(rig.disk.afterLosingAll()), 7)
  }
}
