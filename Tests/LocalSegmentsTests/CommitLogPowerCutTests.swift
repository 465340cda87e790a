import Testing
import TierKit

@testable import LocalSegmentsCore

/// What may be found of one partition after a power cut.
private struct Expectation {
  /// Every batch of the log, or of the log before a change that was under way.
  var batches: [TestBatch] = []
  var durableEnd: Int64 = 0
  var start: ClosedRange<Int64> = 0...0
}

/// Six partitions that flush together, and everything that can happen to one of them in between, with the power cut at
/// each change.
@Suite struct CommitLogPowerCutTests {
  private final class Run {
    var rig: Rig
    var logs: [PartitionID: PartitionLog] = [:]
    /// nil while it is being deleted.
    var models: [PartitionID: Expectation] = [:]

    init(_ disk: SimulatedDisk) throws { rig = try Rig(disk) { $0.commitLogByteCount = 64 * 1024 } }

    func open(_ id: PartitionID) throws {
      if models[id] == nil { models[id] = Expectation() }
      logs[id] = try rig.open(id, segmentBytes: 1024)
    }

    func append(_ id: PartitionID, _ count: Int, tag: UInt8) throws {
      let more = series(count, from: logs[id]!.currentState.endOffset, tag: tag)
      models[id]!.batches += more
      try logs[id]!.append(more)
    }

    func flush() throws {
      let ids = logs.keys.sorted { ($0.partition, $0.topicID[0]) < ($1.partition, $1.topicID[0]) }
      let results = rig.tier.flush(logs: ids.map { logs[$0]! })
      for (id, result) in zip(ids, results) {
        let end = try result.get()
        #expect(end == logs[id]!.currentState.endOffset)
        models[id]!.durableEnd = max(models[id]!.durableEnd, end)
      }
    }

    func truncate(_ id: PartitionID, _ offset: Int64) throws {
      models[id]!.durableEnd = min(models[id]!.durableEnd, offset)
      try logs[id]!.truncate(to: offset)
      models[id]!.batches.removeAll { $0.nextOffset > offset }
      models[id]!.durableEnd = offset
    }

    func move(_ id: PartitionID, _ offset: Int64, _ action: (PartitionLog) throws -> Void) throws {
      models[id]!.start = models[id]!.start.lowerBound...offset
      try action(logs[id]!)
      models[id]!.start = offset...offset
      models[id]!.durableEnd = max(models[id]!.durableEnd, offset)
    }

    func delete(_ id: PartitionID) throws {
      models[id] = nil
      logs[id]!.close()
      logs[id] = nil
      try rig.tier.deletePartition(id)
    }
  }

  private static func script(_ disk: SimulatedDisk, _ keep: (Run) -> Void) throws {
    let run = try Run(disk)
    keep(run)
    let ids = (0..<6).map { Rig.many($0) }
    for id in ids { try run.open(id) }
    for id in ids { try run.append(id, 2, tag: 0) }
    try run.flush()
    for (number, id) in ids.enumerated() { try run.append(id, 3 + 5 * number, tag: 1) }
    try run.flush()
    for id in ids { try run.append(id, 1, tag: 2) }
    run.rig.tier.checkpoint()
    for id in ids { try run.append(id, 4, tag: 3) }
    try run.flush()
    try run.truncate(ids[2], 9)
    try run.append(ids[2], 6, tag: 4)
    try run.move(ids[4], 20) { try $0.evict(before: 25) }
    try run.move(ids[5], 13) { try $0.advanceStart(to: 13) }
    try run.flush()
    try run.delete(ids[0])
    try run.open(ids[0])
    try run.append(ids[0], 3, tag: 5)
    try run.delete(ids[1])
    let second = Rig.many(1, topicID: 8)
    try run.open(second)
    try run.append(second, 12, tag: 6)
    try run.append(ids[3], 30, tag: 6)
    try run.flush()
    try run.append(ids[3], 9, tag: 7)
    try run.truncate(ids[3], 30)
    try run.append(ids[3], 3, tag: 8)
    for id in [ids[0], ids[2], ids[4], ids[5], second] { try run.append(id, 2, tag: 9) }
    try run.flush()
    try run.append(ids[5], 20, tag: 10)
  }

  private func check(_ disk: SimulatedDisk, _ models: [PartitionID: Expectation], _ comment: Comment) throws {
    let rig = try Rig(disk) { $0.commitLogByteCount = 64 * 1024 }
    var found: [PartitionID: (log: PartitionLog, bytes: [UInt8])] = [:]
    for (id, model) in models {
      let log = try rig.open(id, segmentBytes: 1024)
      let state = log.currentState
      #expect(model.start.contains(state.startOffset), comment)
      #expect(state.endOffset >= model.durableEnd, comment)
      let expected = model.batches.filter { $0.nextOffset > state.startOffset && $0.nextOffset <= state.endOffset }
      #expect(state.endOffset == expected.last?.nextOffset ?? state.startOffset, comment)
      if !expected.isEmpty { #expect(try log.answer(state.startOffset).bytes == bytes(expected), comment) }
      let more = series(2, from: state.endOffset, tag: 0xEE)
      try log.append(more)
      found[id] = (log, bytes(expected + more))
    }
    // What is found works, through the log, and survives the next cut.
    try rig.flush(found.values.map(\.log))
    let again = try Rig(rig.disk.afterLosingAll())
    for (id, (log, bytes)) in found {
      let start = log.currentState.startOffset
      #expect(try again.open(id, segmentBytes: 1024).answer(start).bytes == bytes, comment)
    }
  }

  /// In four parts, which run side by side.
  @Test(arguments: 0..<4) func noCutAnywhereLosesWhatAnyPartitionHadFlushed(part: Int) throws {
    let whole = SimulatedDisk()
    try Self.script(whole) { _ in }
    let total = whole.changeCount
    #expect(total > 250)
    for cut in stride(from: part, to: total, by: 4) {
      let disk = SimulatedDisk()
      disk.cutAt = cut
      var run: Run?
      do { try Self.script(disk) { run = $0 } } catch is TierError {}
      let models = run?.models ?? [:]
      try check(disk.afterLosingAll(), models, "cut at change \(cut) of \(total), all lost")
      try check(disk.afterPowerCut(seed: UInt64(cut)), models, "cut at change \(cut) of \(total), seed \(cut)")
      // A kill, and a power cut later.
      try check(disk.afterKill(), models, "killed at change \(cut) of \(total)")
    }
  }
}
