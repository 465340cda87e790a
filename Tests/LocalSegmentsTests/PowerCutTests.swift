import Testing
import TierKit

@testable import LocalSegmentsCore

/// What may be found after a power cut, kept beside the run: an array, a count and two numbers.
private struct Expectation {
  /// Every batch of the log, or of the log before a change that was under way.
  var batches: [TestBatch] = []
  /// Offset below which everything must be there.
  var durableEnd: Int64 = 0
  /// The smallest and largest start that may be found.
  var start: ClosedRange<Int64> = 0...0
}

/// Runs a script on a simulated disk, cuts the power at each of its changes in turn and looks at what is left.
@Suite struct PowerCutTests {
  private static func script(_ rig: Rig, _ model: inout Expectation) throws {
    func append(_ log: PartitionLog, _ count: Int, tag: UInt8) throws {
      let more = series(count, from: model.batches.last?.nextOffset ?? model.start.upperBound, tag: tag)
      // What a failed call appended may be found, whole batches of it.
      model.batches += more
      try log.append(more)
    }
    func flush(_ log: PartitionLog) throws {
      let end = log.currentState.endOffset
      let durable = try rig.tier.flush(logs: [log])[0].get()
      #expect(durable == end)
      model.durableEnd = max(model.durableEnd, durable)
    }
    func truncate(_ log: PartitionLog, _ offset: Int64) throws {
      model.durableEnd = min(model.durableEnd, offset)
      try log.truncate(to: offset)
      model.batches.removeAll { $0.nextOffset > offset }
      model.durableEnd = log.currentState.endOffset
    }
    func move(_ offset: Int64, _ action: () throws -> Void) throws {
      model.start = model.start.lowerBound...offset
      try action()
      model.start = offset...offset
      model.durableEnd = max(model.durableEnd, offset)
    }

    var log = try rig.open(segmentBytes: 1024)
    try append(log, 4, tag: 0)
    try flush(log)
    try append(log, 12, tag: 0)
    try append(log, 3, tag: 0)
    rig.tier.checkpoint()
    try flush(log)
    rig.tier.checkpoint()
    try append(log, 25, tag: 1)
    try move(10) { try log.evict(before: 12) }
    try flush(log)
    try move(23) { try log.advanceStart(to: 23) }
    try append(log, 2, tag: 1)
    try log.seal()
    model.durableEnd = log.currentState.endOffset
    try append(log, 14, tag: 2)
    try flush(log)
    rig.tier.checkpoint()
    try truncate(log, 41)
    try append(log, 9, tag: 3)
    try flush(log)
    log.close()
    rig.tier.stop()
    model.durableEnd = log.currentState.endOffset

    let second = try Rig(rig.disk)
    log = try second.open(segmentBytes: 1024)
    #expect(try log.answer(23).bytes == bytes(model.batches.filter { $0.nextOffset > 23 }))
    let more = series(13, from: 50, tag: 4)
    model.batches += more
    try log.append(more)
    model.durableEnd = try log.flush().get()
    second.tier.checkpoint()
    try log.append(series(1, from: 63, tag: 4))
    model.batches += series(1, from: 63, tag: 4)
  }

  private func check(_ disk: SimulatedDisk, _ model: Expectation, _ comment: Comment) throws {
    let rig = try Rig(disk)
    let log = try rig.open(segmentBytes: 1024)
    let state = log.currentState
    #expect(model.start.contains(state.startOffset), comment)
    #expect(state.endOffset >= model.durableEnd, comment)
    #expect(state.durableEndOffset == state.endOffset, comment)
    let expected = model.batches.filter { $0.nextOffset > state.startOffset && $0.nextOffset <= state.endOffset }
    #expect(state.endOffset == expected.last?.nextOffset ?? state.startOffset, comment)
    if !expected.isEmpty { #expect(try log.answer(state.startOffset).bytes == bytes(expected), comment) }
    // What is found works: it takes more and gives it back, again after a clean stop.
    let more = series(12, from: state.endOffset, tag: 0xEE)
    try log.append(more)
    #expect(try log.flush().get() == state.endOffset + 12, comment)
    log.close()
    rig.tier.stop()
    let again = try Rig(rig.disk.afterPowerCut(seed: 5))
    let reopened = try again.open(segmentBytes: 1024)
    #expect(reopened.currentState.startOffset == state.startOffset, comment)
    #expect(try reopened.answer(state.startOffset).bytes == bytes(expected + more), comment)
    #expect(again.host.linesAtLeast(.warning).isEmpty, comment)
  }

  @Test func noCutLosesWhatWasDurableOrInventsAnything() throws {
    var whole = Expectation()
    let rig = try Rig()
    try Self.script(rig, &whole)
    let total = rig.disk.changeCount
    #expect(total > 150)

    for cut in 0..<total {
      for seed in 0..<6 {
        let disk = SimulatedDisk()
        disk.cutAt = cut
        var model = Expectation()
        var isDone = false
        do {
          try Self.script(try Rig(disk), &model)
          isDone = true
        } catch is TierError {}
        #expect(!isDone || cut + 3 > total, "the script went on after the cut at \(cut)")
        let seed = UInt64(cut * 100 + seed)
        try check(disk.afterPowerCut(seed: seed), model, "cut at change \(cut) of \(total), seed \(seed)")
      }
    }
  }

  @Test func killsAtAnyPointKeepEverythingWritten() throws {
    var whole = Expectation()
    let rig = try Rig()
    try Self.script(rig, &whole)
    for cut in 0..<rig.disk.changeCount {
      let disk = SimulatedDisk()
      disk.cutAt = cut
      var model = Expectation()
      do { try Self.script(try Rig(disk), &model) } catch is TierError {}
      try check(disk.afterKill(), model, "killed at change \(cut)")
    }
  }
}
