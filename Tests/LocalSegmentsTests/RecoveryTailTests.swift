import SegmentFormat
import Testing
import TierKit

@testable import LocalSegmentsCore

/// A start after a crash reads what came after the recovery point and believes nothing that does not fit.
@Suite struct RecoveryTailTests {
  private static let tails = "/data/recovery-tail-checkpoint"

  /// 150 batches below the recovery point, with entries in the index files, and five behind it; killed.
  private func killed() throws -> SimulatedDisk {
    let rig = try Rig()
    let log = try rig.open()
    for offset in 0..<150 { try log.append(series(1, from: Int64(offset))) }
    _ = try log.flush().get()
    rig.tier.checkpoint()
    try log.append(series(5, from: 150))
    return rig.disk.afterLosingNothing()
  }

  /// Everything a client can find out, by offset and by time.
  private func expectWhole(_ log: PartitionLog, _ batches: [TestBatch], _ comment: Comment) throws {
    #expect(log.currentState.endOffset == batches.last?.nextOffset, comment)
    #expect(log.currentState.maxTimestamp == batches.map(\.maxTimestamp).max(), comment)
    for batch in batches {
      #expect(try log.answer(batch.baseOffset, max: batch.bytes.count).bytes == batch.bytes, comment)
      let first = batches.first { $0.maxTimestamp >= batch.maxTimestamp }!
      #expect(
        try log.findTimestamp(batch.maxTimestamp, in: 0..<Int64.max, nonblocking: false)
          == .found(baseOffset: first.baseOffset, maxTimestamp: first.maxTimestamp), comment)
    }
  }

  @Test func whatIsDurableIsNotReadAgain() throws {
    let disk = try killed()
    // A bit flipped far below the recovery point would be found by a scan.
    var damaged = try #require(disk.bytes(Rig.path(0, "log")))
    damaged[200] ^= 1
    disk.set(Rig.path(0, "log"), damaged)
    let again = try Rig(disk)
    let log = try again.open()
    #expect(again.host.linesAtLeast(.warning).isEmpty)
    #expect(log.currentState.endOffset == 155)
    #expect(log.currentState.durableEndOffset == 155)
    disk.isCold = true
    // The reader from the disk finds it.
    #expect(throws: TierError.self) { try log.answer(1) }
    #expect(try log.answer(2).bytes == bytes(series(153, from: 2)))
  }

  @Test func indexesGoOnWhereTheyWere() throws {
    let disk = try killed()
    // An entry for every second batch, 74 before the recovery point, of which the first 64 were written.
    #expect(disk.bytes(Rig.path(0, "index"))?.count == 8 * 64)
    let again = try Rig(disk)
    let log = try again.open()
    try expectWhole(log, series(155), "after the start")
    try log.append(series(200, from: 155))
    try expectWhole(log, series(355), "and more")
    log.close()
    again.tier.stop()
    let whole = try Rig()
    let other = try whole.open()
    for offset in 0..<355 { try other.append(series(1, from: Int64(offset))) }
    other.close()
    #expect(disk.bytes(Rig.path(0, "index")) == whole.disk.bytes(Rig.path(0, "index")))
  }

  /// Every part of the line changed, and the indexes missing, short, zeroed or garbage: the same state each time.
  @Test func whatDoesNotFitIsNotBelieved() throws {
    let line = try #require(try killed().bytes(Self.tails).map { String(decoding: $0, as: UTF8.self) })
    #expect(line == "0\n1\norders 3 150 0 \(150 * 101) 1149 149 1000\n")
    let lines = [
      "orders 3 150 0 \(150 * 101 - 101) 1149 149 1000", "orders 3 150 0 \(150 * 101 + 101) 1149 149 1000",
      "orders 3 150 0 \(150 * 101 + 1) 1149 149 1000", "orders 3 150 0 999999 1149 149 1000",
      "orders 3 149 0 \(150 * 101) 1149 149 1000", "orders 3 151 0 \(150 * 101) 1149 149 1000",
      "orders 3 150 10 \(150 * 101) 1149 149 1000", "orders 3 150 0 \(150 * 101) 900 149 1000",
      "orders 3 150 0 0 1149 149 1000", "orders 3 150", "",
    ]
    for changed in lines {
      let disk = try killed()
      disk.set(Self.tails, Array("0\n1\n\(changed)\n".utf8))
      try expectWhole(try Rig(disk).open(), series(155), "\(changed)")
    }
    var generator = SplitMix(11)
    for kind in ["index", "timeindex"] {
      let whole = try #require(try killed().bytes(Rig.path(0, kind)))
      for round in 0..<40 {
        let disk = try killed()
        var damaged = whole
        let from = Int.random(in: 0..<whole.count, using: &generator)
        switch round % 3 {
        case 0: damaged.removeLast(whole.count - from)
        case 1: for index in from..<min(whole.count, from + 40) { damaged[index] = 0 }
        default: damaged += [UInt8](repeating: 0, count: from)
        }
        disk.set(Rig.path(0, kind), damaged)
        try expectWhole(try Rig(disk).open(), series(155), "\(kind), round \(round), byte \(from)")
      }
      let disk = try killed()
      disk.delete(Rig.path(0, kind))
      try expectWhole(try Rig(disk).open(), series(155), "no \(kind)")
    }
  }

  /// Entries of batches that were lost stand in the index file behind those that are good. What is appended in the
  /// place of the lost ones is of another size, so they would lead astray.
  @Test func entriesOfLostBatchesDoNotComeBack() throws {
    for isTailKnown in [true, false] {
      let rig = try Rig()
      let log = try rig.open(interval: 0)
      try log.append(series(70))
      _ = try log.flush().get()
      rig.tier.checkpoint()
      for offset in 70..<400 { try log.append(series(1, from: Int64(offset))) }
      let disk = rig.disk.afterLosingNothing()
      let kept = try #require(disk.bytes(Rig.path(0, "log"))?.prefix(72 * 101))
      disk.set(Rig.path(0, "log"), Array(kept))
      if !isTailKnown { disk.delete(Self.tails) }
      var batches = series(72)
      var current = try Rig(disk)
      var reopened = try current.open(interval: 0)
      for _ in 0..<3 {
        try expectWhole(reopened, batches, "tail known: \(isTailKnown), \(batches.count) batches")
        for _ in 0..<70 {
          let more = series(1, from: reopened.currentState.endOffset, size: 33)
          try reopened.append(more)
          batches += more
        }
        _ = try reopened.flush().get()
        current.tier.checkpoint()
        current = try Rig(current.disk.afterLosingNothing())
        reopened = try current.open(interval: 0)
      }
    }
  }

  /// Whatever a power cut leaves, the short way finds what the long one does.
  @Test func theShortWayFindsWhatTheLongOneDoes() throws {
    var shortWays = 0
    for seed: UInt64 in 0..<60 {
      var generator = SplitMix(seed)
      let rig = try Rig()
      let log = try rig.open(segmentBytes: 30_000, interval: 150)
      for _ in 0..<Int.random(in: 2..<12, using: &generator) {
        for _ in 0..<Int.random(in: 1..<60, using: &generator) {
          let size = Int.random(in: 1..<200, using: &generator)
          let time = Int64.random(in: 0..<5_000, using: &generator)
          try log.append([
            TestBatch(
              at: log.currentState.endOffset, count: Int32.random(in: 1..<4, using: &generator),
              payload: (0..<size).map { UInt8(truncatingIfNeeded: $0) }, timestamp: time)
          ])
        }
        if Bool.random(using: &generator) { _ = try log.flush().get() }
        if Bool.random(using: &generator) { rig.tier.checkpoint() }
        if Int.random(in: 0..<6, using: &generator) == 0 {
          try log.truncate(to: log.currentState.endOffset - min(9, log.currentState.endOffset))
        }
      }
      let (short, long) = (rig.disk.afterPowerCut(seed: seed), rig.disk.afterPowerCut(seed: seed))
      if long.bytes(Self.tails) != nil { long.delete(Self.tails) }
      let (a, b) = (try Rig(short), try Rig(long))
      let (one, other) = (
        try a.open(segmentBytes: 30_000, interval: 150), try b.open(segmentBytes: 30_000, interval: 150)
      )
      if short.names("/data").contains("recovery-tail-checkpoint") { shortWays += 1 }
      #expect(one.currentState == other.currentState, "seed \(seed)")
      #expect(try one.answer(0).bytes == other.answer(0).bytes, "seed \(seed)")
      for time in stride(from: Int64(0), to: 5_000, by: 50) {
        #expect(
          try one.findTimestamp(time, in: 0..<Int64.max, nonblocking: false)
            == other.findTimestamp(time, in: 0..<Int64.max, nonblocking: false), "seed \(seed), time \(time)")
      }
    }
    #expect(shortWays > 20)
  }
}

extension Rig {
  static func path(_ base: Int64, _ kind: String) -> String { "\(directory)/" + file(base, kind) }
}
