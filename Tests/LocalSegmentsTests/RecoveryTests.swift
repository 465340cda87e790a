import Testing
import TierKit

@testable import LocalSegmentsCore

@Suite struct RecoveryTests {
  /// A log of six batches in one segment, killed: everything written, nothing checkpointed.
  private func killed(_ batches: [TestBatch]) throws -> SimulatedDisk {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(batches)
    return rig.disk.afterKill()
  }

  @Test func afterAKillEverythingWrittenIsThereAndDurable() throws {
    let batches = series(6)
    let rig = try Rig(try killed(batches))
    let log = try rig.open()
    #expect(log.currentState.endOffset == 6)
    #expect(log.currentState.durableEndOffset == 6)
    #expect(log.currentState.maxTimestamp == 1_005)
    #expect(log.currentState.maxTimestampOffset == 5)
    let cut = try Rig(rig.disk.afterPowerCut(seed: 3))
    #expect(try cut.open().answer(0).bytes == bytes(batches))
  }

  @Test func everyTruncationOfTheLastBatchIsCutToTheOneBefore() throws {
    let batches = series(6)
    let disk = try killed(batches)
    let whole = bytes(batches)
    let last = batches[5].bytes.count
    for length in 0..<last {
      disk.set(Rig.directory + "/" + file(0, "log"), Array(whole[..<(whole.count - last + length)]))
      let rig = try Rig(disk.afterKill())
      let log = try rig.open()
      #expect(log.currentState.endOffset == 5, "with \(length) bytes of the last batch")
      #expect(try log.answer(0).bytes == bytes(batches[..<5]))
      #expect(rig.disk.bytes(rig.log(0))?.count == whole.count - last)
      // One line when something was cut, none when the file ends at a batch.
      let lines = rig.host.linesAtLeast(.warning)
      #expect(lines.count == (length == 0 ? 0 : 1))
      if let line = lines.first {
        #expect(line.fields["byte"] == String(whole.count - last))
        #expect(line.fields["bytes_cut"] == String(length))
        #expect(line.fields["topic"] == "orders" && line.fields["partition"] == "3")
        #expect(line.fields["file"]?.hasSuffix(file(0, "log")) == true && line.fields["reason"] != nil)
      }
      #expect(try log.append(series(1, from: 5, tag: 9)) == .ok)
      #expect(try log.answer(5).bytes == bytes(series(1, from: 5, tag: 9)))
    }
  }

  @Test func zerosAndGarbageBehindTheLogAreCut() throws {
    let batches = series(6)
    let disk = try killed(batches)
    var generator = SplitMix(11)
    let tails: [[UInt8]] = [
      [0], Array(repeating: 0, count: 61), Array(repeating: 0, count: 100_000), Array(repeating: 0xFF, count: 500),
      (0..<3_000).map { _ in UInt8.random(in: 0...255, using: &generator) },
      // A good batch that does not continue the log, and one whose checksum is wrong.
      TestBatch(at: 2).bytes, Array(TestBatch(at: 6).bytes.dropLast()) + [77],
    ]
    for (number, tail) in tails.enumerated() {
      disk.set(Rig.directory + "/" + file(0, "log"), bytes(batches) + tail)
      let rig = try Rig(disk.afterKill())
      #expect(try rig.open().answer(0).bytes == bytes(batches), "tail \(number)")
      #expect(rig.host.linesAtLeast(.warning).count == 1)
      #expect(rig.host.linesAtLeast(.warning).first?.fields["bytes_cut"] == String(tail.count))
    }
  }

  @Test func aFlippedBitEndsTheLogBeforeItsBatchAndSegmentsBehindItGo() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let batches = series(30)
    try log.append(batches)
    let disk = rig.disk.afterKill()
    var damaged = try #require(disk.bytes(rig.log(10)))
    damaged[3 * 101 + 80] ^= 4
    disk.set(rig.log(10), damaged)
    let again = try Rig(disk)
    let reopened = try again.open(segmentBytes: 1024)
    #expect(reopened.currentState.endOffset == 13)
    #expect(try reopened.answer(0).bytes == bytes(batches[..<13]))
    #expect(disk.names(Rig.directory).filter { $0.hasSuffix(".log") } == [file(0, "log"), file(10, "log")])
    #expect(again.host.linesAtLeast(.warning).count == 1)
  }

  @Test func aMissingSegmentInTheUnflushedPartEndsTheLog() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    try log.append(series(30))
    let disk = rig.disk.afterKill()
    disk.delete(rig.log(10))
    let again = try Rig(disk)
    #expect(try again.open(segmentBytes: 1024).currentState.endOffset == 10)
  }

  @Test func damageBelowTheRecoveryPointWithGoodBatchesBehindIsRefusedAndLeftAlone() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(20))
    _ = try log.flush().get()
    rig.tier.checkpoint()
    let disk = rig.disk.afterKill()
    var damaged = try #require(disk.bytes(rig.log(0)))
    damaged[3 * 101 + 80] ^= 4
    disk.set(rig.log(0), damaged)
    // As another program leaves it, or a version that knew no tails: the segment is read from its beginning.
    disk.delete("/data/recovery-tail-checkpoint")
    let again = try Rig(disk)
    let error = #expect(throws: TierError.self) { try again.open() }
    #expect(error?.code == .corrupt)
    #expect(error?.message.contains("byte 303") == true)
    #expect(disk.bytes(rig.log(0)) == damaged)
  }

  @Test func aCleanStopIsTrustedAndNothingIsReadButTheEnd() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 4096)
    let batches = series(100)
    try log.append(batches)
    log.close()
    rig.tier.stop()
    #expect(rig.disk.names("/data").contains(".kafka_cleanshutdown"))
    #expect(rig.disk.bytes("/data/recovery-point-offset-checkpoint").map { String(decoding: $0, as: UTF8.self) }
      == "0\n1\norders 3 100\n")
    // A bit flipped in a sealed segment would be found by a scan.
    var damaged = try #require(rig.disk.bytes(rig.log(0)))
    damaged[200] ^= 1
    rig.disk.set(rig.log(0), damaged)
    let again = try Rig(rig.disk.afterKill())
    let reopened = try again.open(segmentBytes: 4096)
    #expect(reopened.currentState == log.currentState)
    #expect(again.host.linesAtLeast(.warning).isEmpty)
    #expect(!again.disk.names("/data").contains(".kafka_cleanshutdown"))
    // The reader from the disk finds it.
    #expect(try reopened.answer(0).bytes == batches[0].bytes)
    #expect(throws: TierError.self) { try reopened.answer(1) }
    #expect(try reopened.append(series(10, from: 100)) == .ok)
    #expect(try reopened.answer(40).bytes == bytes(batches[40...]) + bytes(series(10, from: 100)))
  }

  @Test(arguments: ["index", "timeindex"]) func lostAndDamagedIndexesAreComputedAgain(kind: String) throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 4096)
    let batches = series(100)
    try log.append(batches)
    log.close()
    rig.tier.stop()
    let sealed = "\(Rig.directory)/" + file(0, kind)
    let active = "\(Rig.directory)/" + file(80, kind)
    let right = try #require(rig.disk.bytes(sealed))
    for path in [sealed, active] {
      for damage in 0..<4 {
        let disk = rig.disk.afterKill()
        disk.set("/data/.kafka_cleanshutdown", [])
        let good = try #require(disk.bytes(path))
        switch damage {
        case 0: disk.delete(path)
        case 1: disk.set(path, Array(good.dropLast(3)))
        case 2: disk.set(path, [])
        default: disk.set(path, good.map { ~$0 })
        }
        let again = try Rig(disk)
        let reopened = try again.open(segmentBytes: 4096)
        #expect(reopened.currentState.endOffset == 100)
        for offset in [0, 13, 39, 41, 99] {
          #expect(try reopened.answer(Int64(offset), max: 101).bytes == batches[offset].bytes, "damage \(damage)")
        }
        #expect(
          try reopened.findTimestamp(1_077, in: 0..<100, nonblocking: false)
            == .found(baseOffset: 77, maxTimestamp: 1_077))
        if damage < 3, path == sealed { #expect(disk.bytes(sealed) == right) }
        disk.set(path, good)
      }
    }
  }

  @Test func leaderEpochsAreTakenFromTheBatches() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    try log.append(series(5, epoch: 0) + series(10, from: 5, epoch: 3) + series(10, from: 15, epoch: 4))
    let disk = rig.disk.afterKill()
    let again = try Rig(disk)
    let reopened = try again.open(segmentBytes: 1024)
    #expect(reopened.currentState.lastLeaderEpoch == 4)
    #expect(try reopened.segments(from: 0, limit: 9).map(\.last_leader_epoch) == [3, 4, 4])
    reopened.close()
    again.tier.stop()
    let text = disk.bytes("\(Rig.directory)/leader-epoch-checkpoint").map { String(decoding: $0, as: UTF8.self) }
    #expect(text == "0\n3\n0 0\n3 5\n4 15\n")
  }

  @Test func foreignFilesAreNamedOnceAndLeftAlone() throws {
    let rig = try Rig()
    try rig.open().append(series(3))
    let disk = rig.disk.afterKill()
    disk.set("\(Rig.directory)/notes.txt", [1])
    disk.set("/data/readme", [2])
    disk.makeForeignDirectory("/data/backup")
    let again = try Rig(disk)
    let log = try again.open()
    #expect(try log.answer(0).bytes == bytes(series(3)))
    #expect(again.host.linesAtLeast(.warning).map(\.fields["names"]) == ["backup readme", "notes.txt"])
    #expect(disk.bytes("\(Rig.directory)/notes.txt") == [1])
    log.close()
    try again.tier.deletePartition(Rig.orders)
    #expect(disk.names("/data").contains { $0.hasSuffix("-delete") && disk.names("/data/\($0)") == ["notes.txt"] })
  }

  @Test(arguments: [true, false]) func aLostSegmentInTheMiddleIsReported(isClean: Bool) throws {
    let first = try Rig()
    let log = try first.open(segmentBytes: 1024)
    try log.append(series(35))
    _ = try log.flush().get()
    first.tier.checkpoint()
    if isClean {
      log.close()
      first.tier.stop()
    }
    let disk = first.disk.afterKill()
    for kind in ["log", "index", "timeindex"] { try disk.remove("\(Rig.directory)/" + file(10, kind)) }
    let again = try Rig(disk)
    let reopened = try again.open(segmentBytes: 1024)
    let lines = again.host.linesAtLeast(.warning)
    #expect(lines.count == 1)
    #expect(lines.first?.fields["end"] == "10")
    #expect(lines.first?.fields["next_segment"] == "20")
    #expect(try reopened.answer(0, max: 500).bytes == bytes(series(4)))
    #expect(try reopened.answer(20).bytes == bytes(series(15, from: 20)))
  }

  @Test func temporaryFilesGoOnlyWhenTheyAreOurs() throws {
    let first = try Rig()
    try first.open().append(series(3))
    let disk = first.disk.afterKill()
    let foreign = ["notes.tmp", "report.cleaned", "plan.swap", "cache.snapshot"]
    for name in foreign { disk.set("\(Rig.directory)/" + name, [1]) }
    disk.makeForeignDirectory("\(Rig.directory)/cache.tmp")
    let ours = [file(0, "index.rebuilding"), file(0, "log.cleaned"), "leader-epoch-checkpoint.tmp"]
    for name in ours { disk.set("\(Rig.directory)/" + name, [2]) }
    let again = try Rig(disk)
    #expect(try again.open().answer(0).bytes == bytes(series(3)))
    let names = disk.names(Rig.directory)
    #expect(Set(names).isSuperset(of: foreign + ["cache.tmp"]))
    #expect(Set(names).isDisjoint(with: ours))
    #expect(again.host.linesAtLeast(.warning).count == 1)
  }

  @Test func aDirectoryWrittenByKafkaIsReadable() throws {
    // No metadata of ours, an empty marker, a producer snapshot, checkpoints of an older version of the files.
    let disk = SimulatedDisk()
    disk.makeForeignDirectory(Rig.directory)
    let batches = series(20)
    disk.set(rig(0), bytes(batches[..<12]))
    disk.set(rig(12), bytes(batches[12...]))
    for base in [Int64(0), 12] { disk.set("\(Rig.directory)/" + file(base, "index"), []) }
    disk.set("\(Rig.directory)/" + file(0, "timeindex"), big(Int64(1_011)) + big(Int32(11)))
    disk.set("\(Rig.directory)/" + file(12, "timeindex"), [])
    disk.set("\(Rig.directory)/" + file(12, "snapshot"), [1, 2, 3])
    disk.set("\(Rig.directory)/leader-epoch-checkpoint", Array("0\n1\n0 0\n".utf8))
    disk.set("\(Rig.directory)/partition.metadata", Array("version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw".utf8))
    disk.set("/data/recovery-point-offset-checkpoint", Array("0\n1\norders 3 20\n".utf8))
    disk.set("/data/log-start-offset-checkpoint", Array("0\n1\norders 3 4\n".utf8))
    disk.set("/data/meta.properties", Array("version=1\n".utf8))
    disk.set("/data/.kafka_cleanshutdown", [])
    let again = try Rig(disk)
    #expect(try again.tier.listPartitions() == [Rig.orders])
    let log = try again.open()
    #expect(log.currentState.startOffset == 4)
    #expect(log.currentState.endOffset == 20)
    #expect(log.currentState.maxTimestamp == 1_019)
    #expect(try log.answer(4).bytes == bytes(batches[4...]))
    #expect(disk.bytes("\(Rig.directory)/" + file(12, "snapshot")) == [1, 2, 3])
  }

  private func rig(_ base: Int64) -> String { "\(Rig.directory)/" + file(base, "log") }
}
