import ArchiveFormat
import KafkaRecords
import Synchronization
import Testing
import TierKit

@testable import ArchiveSearch

@Suite struct SearchPlanTests {
  private func name(_ offsets: Range<Int64>, generation: UInt8, epoch: Int32, time: Int64) -> ObjectName {
    ObjectName(
      topic: "logs", topicID: Array(1...16), partition: 0, baseOffset: offsets.lowerBound,
      lastOffset: offsets.upperBound - 1, maxTimestamp: time, leaderEpoch: epoch, generation: generation,
      hotByteCount: 1)
  }

  @Test func everyOffsetBelongsToOneUnitAndToTheObjectThatReadersPrefer() {
    for seed in UInt64(1)...100 {
      var random = SeededGenerator(seed: seed)
      let objects = (0..<random.below(9)).map { index in
        let start = Int64(random.below(90))
        return name(
          start..<start + 1 + Int64(random.below(40)), generation: UInt8(random.below(2)),
          epoch: Int32(random.below(3)), time: Int64(index))
      }
      let scope = Int64(random.below(50))..<Int64(50 + random.below(80))
      var owners = [Int64: [Int64]]()
      for unit in SearchPlan.units(partition: 0, offsets: scope, objects: objects, since: .min) {
        switch unit {
        case .object(_, let name, let offsets):
          #expect(!offsets.isEmpty && name.offsets.contains(offsets.lowerBound))
          for offset in offsets { owners[offset, default: []].append(name.maxTimestamp) }
        case .unsealed(_, let offsets): for offset in offsets { owners[offset, default: []].append(-1) }
        }
      }
      for offset in scope {
        // The best of those that have the offset, found one by one.
        let best = objects.filter { $0.offsets.contains(offset) }.min { a, b in
          if a.generation != b.generation { return a.generation > b.generation }
          if a.leaderEpoch != b.leaderEpoch { return a.leaderEpoch > b.leaderEpoch }
          return a.offsets.count != b.offsets.count ? a.offsets.count > b.offsets.count : a.path < b.path
        }
        #expect(owners[offset] == [best?.maxTimestamp ?? -1], "seed \(seed) offset \(offset)")
      }
      #expect(owners.count == scope.count, "seed \(seed)")
    }
  }

  @Test func compactedObjectsAnswerForTheirRangeWithWhatTheyKept() throws {
    var random = SeededGenerator(seed: 101)
    var log = TestLog(partition: 0, firstOffset: 0)
    log.grow(batchCount: 60, &random)
    log.settle(&random)
    var compacted = log
    for index in 0..<30 {
      compacted.batches[index].bytes = try log.batches[index].bytes.withUnsafeBytes { bytes in
        let header = try RecordBatch.validate(bytes)
        if header.isControl { return [UInt8](bytes) }
        var builder = RecordBatchBuilder(rewriting: header)
        do {
          for record in try RecordBatchReader(bytes, limit: 1 << 20).records() where record.offsetDelta % 2 == 1 {
            builder.append(record)
          }
        } catch {
          // The test's unreadable batches stay as they are.
          return [UInt8](bytes)
        }
        return builder.build()
      }
    }
    let partition = TestPartition()
    try partition.archive(log, 0..<20)
    try partition.archive(log, 20..<50)
    try partition.archive(compacted, 0..<30, generation: 1)
    let end = log.batches[29].offsets.upperBound
    let kept = log.records.filter { record in
      let base = log.batches.first { $0.offsets.contains(record.offset) }!.offsets.lowerBound
      return !record.isAborted && (record.offset >= end || (record.offset - base) % 2 == 1)
    }
    let request = SearchRequest(query: Array("*".utf8), limit: 10_000)
    let outcome = try TestWorld.search().run(request, [(partition, log.offsets)], source: TestSource([log]))
    #expect(Set(outcome.hits.map(\.offset)) == Set(kept.map(\.offset)) && outcome.hits.count == kept.count)
    #expect(outcome.reasonForPartial == nil && outcome.totalIsExact)
  }

  @Test(arguments: [0, 1, 3, 100])
  func aCrewDoesEveryPieceOnceWithAnyNumberOfHelpers(helpers: Int) {
    let left = Mutex(helpers)
    let crew = Crew(width: 8) { work in
      let isThere = left.withLock { left in
        left -= 1
        return left >= 0
      }
      if isThere { work() }
      return isThere
    }
    for count in [0, 1, 5, 200] {
      let done = Mutex([Int](repeating: 0, count: count))
      crew.run(count) { number in done.withLock { $0[number] += 1 } }
      #expect(done.withLock { $0.allSatisfy { $0 == 1 } })
    }
  }
}
