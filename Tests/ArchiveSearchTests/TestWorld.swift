import ArchiveFormat
import Foundation
import KafkaRecords
import Synchronization
import TierKit

@testable import ArchiveSearch

/// Some partitions whose records are partly in objects and partly not.
struct TestWorld {
  var logs: [TestLog] = []
  var partitions: [TestPartition] = []

  /// Objects overlap in places, leave gaps in others, and have indexes of all kinds if `hasAllIndexes`.
  init(
    seed: UInt64, partitionCount: Int = 3, batchCount: Int = 60, hasAllIndexes: Bool = true, hasOverlaps: Bool = true
  ) throws {
    var random = SeededGenerator(seed: seed)
    for number in 0..<partitionCount {
      var log = TestLog(partition: number, firstOffset: Int64(random.below(3)) * 1000)
      log.grow(batchCount: batchCount + random.below(batchCount), &random)
      if random.chance(70) { log.settle(&random) }
      let partition = TestPartition()
      var start = 0
      let stable = log.batches.firstIndex { $0.offsets.upperBound > log.lastStableOffset } ?? log.batches.count
      while start < stable, !random.chance(15) {
        let end = min(stable, start + 1 + random.below(25))
        let index: IndexKind = hasAllIndexes && random.chance(25) ? random.pick([.none, .keys]) : .full
        if random.chance(90) { try partition.archive(log, start..<end, index: index) }
        if hasOverlaps, random.chance(25), start > 3 {
          try partition.archive(
            log, max(0, start - random.below(12))..<min(stable, start + 1 + random.below(9)),
            generation: UInt8(random.below(2)))
        }
        start = end
      }
      logs.append(log)
      partitions.append(partition)
    }
  }

  var scopes: [(partition: TestPartition, offsets: Range<Int64>)] {
    zip(partitions, logs).map { ($0, $1.offsets.lowerBound..<$1.lastStableOffset) }
  }

  /// What answers, newest first.
  func expected(
    _ question: Question, _ scopes: [Range<Int64>], key: [UInt8]? = nil, since: Int64 = .min, until: Int64 = .max
  ) -> [KnownRecord] {
    zip(logs, scopes).flatMap { log, scope in
      log.records.filter {
        !$0.isAborted && scope.contains($0.offset) && $0.timestamp >= since && $0.timestamp < until
          && (key == nil || $0.key == key) && question.isAnswered(by: $0)
      }
    }
    .sorted { a, b in
      if a.timestamp != b.timestamp { return a.timestamp > b.timestamp }
      if a.partition != b.partition { return a.partition < b.partition }
      return a.offset > b.offset
    }
  }

  /// A search on several threads; `clock` stands still unless it is given.
  static func search(
    limits: SearchLimits = SearchLimits(), clock: @escaping @Sendable () -> Int64 = { 0 }, isAlone: Bool = false
  ) -> ArchiveSearch<TestPartition> {
    ArchiveSearch(limits: limits, clock: clock) { work in
      if isAlone { return false }
      Thread.detachNewThread { work() }
      return true
    }
  }
}

extension SearchHit {
  /// The same as a test knows it.
  var known: KnownRecord {
    KnownRecord(
      partition: partition, offset: offset, timestamp: timestamp, key: key, value: value,
      headers: headers.map { RecordHeader(key: $0.name, value: $0.value) }, hasAppendTime: hasAppendTime)
  }
}
