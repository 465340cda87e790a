import Configuration
import KafkaRecords
import Logging
import NIOConcurrencyHelpers
import TierKit
import Testing

@testable import Host
@testable import PluginLoader

/// The worker on a log of two tiers in memory: what it copies is compared with what was appended.
@Suite("Offloading one partition")
struct OffloadWorkerTests {
  private let above = SegmentedTier(batchesPerSegment: 4)
  private let below = TakingTier()
  private let pool = BlockingPool(threads: 2)
  private let stopping = NIOLockedValueBox(false)
  private let pair = OffloadPair(giver: 0, taker: 1)
  private let metrics = OffloadMetrics(tier: "Taking")
  private static let now: Int64 = 1_700_000_000_000

  private func makeLog() throws -> PartitionLog {
    let identity = PartitionIdentity(topic: "t", topicID: (1, 2), partition: 0)
    let tiers = [try TierHandle.scripted(above), try TierHandle.scripted(below)]
    let opened = try tiers.map { try $0.open(identity, settings: .init(), initialOffset: 0) }
    return PartitionLog(
      identity: identity, chain: PartitionChain(partitions: opened, commitIndex: 0),
      validator: AppendValidator(
        batchByteCountMax: 1 << 20, requiresKeys: false, timestampBeforeMax: nil, timestampAfterMax: nil,
        usesLogAppendTime: false),
      environment: .init(
        blockingPool: pool, groupCommit: nil, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        clock: { Self.now }, leaderEpoch: 3))
  }

  private func worker(unitBytes: Int64 = 1 << 30) -> OffloadWorker {
    OffloadWorker(
      planner: OffloadPlanner(unitBytes: unitBytes), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      clock: { Self.now }, random: { UInt64.random(in: .min ... .max) },
      isStopping: { [stopping] in stopping.withLockedValue { $0 } })
  }

  private func topic(_ overrides: [String: String] = [:]) -> ResolvedTopicConfiguration {
    ResolvedTopicConfiguration(brokerDefaults: [:], overrides: overrides)
  }

  /// `count` batches of three records each.
  private func append(_ count: Int, to log: PartitionLog) throws {
    for _ in 0..<count {
      var builder = RecordBatchBuilder()
      for value in ["a", "bb", "ccc"] { builder.append(timestamp: Self.now - 1000, key: nil, value: Array(value.utf8)) }
      let bytes = builder.build()
      let frame = FrameBuffer(copying: bytes)
      let header = try bytes.withUnsafeBytes { try RecordBatch.validate($0) }
      let done = ConditionLock(value: 0)
      log.append(
        AppendRequest(frame: frame, batches: [ValidatedBatch(range: 0..<bytes.count, header: header)], acks: .leader) {
          _ in
        done.lock()
        done.unlock(withValue: 1)
      })
      done.lock(whenValue: 1)
      done.unlock()
    }
  }

  private func visit(
    _ log: PartitionLog, _ worker: OffloadWorker, _ overrides: [String: String] = [:],
    _ memory: OffloadMemory = OffloadMemory(lastEnd: 0, quietSince: now)
  ) -> OffloadWorker.Outcome {
    worker.visit(log, topic(overrides), pair, memory, metrics)
  }

  private var original: [UInt8] {
    above.log.withLockedValue { $0.segments.dropLast().flatMap { $0 }.flatMap(\.bytes) }
  }

  @Test("finished segments arrive byte for byte, once, and nothing of the active one")
  func copies() throws {
    let log = try makeLog()
    try append(10, to: log)
    let size = Int64(original.count)
    #expect(visit(log, worker()) == .copied(byteCount: size, hasMore: false))
    #expect(below.script.withLockedValue { $0.batches } == original)
    #expect(below.script.withLockedValue { $0.end } == 24)
    #expect(visit(log, worker()) == .idle)
    #expect(log.latestTieredOffset == 23)
  }

  @Test("pieces continue each other without a hole", arguments: [1, 100, 200, 333, 1000] as [Int64])
  func pieces(unitBytes: Int64) throws {
    let log = try makeLog()
    try append(21, to: log)
    var visits = 0
    while visit(log, worker(unitBytes: unitBytes)) != .idle { visits += 1; try #require(visits < 100) }
    let (imports, bytes) = below.script.withLockedValue { ($0.imports, $0.batches) }
    #expect(bytes == original)
    #expect(imports.first?.base == 0 && imports.last?.next == 60)
    for (earlier, later) in zip(imports, imports.dropFirst()) { #expect(earlier.next == later.base) }
  }

  @Test("what is copied is durable first")
  func durable() throws {
    let log = try makeLog()
    try append(9, to: log)
    #expect(above.log.withLockedValue { $0.durableEnd } == 0)
    _ = visit(log, worker())
    #expect(above.log.withLockedValue { $0.durableEnd } >= 24)
    #expect(above.log.withLockedValue { $0.flushCount } == 1)
  }

  @Test("a failure changes nothing and the next attempt is a new one")
  func failures() throws {
    let log = try makeLog()
    try append(9, to: log)
    let errors: [TierError] = [
      .init(.retriable, "a"), .init(.throttled, "b"), .init(.noSpace, "c"), .init(.corrupt, "d"),
    ]
    below.script.withLockedValue { $0.errors = errors }
    for code in [TierFailure.Code.retriable, .throttled, .noSpace, .corrupt] {
      #expect(visit(log, worker(), ["local.retention.bytes": "0"]) == .failed(code))
      #expect(above.log.withLockedValue { $0.start } == 0, "nothing goes above before it is below")
    }
    guard case .copied = visit(log, worker()) else { Issue.record("not copied"); return }
    let attempts = below.script.withLockedValue { $0.attempts }
    #expect(attempts.count == 5 && Set(attempts).count == 5)
    #expect(attempts.allSatisfy { $0.count == 16 })
    #expect(below.script.withLockedValue { $0.batches } == original)
  }

  @Test("a copy whose answer was lost is not made twice")
  func lostAnswer() throws {
    let log = try makeLog()
    try append(9, to: log)
    below.script.withLockedValue { $0.lateErrors = [.init(.retriable, "the answer was lost")] }
    #expect(visit(log, worker()) == .failed(.retriable))
    #expect(visit(log, worker()) == .idle)
    #expect(below.script.withLockedValue { $0.imports.count } == 1)
  }

  @Test("a giving tier that fails is an error, not an empty copy")
  func readFails() throws {
    let log = try makeLog()
    try append(9, to: log)
    above.log.withLockedValue { $0.readError = .init(.corrupt, "a bad sector") }
    #expect(visit(log, worker()) == .failed(.corrupt))
    #expect(below.script.withLockedValue { $0.imports.isEmpty })
  }

  @Test("copies above go by local retention, and the log keeps its start")
  func evicts() throws {
    let log = try makeLog()
    try append(13, to: log)
    _ = visit(log, worker())
    #expect(above.log.withLockedValue { $0.start } == 0, "local.retention is that of the topic by default")
    _ = visit(log, worker(), ["local.retention.bytes": "0"])
    #expect(above.log.withLockedValue { $0.start } == 36)
    #expect(log.offsets.logStartOffset == 0)
    #expect(log.chain.startOffset == 0)
  }

  @Test("what the tier below has lost is not taken for deleted by the next append")
  func keepsItsStart() throws {
    let log = try makeLog()
    try append(13, to: log)
    _ = visit(log, worker(), ["local.retention.bytes": "0"])
    #expect(above.log.withLockedValue { $0.start } == 36)
    below.script.withLockedValue { $0.start = 12 }
    try append(1, to: log)
    #expect(log.offsets.logStartOffset == 0)
    #expect(log.offsets.logEndOffset == 42)
  }

  @Test("nothing goes above when the tier below has lost a part of it")
  func evictsNothingWithoutACopy() throws {
    let log = try makeLog()
    try append(13, to: log)
    while visit(log, worker(unitBytes: 300)) != .idle {}
    let lost = below.script.withLockedValue { script in
      #expect(script.imports.count > 2)
      return script.imports.remove(at: 1)
    }
    #expect(visit(log, worker(), ["local.retention.bytes": "0"]) == .idle)
    #expect(above.log.withLockedValue { $0.start } == 0)
    below.script.withLockedValue { $0.imports.insert(lost, at: 1) }
    #expect(visit(log, worker(), ["local.retention.bytes": "0"]) == .idle)
    #expect(above.log.withLockedValue { $0.start } == 36)
  }

  @Test("compacted topics stay where they are")
  func compacted() throws {
    let log = try makeLog()
    try append(9, to: log)
    for policy in ["compact", "compact,delete"] {
      #expect(visit(log, worker(), ["cleanup.policy": policy, "local.retention.bytes": "0"]) == .idle)
    }
    #expect(below.script.withLockedValue { $0.attempts.isEmpty })
  }

  @Test("a quiet active segment is sealed and copied")
  func quiet() throws {
    let log = try makeLog()
    try append(1, to: log)
    let settings = ["segment.ms": "100"]
    #expect(visit(log, worker(), settings, OffloadMemory(lastEnd: 3, quietSince: Self.now)) == .idle)
    let outcome = visit(log, worker(), settings, OffloadMemory(lastEnd: 3, quietSince: Self.now - 100))
    #expect(outcome == .copied(byteCount: Int64(original.count), hasMore: false))
    #expect(below.script.withLockedValue { $0.end } == 3)
  }

  @Test("deleted records are not copied, and the tier below lets go of them")
  func deleted() throws {
    let log = try makeLog()
    try append(9, to: log)
    try log.advanceStart(to: 13)
    _ = visit(log, worker())
    let (start, imports) = below.script.withLockedValue { ($0.start, $0.imports) }
    #expect(imports.map(\.base) == [12], "the batch that holds the start comes whole")
    #expect(start == 13)
    // Everything that is below goes, and more: what follows begins anew.
    try append(8, to: log)
    try log.advanceStart(to: 36)
    #expect(below.script.withLockedValue { ($0.start == $0.end) })
    _ = visit(log, worker())
    #expect(below.script.withLockedValue { $0.imports.last?.base } == 36)
  }

  @Test("a stop or a closed log ends a copy, and appends never wait for one", arguments: [true, false])
  func cancelled(byStopping: Bool) throws {
    let log = try makeLog()
    try append(9, to: log)
    below.script.withLockedValue { $0.hangs = true }
    let outcome = NIOLockedValueBox<OffloadWorker.Outcome?>(nil)
    let thread = JoinableThread {
      let result = visit(log, worker())
      outcome.withLockedValue { $0 = result }
    }
    below.isHanging.lock(whenValue: 1)
    below.isHanging.unlock()
    try append(2, to: log)
    try log.advanceStart(to: 5)
    #expect(below.script.withLockedValue { $0.start } == 0, "the tier below is busy")
    let drained = ConditionLock(value: 0)
    if byStopping {
      stopping.withLockedValue { $0 = true }
    } else {
      log.close {
        drained.lock()
        drained.unlock(withValue: 1)
      }
    }
    thread.join()
    #expect(outcome.withLockedValue { $0 } == .cancelled)
    #expect(below.script.withLockedValue { $0.imports.isEmpty })
    if !byStopping {
      drained.lock(whenValue: 1)
      drained.unlock()
    }
  }
}
