import Testing
import TierKit

@testable import ArchiveIndexCore

/// Random imports, reads, deletions, faults, restarts and losses of the index against a plain array.
@Suite struct PropertyTests {
  private struct Model {
    var batches: [TestBatch] = []
    var start: Int64 = 0
    var end: Int64 { batches.last?.nextOffset ?? start }
  }

  @Test(arguments: 1...6)
  func anArchiveIsWhatAnArrayWouldBe(_ seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let store = MemoryStore(page: 5)
    var disk = SimulatedDisk()
    let directory = try ScratchDirectory()
    func start() throws -> Rig {
      try Rig(store, in: directory, disk: disk) {
        $0.objectByteCount = 1_500
        $0.cacheByteCount = 200_000
        $0.readAheadByteCount = 1 << 20
      }
    }
    var rig = try start()
    let ids = (0..<3).map { PartitionID(topic: "t", topicID: [UInt8](repeating: 5, count: 16), partition: $0) }
    var models = ids.map { _ in Model() }
    var open = try ids.map { try rig.open($0) }
    for step in 0..<120 {
      let number = Int.random(in: 0..<ids.count, using: &random)
      let comment = Comment(rawValue: "seed \(seed), step \(step), partition \(number)")
      let partition = open[number]
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<7:
        let more = batches(
          Int.random(in: 1...14, using: &random), from: models[number].end,
          size: Int.random(in: 1...300, using: &random))
        let effects: [MemoryStore.Effect] = [.losesAnswer, .refuses(.throttled), .tears, .damages]
        if Bool.random(using: &random) {
          store.fail(.put, effects.randomElement(using: &random)!, skip: Int.random(in: 0..<3, using: &random))
        }
        if Bool.random(using: &random) {
          store.fail(.read, .refuses(.retriable), skip: Int.random(in: 0..<3, using: &random))
        }
        var attempts = 0
        while true {
          attempts += 1
          do { try partition.importSegment(more) } catch { if attempts < 9 { continue } else { throw error } }
          break
        }
        store.repair()
        models[number].batches += more
      case 7..<13:
        let offset = Int64.random(in: -2...models[number].end + 3, using: &random)
        let answer = try partition.answer(offset, max: Int.random(in: 1...5_000, using: &random))
        let isHeld = offset >= models[number].start && offset < models[number].end
        #expect((answer.outcome == .ok) == isHeld, comment)
        if isHeld {
          let rest = models[number].batches.filter { $0.nextOffset > offset }
          #expect(bytes(rest).starts(with: answer.bytes) && !answer.bytes.isEmpty, comment)
        }
      case 13, 14:
        guard models[number].end > models[number].start else { continue }
        let offset = Int64.random(in: models[number].start...models[number].end, using: &random)
        try partition.advanceStart(to: offset)
        models[number].start = max(models[number].start, offset)
      case 15: do { try rig.tier.environment.deletions.runOnce() } catch { Issue.record(error, comment) }
      case 16:
        partition.close()
        try rig.tier.deletePartition(ids[number])
        models[number] = Model()
        open[number] = try rig.open(ids[number])
      case 17:
        rig.tier.environment.readAhead.drain()
      default:
        for partition in open { partition.close() }
        rig.tier.stop()
        disk = disk.afterPowerCut(seed: random.next())
        rig = try start()
        open = try ids.map { try rig.open($0) }
      }
      for (partition, model) in zip(open, models) where model.end > model.start {
        #expect(partition.state.startOffset == model.start && partition.state.endOffset == model.end, comment)
      }
    }
    for (partition, model) in zip(open, models) {
      let rest = model.batches.filter { $0.nextOffset > model.start }
      #expect(try partition.readAll(from: model.start) == bytes(rest), "seed \(seed)")
    }
    try rig.expectClean("seed \(seed)")
  }
}
