import Testing
import TierKit

@testable import LocalSegmentsCore

@Suite struct FlushFaultTests {
  @Test func aFlushMakesWhatWasAppendedBeforeItDurable() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let batches = series(25)
    try log.append(batches)
    #expect(log.currentState.durableEndOffset == 0)
    #expect(try rig.tier.flush(logs: [log])[0].get() == 25)
    #expect(log.currentState.durableEndOffset == 25)
    for seed in 0..<20 {
      let again = try Rig(rig.disk.afterPowerCut(seed: UInt64(seed)))
      #expect(try again.open(segmentBytes: 1024).answer(0).bytes == bytes(batches))
    }
  }

  @Test func whatIsAppendedDuringAFlushIsNotClaimed() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    try log.append(series(5))
    rig.disk.afterSync = {
      rig.disk.afterSync = nil
      #expect(throws: Never.self) { try log.append(series(20, from: 5)) }
    }
    #expect(try log.flush().get() == 5)
    #expect(log.currentState.durableEndOffset == 5)
    #expect(log.currentState.endOffset == 25)
    #expect(try log.flush().get() == 25)
  }

  @Test func aTruncationBesideAFlushIsNotUndoneByIt() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(10))
    rig.disk.afterSync = {
      rig.disk.afterSync = nil
      #expect(throws: Never.self) {
        try log.truncate(to: 4)
        try log.append(series(9, from: 4, tag: 7))
      }
    }
    #expect(try log.flush().get() == 4)
    #expect(log.currentState.durableEndOffset == 4)
    #expect(try log.answer(0).bytes == bytes(series(4) + series(9, from: 4, tag: 7)))
  }

  @Test func aTruncationIsDurableWithEverythingBelowIt() throws {
    for seed in 0..<30 {
      let rig = try Rig()
      let log = try rig.open(segmentBytes: 1024)
      try log.append(series(30))
      try log.truncate(to: 25)
      #expect(log.currentState.durableEndOffset == 25)
      let again = try Rig(rig.disk.afterPowerCut(seed: UInt64(seed)))
      #expect(try again.open(segmentBytes: 1024).answer(0).bytes == bytes(series(25)), "seed \(seed)")
    }
  }

  @Test func aRecoveryPointDoesNotVouchForWhatIsWrittenAfterATruncation() throws {
    for seed in 0..<60 {
      let rig = try Rig()
      let log = try rig.open(segmentBytes: 1024)
      try log.append(series(40))
      _ = try log.flush().get()
      rig.tier.checkpoint()
      try log.truncate(to: 12)
      let batches = series(12) + series(30, from: 12, tag: 3)
      try log.append(Array(batches[12...]))
      let again = try Rig(rig.disk.afterPowerCut(seed: UInt64(seed)))
      let reopened = try again.open(segmentBytes: 1024)
      let end = Int(reopened.currentState.endOffset)
      #expect(end >= 12)
      #expect(try reopened.answer(0).bytes == bytes(batches[..<end]), "seed \(seed)")
    }
  }

  @Test func oneFlushCoversManyPartitionsAndOneFailureHurtsOnlyItsOwn() throws {
    let rig = try Rig { $0.flushThreads = 3 }
    let logs = try (0..<10).map { try rig.open(PartitionID(topic: "t", topicID: Array(0..<16), partition: $0)) }
    for log in logs { try log.append(series(3)) }
    rig.disk.faults = [.init(operation: .syncData, path: "/t-4/", errno: .inputOutput)]
    let results = rig.tier.flush(logs: logs)
    for (index, result) in results.enumerated() {
      switch result {
      case .success(let end): #expect(index != 4 && end == 3)
      case .failure(let error): #expect(index == 4 && error.code == .permanent)
      }
    }
  }

  @Test func aFailedSyncIsFinalAndReportedOnce() throws {
    let rig = try Rig()
    let log = try rig.open()
    let batches = series(4)
    try log.append(batches)
    rig.disk.faults = [.init(operation: .syncData, path: ".log", count: 1, errno: .inputOutput)]
    #expect(throws: TierError.self) { try log.flush().get() }
    // The disk would take it now; what it lost would stay lost.
    for _ in 0..<2 {
      let error = #expect(throws: TierError.self) { try log.flush().get() }
      #expect(error?.code == .permanent)
      let refused = #expect(throws: TierError.self) { try log.append(series(1, from: 4)) }
      #expect(refused?.code == .permanent)
    }
    #expect(try log.answer(0).bytes == bytes(batches))
    #expect(rig.host.linesAtLeast(.error).count == 1)
  }

  @Test func aFullDiskRefusesAnAppendAndTakesLaterOnes() throws {
    let rig = try Rig()
    let log = try rig.open()
    let batches = series(3)
    try log.append(batches)
    rig.disk.capacity = 0
    for room in [0, 50, 150] {
      let used = Rig.bytesUsed(rig.disk)
      rig.disk.capacity = used + room
      let error = #expect(throws: TierError.self) { try log.append(series(4, from: 3)) }
      #expect(error?.code == .noSpace)
      #expect(error?.message.contains("bytes free") == true)
      #expect(rig.disk.bytes(rig.log(0)) == bytes(batches))
      #expect(log.currentState.endOffset == 3)
    }
    rig.disk.capacity = nil
    #expect(try log.append(series(4, from: 3)) == .ok)
    #expect(try log.answer(0).bytes == bytes(series(7)))
  }

  @Test func aFullDiskDuringARollLeavesNothingBehind() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let batches = series(8)
    try log.append(batches)
    rig.disk.capacity = Rig.bytesUsed(rig.disk) + 1_200
    let error = #expect(throws: TierError.self) { try log.append(series(30, from: 8)) }
    #expect(error?.code == .noSpace)
    #expect(rig.disk.names(Rig.directory).filter { $0.hasSuffix(".log") } == [file(0, "log")])
    #expect(rig.disk.bytes(rig.log(0)) == bytes(batches))
    rig.disk.capacity = nil
    try log.append(series(30, from: 8))
    #expect(try log.answer(0).bytes == bytes(series(38)))
  }

  @Test func aWriteErrorPoisons() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.append(series(2))
    rig.disk.faults = [.init(operation: .write, path: ".log", count: 1, errno: .inputOutput)]
    let error = #expect(throws: TierError.self) { try log.append(series(1, from: 2)) }
    #expect(error?.code == .permanent)
    #expect(throws: TierError.self) { try log.append(series(1, from: 2)) }
    #expect(try log.answer(0).bytes == bytes(series(2)))
  }

  @Test(arguments: [1, 7, 61, 100, 1_000]) func shortWritesAreCompleted(size: Int) throws {
    let rig = try Rig()
    rig.disk.writeByteCountMax = size
    let log = try rig.open(segmentBytes: 4_000)
    let batches = series(60, size: 33)
    for start in stride(from: 0, to: 60, by: 5) { try log.append(Array(batches[start..<(start + 5)])) }
    #expect(try log.answer(0).bytes == bytes(batches))
    log.close()
    #expect(try rig.open().answer(0).bytes == bytes(batches))
  }

  @Test func moreThanTheKernelTakesAtOnceIsWrittenInPieces() throws {
    let rig = try Rig()
    let log = try rig.open()
    let batches = series(2_500, size: 5)
    try log.append(batches)
    #expect(rig.disk.bytes(rig.log(0)) == bytes(batches))
  }

  @Test func tooMuchUnflushedMakesTheNextAppendWait() throws {
    let rig = try Rig { $0.unflushedByteCountMax = 1_000 }
    let log = try rig.open()
    try log.append(series(11), nonblocking: true)
    #expect(try log.append(series(1, from: 11), nonblocking: true) == .wouldBlock)
    #expect(log.currentState.durableEndOffset == 0)
    #expect(try log.append(series(1, from: 11)) == .ok)
    #expect(log.currentState.durableEndOffset == 11)
    #expect(try log.append(series(1, from: 12), nonblocking: true) == .ok)
  }

  @Test func anUnwritableIndexCostsNothingButTime() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1 << 20, interval: 0)
    rig.disk.faults = [.init(operation: .write, path: "index", errno: .noSpace)]
    let batches = series(9_000, size: 5)
    for start in stride(from: 0, to: 9_000, by: 100) { try log.append(Array(batches[start..<(start + 100)])) }
    for offset in [0, 4_500, 8_999] {
      #expect(try log.answer(Int64(offset), max: 66).bytes == batches[offset].bytes)
    }
  }
}

extension Rig {
  static func bytesUsed(_ disk: SimulatedDisk) -> Int {
    disk.names("/data").reduce(0) { sum, name in
      let inner = disk.names("/data/\(name)").reduce(0) { $0 + (disk.bytes("/data/\(name)/\($1)")?.count ?? 0) }
      return sum + inner + (disk.bytes("/data/\(name)")?.count ?? 0)
    }
  }
}
