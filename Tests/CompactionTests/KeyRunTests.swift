import KafkaRecords
import Testing
import TierAPI
import TierKit

@testable import CompactionCore

/// A log as a list of batches, and Kafka's rule for it said in the plainest way: record by record, all against all.
private struct Model {
  struct Batch {
    var bytes: [UInt8]
    var base: Int64
    var next: Int64
    var records: [SeenRecord]
    /// ms; nil until a run has kept a tombstone of it.
    var horizon: Int64?
    var isProducerLast = false
  }

  var batches: [Batch] = []

  /// What must be left after a run that has judged everything below `end`.
  mutating func compact(below end: Int64, now: Int64, deleteRetention: Int64) {
    let all = batches.flatMap(\.records)
    for index in batches.indices where batches[index].base < end {
      let horizon = batches[index].horizon
      batches[index].records.removeAll { record in
        guard record.offset < end else { return false }
        let isObsolete = all.contains { $0.key == record.key && $0.offset > record.offset && $0.offset < end }
        return isObsolete || (record.value == nil && horizon.map { now >= $0 } ?? false)
      }
      if horizon == nil, batches[index].records.contains(where: { $0.value == nil }) {
        batches[index].horizon = now + deleteRetention
      }
    }
  }
}

@Suite struct KeyRunTests {
  private func makeBatch(_ base: Int64, _ random: inout SplitMix, keys: Int, time: inout Int64) throws -> Model.Batch {
    let hasProducer = Int.random(in: 0..<3, using: &random) == 0
    var builder = RecordBatchBuilder(
      baseOffset: base, compression: Compression.allCases.randomElement(using: &random)!,
      producerID: hasProducer ? Int64.random(in: 1...4, using: &random) : -1, producerEpoch: hasProducer ? 0 : -1,
      baseSequence: hasProducer ? 5 : -1, partitionLeaderEpoch: 2)
    for _ in 0..<Int.random(in: 1...7, using: &random) {
      time += Int64.random(in: -20...40, using: &random)
      let key = "key-\(Int.random(in: 0..<keys, using: &random))"
      let isTombstone = Int.random(in: 0..<4, using: &random) == 0
      let value = (0..<Int.random(in: 0...30, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      builder.append(
        timestamp: time, key: Array(key.utf8), value: isTombstone ? nil : value,
        headers: Bool.random(using: &random) ? [RecordHeader("h", value)] : [])
    }
    let bytes = builder.build()
    return Model.Batch(
      bytes: bytes, base: base, next: try header(of: bytes).nextOffset, records: try records(of: bytes))
  }

  private func lend(
    _ batch: Model.Batch, _ flags: CompactionBatch.Flags, _ body: (CompactionBatch) throws -> Void
  ) rethrows {
    try batch.bytes.withUnsafeBytes { raw in
      try body(CompactionBatch(bytes: raw, baseOffset: batch.base, nextOffset: batch.next, flags: flags))
    }
  }

  /// Several runs over a growing log, with too little memory now and then, against the model.
  @Test(arguments: (1...24).map { UInt64($0) }) func runsAgreeWithKafkasRuleRecordByRecord(seed: UInt64) throws {
    var random = SplitMix(seed)
    let host = FakeHost()
    let keys = [3, 40, 3_000].randomElement(using: &random)!
    var time: Int64 = 1_000_000
    var now: Int64 = 2_000_000
    var log: [Model.Batch] = []
    var model = Model()
    var cleaned: Int64 = 0
    for round in 0..<6 {
      for _ in 0..<Int.random(in: 5...50, using: &random) {
        let batch = try makeBatch(model.batches.last?.next ?? 0, &random, keys: keys, time: &time)
        log.append(batch)
        model.batches.append(batch)
      }
      now += Int64.random(in: 0...2_000, using: &random)
      let end = log[log.count - 1 - Int.random(in: 0..<4, using: &random)].next
      guard end > cleaned else { continue }
      let settings = CompactionSettings(deleteRetention: 1_500)
      let view = CompactionView(
        id: anyPartition, settings: settings, segments: [], startOffset: 0, stableOffset: end, cleanedOffset: cleaned,
        now: now)
      // 4 KiB hold 102 slots' worth, raised to the smallest table: 96 keys.
      let memory = Bool.random(using: &random) ? 4 << 10 : 1 << 20
      let run = KeyRun(view, observed: cleaned..<end, dedupeByteCount: memory, host: host.services)
      var observed = cleaned
      for batch in log where batch.next > cleaned && batch.base < end {
        var isFull = false
        try lend(batch, []) { lent in
          let progress = try run.observe(lent)
          observed = progress.observedOffset
          isFull = progress.isFull
        }
        if isFull { break }
      }
      #expect(observed > cleaned, "seed \(seed): a run gets on")
      model.compact(below: observed, now: now, deleteRetention: 1_500)
      var rewritten: [Model.Batch] = []
      for (number, batch) in log.enumerated() {
        guard batch.base < observed else {
          rewritten.append(batch)
          continue
        }
        let mustStay = number % 7 == 0
        try lend(batch, mustStay ? .last : []) { lent in
          let verdict = try run.rewrite(lent)
          var new = batch
          switch verdict.action {
          case .keep: break
          case .drop:
            #expect(!mustStay, "seed \(seed)")
            return
          case .replace(let bytes): new.bytes = bytes
          }
          let (old, head) = (try header(of: batch.bytes), try header(of: new.bytes))
          #expect(head.baseOffset == old.baseOffset && head.lastOffset == old.lastOffset, "seed \(seed)")
          #expect(head.producerID == old.producerID && head.baseSequence == old.baseSequence, "seed \(seed)")
          new.records = try records(of: new.bytes)
          #expect(verdict.recordsKept == new.records.count, "seed \(seed)")
          rewritten.append(new)
        }
      }
      let result = run.finish()
      #expect(result.cleanedOffset == observed)
      #expect(rewritten.flatMap(\.records) == model.batches.flatMap(\.records), "seed \(seed), round \(round)")
      log = rewritten
      // The model forgets what went, but where the log ends.
      model.batches = model.batches.filter { batch in rewritten.contains { $0.base == batch.base } }
      for index in log.indices where log[index].records.isEmpty { model.batches[index].horizon = nil }
      cleaned = observed
    }
  }

  @Test func keysSurviveOnlyWithTheirNewestRecordOverTwoRuns() throws {
    let host = FakeHost()
    func batch(_ base: Int64, _ keys: [String]) throws -> Model.Batch {
      var builder = RecordBatchBuilder(baseOffset: base)
      for key in keys { builder.append(timestamp: 1, key: Array(key.utf8), value: [1]) }
      let bytes = builder.build()
      return Model.Batch(bytes: bytes, base: base, next: base + Int64(keys.count), records: [])
    }
    // The first run cleaned offsets 0–3; "a" comes again at 4.
    let log = [try batch(0, ["a", "b"]), try batch(2, ["c", "d"]), try batch(4, ["a"])]
    let view = CompactionView(
      id: anyPartition, settings: CompactionSettings(), segments: [], startOffset: 0, stableOffset: 5, cleanedOffset: 4,
      now: 9)
    let run = KeyRun(view, observed: 4..<5, dedupeByteCount: 1 << 20, host: host.services)
    try lend(log[2], []) { _ = try run.observe($0) }
    var left: [Int64] = []
    for batch in log {
      try lend(batch, []) { lent in
        switch try run.rewrite(lent).action {
        case .keep: left += batch.base..<batch.next
        case .drop: break
        case .replace(let bytes): left += try records(of: bytes).map(\.offset)
        }
      }
    }
    #expect(left == [1, 2, 3, 4])
  }

  @Test func undecidedTransactionsAndControlBatchesStayAndAbortedRecordsGo() throws {
    let host = FakeHost()
    func batch(_ base: Int64, control: Bool = false) -> Model.Batch {
      var builder = RecordBatchBuilder(
        baseOffset: base, isTransactional: true, isControl: control, producerID: 1, producerEpoch: 0, baseSequence: 0)
      builder.append(timestamp: 1, key: [97], value: [UInt8(base)])
      return Model.Batch(bytes: builder.build(), base: base, next: base + 1, records: [])
    }
    let view = CompactionView(
      id: anyPartition, settings: CompactionSettings(), segments: [], startOffset: 0, stableOffset: 9, now: 9)
    let run = KeyRun(view, observed: 0..<9, dedupeByteCount: 1 << 20, host: host.services)
    let log: [(Model.Batch, CompactionBatch.Flags)] = [
      (batch(0), .committed), (batch(1), .committed), (batch(2), .aborted), (batch(3), []),
      (batch(4, control: true), []),
    ]
    for (batch, flags) in log { try lend(batch, flags) { _ = try run.observe($0) } }
    var actions: [CompactionVerdict.Action] = []
    for (batch, flags) in log { try lend(batch, flags) { actions.append(try run.rewrite($0).action) } }
    // Offset 1 is the newest that counts: neither the aborted record nor the undecided one replaces it.
    #expect(actions == [.drop, .keep, .drop, .keep, .keep])
  }

  @Test func memoryIsAccountedForAndGivenBack() throws {
    let host = FakeHost()
    var random = SplitMix(3)
    var time: Int64 = 0
    let view = CompactionView(
      id: anyPartition, settings: CompactionSettings(), segments: [], startOffset: 0, stableOffset: 1 << 40, now: 9)
    do {
      let run = KeyRun(view, observed: 0..<(1 << 40), dedupeByteCount: 1 << 20, host: host.services)
      var next: Int64 = 0
      for _ in 0..<200 {
        let batch = try makeBatch(next, &random, keys: 5_000, time: &time)
        try lend(batch, []) { _ = try run.observe($0) }
        next = batch.next
      }
      #expect(host.memory > 500 * 24 && host.memory <= 1 << 20)
    }
    #expect(host.memory == 0)
  }
}
