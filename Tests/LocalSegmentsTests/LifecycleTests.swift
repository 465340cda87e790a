import Synchronization
import Testing
import TierKit

@testable import LocalSegmentsCore

@Suite struct LifecycleTests {
  @Test func aNewPartitionBeginsWhereAsked() throws {
    let rig = try Rig()
    let log = try rig.open(at: 4_711)
    #expect(log.currentState.startOffset == 4_711)
    #expect(log.currentState.endOffset == 4_711)
    #expect(rig.disk.names(Rig.directory).contains(file(4_711, "log")))
    let metadata = rig.disk.bytes("\(Rig.directory)/partition.metadata").map { String(decoding: $0, as: UTF8.self) }
    #expect(metadata == "version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw")
    try log.append(series(3, from: 4_711))
    log.close()
    #expect(try rig.open(at: 0).answer(4_712).bytes == bytes(series(2, from: 4_712)))
  }

  @Test func aSecondProcessIsFenced() throws {
    let rig = try Rig()
    let error = #expect(throws: TierError.self) { try Rig(rig.disk) }
    #expect(error?.code == .fenced)
    #expect(error?.message.contains("/data") == true)
    rig.tier.stop()
    _ = try Rig(rig.disk)
  }

  @Test func advancingTheStartDeletesWholeSegmentsAndSurvives() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let batches = series(35)
    try log.append(batches)
    try log.advanceStart(to: 20)
    #expect(rig.disk.names(Rig.directory).filter { $0.hasSuffix(".log") } == [file(20, "log"), file(30, "log")])
    #expect(try log.answer(19).outcome == .miss)
    try log.advanceStart(to: 27)
    try log.advanceStart(to: 5)
    #expect(log.currentState.startOffset == 27)
    #expect(try log.answer(27).bytes == bytes(batches[27...]))
    for seed in 0..<10 {
      let again = try Rig(rig.disk.afterPowerCut(seed: UInt64(seed)))
      let reopened = try again.open(segmentBytes: 1024)
      #expect(reopened.currentState.startOffset == 27)
      #expect(reopened.currentState.endOffset == 35)
    }
    try log.advanceStart(to: 35)
    #expect(log.currentState.startOffset == 35)
    #expect(rig.disk.names(Rig.directory).contains(file(30, "log")))
    #expect(throws: TierError.self) { try log.advanceStart(to: 36) }
    #expect(try log.append(series(1, from: 35)) == .ok)
  }

  @Test func theLargestTimestampIsOneThatCanBeRead() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let times: [Int64] = [5, 90, 7, 50, 20, 50, 3, 8, 9, 10, 30, 60, 40, 11]
    for (offset, time) in times.enumerated() {
      try log.append([TestBatch(at: Int64(offset), payload: Array(repeating: 0, count: 40), timestamp: time)])
    }
    func check(_ log: PartitionLog, _ start: Int) {
      let best = times[start...].max()
      #expect(log.currentState.maxTimestamp == best ?? -1, "from \(start)")
      #expect(log.currentState.maxTimestampOffset == best.map { Int64(times[start...].firstIndex(of: $0)!) } ?? -1)
    }
    for start in 0...times.count {
      try log.advanceStart(to: Int64(start))
      check(log, start)
      check(try Rig(rig.disk.afterKill()).open(segmentBytes: 1024), start)
      log.published.withLock { $0._checkInvariants() }
    }
    try log.append([TestBatch(at: 14, timestamp: 2)])
    #expect(log.currentState.maxTimestamp == 2)
  }

  @Test func evictingTakesSealedSegmentsOnly() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    try log.append(series(35))
    try log.evict(before: 19)
    #expect(log.currentState.startOffset == 10)
    try log.evict(before: 1_000)
    #expect(log.currentState.startOffset == 30)
    #expect(try log.answer(30).next == 35)
    try log.seal()
    try log.evict(before: 35)
    #expect(log.currentState.startOffset == 35)
    #expect(log.currentState.endOffset == 35)
    #expect(log.currentState.byteCount == 0)
    #expect(try Rig(rig.disk.afterPowerCut(seed: 1)).open().currentState.endOffset == 35)
  }

  @Test func sealingIsDurableAndIdempotent() throws {
    let rig = try Rig()
    let log = try rig.open()
    try log.seal()
    #expect(try log.segments(from: 0, limit: 9).count == 1)
    try log.append(series(4))
    try log.seal()
    try log.seal()
    #expect(log.currentState.durableEndOffset == 4)
    let segments = try log.segments(from: 0, limit: 9)
    #expect(segments.map(\.base_offset) == [0, 4])
    #expect(segments.map(\.next_offset) == [4, 4])
    #expect(segments.map(\.byte_count) == [404, 0])
    #expect(segments.map(\.max_timestamp) == [1_003, -1])
    #expect(segments.map(\.min_timestamp) == [1_000, -1])
  }

  @Test func truncatingDropsBatchesThatReachBeyondTheOffset() throws {
    let all = series(8) + [TestBatch(at: 8, count: 10)] + series(12, from: 18)
    for offset in [0, 1, 5, 8, 9, 17, 18, 20, 29, 30, 40] {
      let rig = try Rig()
      let log = try rig.open(segmentBytes: 1024)
      try log.append(all)
      try log.truncate(to: Int64(offset))
      let kept = all.prefix { $0.nextOffset <= Int64(offset) }
      let end = kept.last?.nextOffset ?? 0
      #expect(log.currentState.endOffset == end, "truncated to \(offset)")
      if offset < 30 { #expect(log.currentState.durableEndOffset == end) }
      if end > 0 { #expect(try log.answer(0).bytes == bytes(kept)) }
      let more = series(15, from: end, tag: 0x55)
      try log.append(more)
      #expect(try log.answer(0).bytes == bytes(kept) + bytes(more))
      #expect(try log.findTimestamp(1_000 + end + 14, in: 0..<100, nonblocking: true)
        == (kept.contains { $0.maxTimestamp >= 1_000 + end + 14 } ? .miss
          : .found(baseOffset: end + 14, maxTimestamp: 1_000 + end + 14)))
      let again = try Rig(rig.disk.afterKill())
      #expect(try again.open(segmentBytes: 1024).answer(0).bytes == bytes(kept) + bytes(more))
    }
  }

  @Test func truncatingBelowTheStartBeginsAgainThere() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    try log.append(series(30))
    try log.advanceStart(to: 20)
    try log.truncate(to: 7)
    #expect(log.currentState.startOffset == 7)
    #expect(log.currentState.endOffset == 7)
    try log.append(series(2, from: 7))
    #expect(try Rig(rig.disk.afterKill()).open().answer(7).bytes == bytes(series(2, from: 7)))
  }

  @Test func whatReadersHoldSurvivesTruncationAndDeletion() throws {
    let rig = try Rig()
    let log = try rig.open(segmentBytes: 1024)
    let batches = series(30)
    try log.append(batches)
    var held: [FileRegion] = []
    let request = ReadRequest(offset: 0, endOffset: .max, maxBytes: .max, minOneBatch: true, nonblocking: false)
    _ = try log.read(request, limit: 9) { held.append($0) }
    try log.truncate(to: 15)
    try log.append(series(30, from: 15, tag: 0xAA))
    try log.advanceStart(to: 45)
    log.close()
    try rig.tier.deletePartition(Rig.orders)
    rig.tier.stop()
    var found: [UInt8] = []
    for region in held {
      var part = [UInt8](repeating: 0, count: region.byteCount)
      try part.withUnsafeMutableBytes { raw in
        try rig.disk.readFully(region.descriptor, at: region.position, into: raw)
      }
      found += part
    }
    #expect(found == bytes(batches))
    held = []
    #expect(rig.disk.openDescriptorCount == 0)
  }

  @Test func deletionIsFinishedAfterACrashAnywhere() throws {
    var steps = 0
    while true {
      let rig = try Rig()
      let log = try rig.open(segmentBytes: 1024)
      try log.append(series(15))
      log.close()
      rig.disk.cutAt = rig.disk.changeCount + steps
      do {
        try rig.tier.deletePartition(Rig.orders)
        break
      } catch {
        let again = try Rig(rig.disk.afterPowerCut(seed: UInt64(steps)))
        for id in try again.tier.listPartitions() { try again.tier.deletePartition(id) }
        #expect(again.disk.names("/data").allSatisfy { !$0.hasPrefix("orders") })
        try again.tier.deletePartition(Rig.orders)
      }
      steps += 1
    }
    #expect(steps > 6)
  }

  @Test func aTopicCreatedAgainDoesNotSeeTheOldOnesData() throws {
    let rig = try Rig()
    try rig.open().append(series(5))
    let second = PartitionID(topic: "orders", topicID: Array(repeating: 9, count: 16), partition: 3)
    let again = try Rig(rig.disk.afterKill())
    let log = try again.open(second)
    #expect(log.currentState.endOffset == 0)
    #expect(Set(try again.tier.listPartitions()) == [Rig.orders, second])
    #expect(again.host.linesAtLeast(.warning).count == 1)
    try log.append(series(1))
    // The old one can still be opened by its id, and deleted.
    let third = try Rig(again.disk.afterKill())
    let old = try third.open(Rig.orders)
    #expect(try old.answer(0).bytes == bytes(series(5)))
    old.close()
    try third.tier.deletePartition(Rig.orders)
    #expect(try third.tier.listPartitions() == [second])
    #expect(try third.open(second).answer(0).bytes == bytes(series(1)))
  }

  @Test func theLongestTopicNameWorks() throws {
    let rig = try Rig()
    let id = PartitionID(
      topic: String(repeating: "x", count: 249), topicID: Array(repeating: 1, count: 16), partition: 12)
    let log = try rig.open(id)
    try log.append(series(1))
    log.close()
    try rig.tier.deletePartition(id)
    #expect(try rig.tier.listPartitions().isEmpty)
    #expect(rig.disk.names("/data").allSatisfy { $0.utf8.count < 255 && !$0.hasPrefix("x") })
  }

  @Test func checkpointsAreWrittenWhenDueAndByFlushesOnly() throws {
    let rig = try Rig { $0.checkpointInterval = 1_000 }
    let log = try rig.open()
    try log.append(series(5))
    _ = rig.tier.flush(logs: [log])
    #expect(rig.disk.bytes("/data/recovery-point-offset-checkpoint") == nil)
    rig.host.clock.store(1_000_000_001, ordering: .relaxed)
    _ = rig.tier.flush(logs: [log])
    let text = rig.disk.bytes("/data/recovery-point-offset-checkpoint").map { String(decoding: $0, as: UTF8.self) }
    #expect(text == "0\n1\norders 3 5\n")
  }
}
