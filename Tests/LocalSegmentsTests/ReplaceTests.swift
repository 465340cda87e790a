import SegmentFormat
import Testing
import TierAPI
import TierKit

@testable import LocalSegmentsCore

@Suite struct ReplaceTests {
  /// Sealed segments of about nine batches each, and an active one.
  private func filled(_ rig: Rig, _ count: Int = 60) throws -> (PartitionLog, [TestBatch]) {
    let log = try rig.open(segmentBytes: 1_024, interval: 150)
    let batches = series(count)
    try log.append(batches)
    _ = try log.flush().get()
    return (log, batches)
  }

  @Test func readersGetTheNewBatchesAndInAGapTheNextOne() throws {
    let rig = try Rig()
    let (log, batches) = try filled(rig)
    let sealed = try log.sealedRanges
    let range = sealed[0].lowerBound..<sealed[2].upperBound
    let kept = thinned(batches.filter { $0.nextOffset <= range.upperBound }, keeping: range.upperBound)
    try log.replace(range, with: kept)
    let left = kept + batches.filter { $0.baseOffset >= range.upperBound }
    for offset in 0..<60 as Range<Int64> {
      let expected = left.filter { $0.nextOffset > offset }
      // The first, blocking read opens what the second needs.
      for nonblocking in [false, true] {
        let answer = try log.answer(offset, nonblocking: nonblocking)
        #expect(answer.bytes == bytes(expected), "offset \(offset)")
        #expect(answer.start <= offset && answer.next == 60)
      }
      // Bounded by one batch: the next one above the gap and nothing else.
      #expect(try log.answer(offset, max: 1).bytes == expected[0].bytes)
    }
    #expect(try log.sealedRanges.first == range)
    #expect(rig.disk.names(Rig.directory).filter { $0.hasSuffix(".log") }.count == sealed.count - 2 + 1)
    #expect(
      !rig.disk.names(Rig.directory).contains {
        $0.hasSuffix("cleaned") || $0.hasSuffix("swap") || $0.hasSuffix("rebuilding")
      })
  }

  @Test func timesAreFoundAcrossGaps() throws {
    let rig = try Rig()
    let (log, batches) = try filled(rig)
    let range = try log.sealedRanges[0].lowerBound..<log.sealedRanges[2].upperBound
    let kept = thinned(batches.filter { $0.nextOffset <= range.upperBound }, keeping: range.upperBound)
    try log.replace(range, with: kept)
    let left = kept + batches.filter { $0.baseOffset >= range.upperBound }
    for time in 990..<1_065 as Range<Int64> {
      for from in [0, 7, 20] as [Int64] {
        let expected = left.first { $0.maxTimestamp >= time && $0.nextOffset > from }
        let found = try log.findTimestamp(time, in: from..<100, nonblocking: false)
        let wanted: TimestampOutcome =
          expected.map { .found(baseOffset: $0.baseOffset, maxTimestamp: $0.maxTimestamp) } ?? .miss
        #expect(found == wanted, "time \(time) from \(from)")
      }
    }
  }

  @Test func aRestartFindsTheSameAfterACleanStopAndAfterAKill() throws {
    for isClean in [true, false] {
      let rig = try Rig()
      let (log, batches) = try filled(rig)
      let ranges = try log.sealedRanges
      let kept = thinned(batches.filter { $0.nextOffset <= ranges[1].upperBound }, keeping: ranges[1].upperBound)
      rig.tier.checkpoint()
      try log.replace(0..<ranges[1].upperBound, with: kept)
      let left = kept + batches.filter { $0.baseOffset >= ranges[1].upperBound }
      var disk = rig.disk.afterKill()
      if isClean {
        log.close()
        rig.tier.stop()
        disk = rig.disk.afterPowerCut(seed: 1)
      }
      let again = try Rig(disk)
      let found = try again.open(segmentBytes: 1_024, interval: 150)
      #expect(try found.answer(0).bytes == bytes(left))
      #expect(found.currentState.endOffset == 60 && found.currentState.startOffset == 0)
      #expect(found.currentState.byteCount == Int64(bytes(left).count))
      #expect(try found.sealedRanges.first == 0..<ranges[1].upperBound)
      #expect(again.host.linesAtLeast(.warning).isEmpty)
    }
  }

  @Test func recoveryWithoutACheckpointScansOverTheGaps() throws {
    let rig = try Rig()
    let (log, batches) = try filled(rig)
    let end = try log.sealedRanges[2].upperBound
    let kept = thinned(batches.filter { $0.nextOffset <= end }, keeping: end)
    try log.replace(0..<end, with: kept)
    let disk = rig.disk.afterKill()
    // A run that flushed nothing has left none.
    let checkpoint = "/data/recovery-point-offset-checkpoint"
    if disk.bytes(checkpoint) != nil { disk.delete(checkpoint) }
    let again = try Rig(disk)
    let found = try again.open(segmentBytes: 1_024, interval: 150)
    #expect(try found.answer(0).bytes == bytes(kept + batches.filter { $0.baseOffset >= end }))
    #expect(again.host.linesAtLeast(.warning).isEmpty)
  }

  @Test func whatIsNotACoverOfWholeSealedSegmentsIsRefusedAndChangesNothing() throws {
    let rig = try Rig()
    let (log, batches) = try filled(rig)
    let ranges = try log.sealedRanges
    let end = ranges[1].upperBound
    let good = batches.filter { $0.nextOffset <= end }
    func refused(_ range: Range<Int64>, _ list: [TestBatch], _ code: TierError.Code = .permanent) {
      do throws(TierError) {
        try log.replace(range, with: list)
        Issue.record("accepted \(range)")
      } catch { #expect(error.code == code) }
    }
    refused(1..<end, good)
    refused(0..<(end - 1), good)
    refused(0..<60, batches)
    refused(ranges.last!.upperBound..<60, batches.filter { $0.baseOffset >= ranges.last!.upperBound })
    refused(60..<70, good)
    // The last batch must end the segment, none may lie outside or go back, and checksums hold.
    refused(0..<end, good.dropLast())
    refused(0..<end, batches.filter { $0.nextOffset <= end + 1 })
    refused(0..<end, [good[1], good[0], good.last!], .corrupt)
    refused(0..<end, [])
    var damaged = good
    damaged[2].bytes[70] ^= 1
    refused(0..<end, damaged, .corrupt)
    #expect(try log.answer(0).bytes == bytes(batches))
    #expect(try log.sealedRanges == ranges)
    #expect(
      !rig.disk.names(Rig.directory).contains {
        $0.hasSuffix("cleaned") || $0.hasSuffix("swap") || $0.hasSuffix("rebuilding")
      })
    try log.append(series(3, from: 60))
  }

  @Test func theSameReplacementMayBeRepeated() throws {
    let rig = try Rig()
    let (log, batches) = try filled(rig)
    let end = try log.sealedRanges[1].upperBound
    let kept = thinned(batches.filter { $0.nextOffset <= end }, keeping: end)
    for _ in 0..<2 { try log.replace(0..<end, with: kept) }
    #expect(try log.answer(0).bytes == bytes(kept + batches.filter { $0.baseOffset >= end }))
  }

  @Test func extentsGivenOutBeforeGoOnToReadTheOldBytes() throws {
    let rig = try Rig { $0.openFilesMax = 1 }
    let (log, batches) = try filled(rig)
    var regions: [FileRegion] = []
    let request = ReadRequest(offset: 0, endOffset: .max, maxBytes: 1 << 20, minOneBatch: true, nonblocking: false)
    _ = try log.read(request, limit: 16) { regions.append($0) }
    let end = try log.sealedRanges[2].upperBound
    try log.replace(0..<end, with: thinned(batches.filter { $0.nextOffset <= end }, keeping: end))
    var found: [UInt8] = []
    for region in regions {
      var part = [UInt8](repeating: 0, count: region.byteCount)
      try part.withUnsafeMutableBytes {
        try region.file.fileSystem.readFully(region.descriptor, at: region.position, into: $0)
      }
      found += part
    }
    #expect(found == bytes(batches))
  }

  @Test func appendsSealsAndFlushesGoOnAroundIt() throws {
    let rig = try Rig()
    var (log, batches) = try filled(rig)
    let end = try log.sealedRanges[1].upperBound
    let kept = thinned(batches.filter { $0.nextOffset <= end }, keeping: end)
    try log.append(series(4, from: 60))
    let ticket = try log.makeTicket(.unfiled)
    try log.replace(0..<end, with: kept)
    for item in ticket!.files { #expect(log.sync(item) == nil) }
    #expect(try log.complete(ticket!) == 64)
    try log.append(series(30, from: 64))
    try log.seal()
    batches += series(34, from: 60)
    #expect(log.currentState.durableEndOffset == 94)
    #expect(try log.answer(0, limit: 64).bytes == bytes(kept + batches.filter { $0.baseOffset >= end }))
    log.published.withLock { $0._checkInvariants() }
  }

  @Test func aFailureBeforeTheDecisionLeavesEverythingAsItWas() throws {
    let cases: [(SimulatedDisk.Operation, String)] = [
      (.open, ".cleaned"), (.write, ".cleaned"), (.syncData, ".cleaned"), (.open, ".rebuilding"),
      (.write, ".rebuilding"),
      (.syncData, ".rebuilding"), (.rename, ".cleaned"),
    ]
    for (operation, path) in cases {
      let rig = try Rig()
      let (log, batches) = try filled(rig)
      let end = try log.sealedRanges[1].upperBound
      let kept = thinned(batches.filter { $0.nextOffset <= end }, keeping: end)
      rig.disk.faults = [.init(operation: operation, path: path, count: 1, errno: .noSpace)]
      #expect(throws: TierError.self, "\(operation) \(path)") { try log.replace(0..<end, with: kept) }
      #expect(try log.answer(0).bytes == bytes(batches))
      #expect(!rig.disk.names(Rig.directory).contains { $0.hasSuffix("cleaned") || $0.hasSuffix("swap") })
      try log.append(series(1, from: 60))
      try log.replace(0..<end, with: kept)
      #expect(try log.answer(0).bytes == bytes(kept + batches.filter { $0.baseOffset >= end } + series(1, from: 60)))
    }
  }

  @Test func aFailureAfterTheDecisionEndsWritingAndTheRestartFinishesIt() throws {
    for (operation, path, skip) in [
      (SimulatedDisk.Operation.syncDirectory, "orders-3", 0), (.remove, ".log", 0), (.syncDirectory, "orders-3", 1),
      (.rename, ".swap", 0), (.rename, ".rebuilding", 0), (.syncDirectory, "orders-3", 2),
    ] {
      let rig = try Rig()
      let (log, batches) = try filled(rig)
      let end = try log.sealedRanges[1].upperBound
      let kept = thinned(batches.filter { $0.nextOffset <= end }, keeping: end)
      rig.disk.faults = [.init(operation: operation, path: path, skip: skip, errno: .inputOutput)]
      #expect(throws: TierError.self) { try log.replace(0..<end, with: kept) }
      #expect(try log.answer(0).bytes == bytes(batches), "\(operation) \(path): readers keep what they had")
      #expect(throws: TierError.self) { try log.append(series(1, from: 60)) }
      rig.disk.faults = []
      let again = try Rig(rig.disk.afterKill())
      let found = try again.open(segmentBytes: 1_024, interval: 150)
      #expect(
        try found.answer(0).bytes == bytes(kept + batches.filter { $0.baseOffset >= end }), "\(operation) \(path)")
    }
  }

  @Test func aDamagedSwapFileIsRefusedAndLeftAlone() throws {
    let rig = try Rig()
    let (log, batches) = try filled(rig)
    log.close()
    rig.tier.stop()
    let swap = Rig.directory + "/" + file(0, "log") + ".swap"
    for content in [[], Array(batches[0].bytes.dropLast())] {
      rig.disk.set(swap, content)
      let again = try Rig(rig.disk.afterKill())
      #expect(throws: TierError.self) { try again.open(segmentBytes: 1_024) }
      #expect(again.disk.bytes(swap) == content)
    }
    rig.disk.delete(swap)
    #expect(try Rig(rig.disk.afterKill()).open(segmentBytes: 1_024).answer(0).bytes == bytes(batches))
  }
}
