import KafkaProtocol
import KafkaRecords
import Logging
import NIOConcurrencyHelpers
import TierKit
import Testing

@testable import Host
@testable import PluginLoader

@Suite("A partition log", .serialized)
struct PartitionLogTests {
  private let tier = ScriptedTier(isDurable: true)
  private let pool = BlockingPool(threads: 4)

  /// Outcomes as they come, and a way to wait for them.
  private final class Outcomes: Sendable {
    private let list = ConditionLock(value: 0)
    private let outcomes = NIOLockedValueBox<[AppendOutcome]>([])

    func add(_ outcome: AppendOutcome) {
      // Counted under the lock: threads that come together would else leave the smaller number behind.
      list.lock()
      let count = outcomes.withLockedValue { list -> Int in
        list.append(outcome)
        return list.count
      }
      list.unlock(withValue: count)
    }

    var all: [AppendOutcome] { outcomes.withLockedValue { $0 } }

    /// Waits for the n-th outcome, which must be the last to come; false after five minutes.
    func wait(_ count: Int) -> Bool {
      guard list.lock(whenValue: count, timeoutSeconds: 300) else { return false }
      list.unlock()
      return true
    }
  }

  private func makeLog(_ commit: GroupCommit?, handle: TierHandle) throws -> PartitionLog {
    let identity = PartitionIdentity(topic: "t", topicID: (1, 2), partition: 0)
    let partition = try handle.open(identity, settings: .init(), initialOffset: 0)
    return PartitionLog(
      identity: identity, chain: PartitionChain(partitions: [partition], commitIndex: 0),
      validator: AppendValidator(
        batchByteCountMax: 1 << 20, requiresKeys: false, timestampBeforeMax: nil, timestampAfterMax: nil,
        usesLogAppendTime: false),
      environment: .init(
        blockingPool: pool, groupCommit: commit, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        clock: { 1_700_000_000_000 }, leaderEpoch: 3))
  }

  private func request(
    _ values: [String], acks: Acks, _ outcomes: Outcomes
  ) throws -> AppendRequest {
    var builder = RecordBatchBuilder()
    for value in values { builder.append(timestamp: 1000, key: nil, value: Array(value.utf8)) }
    let bytes = builder.build()
    let frame = FrameBuffer(copying: bytes)
    let header = try bytes.withUnsafeBytes { try RecordBatch.validate($0) }
    return AppendRequest(
      frame: frame, batches: [ValidatedBatch(range: 0..<bytes.count, header: header)], acks: acks
    ) { outcomes.add($0) }
  }

  @Test("acks=1 is answered by the append, acks=all and the high watermark by the flush")
  func acks() throws {
    let handle = try TierHandle.scripted(tier)
    let commit = GroupCommit(tier: handle, interval: .zero, logger: Logger(label: "t"))
    tier.script.withLockedValue { $0.isFlushHeld = true }
    commit.start()
    let log = try makeLog(commit, handle: handle)
    let first = Outcomes()
    let all = Outcomes()
    log.append(try request(["a", "b"], acks: .leader, first))
    log.append(try request(["c"], acks: .all, all))
    #expect(first.all.map(\.baseOffset) == [0])
    #expect(all.all.isEmpty, "no flush has returned yet")
    #expect(log.offsets.logEndOffset == 3)
    #expect(log.offsets.highWatermark == 0)
    guard case .records(let extents, _, _) = log.read(
      offset: 0, maxBytes: 1000, minOneBatch: true, isolation: .readUncommitted, nonblocking: true)
    else { Issue.record("the offset is inside the log"); return }
    #expect(extents.isEmpty, "nothing below the high watermark, nothing visible")
    tier.script.withLockedValue { $0.isFlushHeld = false }
    tier.releaseFlush()
    #expect(all.wait(1))
    #expect(all.all.map(\.baseOffset) == [2])
    #expect(all.all.map(\.code) == [ErrorCode.none])
    #expect(log.offsets.highWatermark == 3)
    commit.stop()
    log.close { log.chain.close() }
    #expect(tier.script.withLockedValue { $0.openPartitions } == 0)
  }

  @Test("a failed flush refuses what waited for it and everything after, and is not repeated")
  func failedFlush() throws {
    let handle = try TierHandle.scripted(tier)
    let commit = GroupCommit(tier: handle, interval: .zero, logger: Logger(label: "t"))
    tier.script.withLockedValue { $0.flushErrors = [TierError(.permanent, "EIO")] }
    commit.start()
    let log = try makeLog(commit, handle: handle)
    let outcomes = Outcomes()
    log.append(try request(["a"], acks: .all, outcomes))
    #expect(outcomes.wait(1))
    #expect(outcomes.all.map(\.code) == [.kafkaStorageError])
    #expect(outcomes.all.first?.message?.contains("EIO") == true)
    let later = Outcomes()
    log.append(try request(["b"], acks: .leader, later))
    #expect(later.all.map(\.code) == [.kafkaStorageError])
    #expect(log.offsets.highWatermark == 0)
    commit.stop()
    #expect(tier.script.withLockedValue { $0.flushCount } == 1)
  }

  @Test("when the tier would block, the append goes to the pool and order is kept")
  func wouldBlock() throws {
    let handle = try TierHandle.scripted(tier)
    let log = try makeLog(nil, handle: handle)
    tier.script.withLockedValue { $0.nonblockingAppends = [.ok, .wouldBlock] }
    let outcomes = Outcomes()
    for index in 0..<50 { log.append(try request(["\(index)"], acks: .leader, outcomes)) }
    #expect(outcomes.wait(50))
    #expect(outcomes.all.map(\.baseOffset) == Array(0..<50))
    var values: [String] = []
    try log.scan(from: 0, to: 50) { _, bytes in
      for record in try RecordBatchReader(bytes, limit: 1000).records() {
        values.append(String(decoding: record.value ?? [], as: UTF8.self))
      }
      return true
    }
    #expect(values == (0..<50).map { "\($0)" })
  }

  @Test("a full disk refuses the append and the next one may succeed; a permanent failure ends the log")
  func errors() throws {
    let handle = try TierHandle.scripted(tier)
    let log = try makeLog(nil, handle: handle)
    tier.script.withLockedValue {
      $0.appendErrors = [TierError(.noSpace, "full")]
    }
    let outcomes = Outcomes()
    log.append(try request(["a"], acks: .leader, outcomes))
    log.append(try request(["b"], acks: .leader, outcomes))
    #expect(outcomes.all.map(\.code) == [.kafkaStorageError, .none])
    #expect(outcomes.all.map(\.baseOffset) == [-1, 0])
    tier.script.withLockedValue { $0.appendErrors = [TierError(.permanent, "EIO")] }
    log.append(try request(["c"], acks: .leader, outcomes))
    log.append(try request(["d"], acks: .leader, outcomes))
    #expect(outcomes.all.suffix(2).map(\.code) == [.kafkaStorageError, .kafkaStorageError])
    #expect(log.offsets.logEndOffset == 1)
  }

  @Test("appends from many threads get every offset once, and each batch holds the offset it was told")
  func concurrent() throws {
    let handle = try TierHandle.scripted(tier)
    let log = try makeLog(nil, handle: handle)
    tier.script.withLockedValue { $0.nonblockingAppends = (0..<400).map { $0 % 7 == 3 ? .wouldBlock : .ok } }
    let outcomes = Outcomes()
    let requests = try (0..<400).map { try request(["\($0)", "x"], acks: .all, outcomes) }
    _ = try Parallel.map(requests, threads: 4) { log.append($0) }
    #expect(outcomes.wait(400))
    #expect(Set(outcomes.all.map(\.baseOffset)) == Set((0..<400).map { Int64($0) * 2 }))
    var next: Int64 = 0
    try log.scan(from: 0, to: 800) { header, bytes in
      #expect(header.baseOffset == next)
      #expect(header.partitionLeaderEpoch == 3)
      _ = try RecordBatch.validate(bytes)
      next = header.nextOffset
      return true
    }
    #expect(next == 800)
  }

  @Test("offsets outside the log are refused on both sides, the end itself is empty")
  func bounds() throws {
    let handle = try TierHandle.scripted(tier)
    let log = try makeLog(nil, handle: handle)
    let outcomes = Outcomes()
    log.append(try request(["a", "b"], acks: .all, outcomes))
    for offset: Int64 in [-1, 3, .max] {
      guard case .refused(let code, _) = log.read(
        offset: offset, maxBytes: 100, minOneBatch: true, isolation: .readUncommitted, nonblocking: true)
      else { Issue.record("\(offset) is outside"); continue }
      #expect(code == .offsetOutOfRange)
    }
    guard case .records(let extents, _, _) = log.read(
      offset: 2, maxBytes: 100, minOneBatch: true, isolation: .readUncommitted, nonblocking: true)
    else { Issue.record("the end is not an error"); return }
    #expect(extents.isEmpty)
  }

  @Test("closing refuses waiting producers, wakes waiting fetches and closes the tiers after the last call")
  func closing() throws {
    let handle = try TierHandle.scripted(tier)
    let commit = GroupCommit(tier: handle, interval: .zero, logger: Logger(label: "t"))
    tier.script.withLockedValue { $0.isFlushHeld = true }
    commit.start()
    let log = try makeLog(commit, handle: handle)
    let outcomes = Outcomes()
    log.append(try request(["a"], acks: .all, outcomes))
    let waiter = Waiter()
    log.wake(waiter, beyond: 0)
    let drained = ConditionLock(value: 0)
    log.close {
      log.chain.close()
      drained.lock()
      drained.unlock(withValue: 1)
    }
    #expect(outcomes.all.map(\.code) == [.notLeaderOrFollower])
    #expect(waiter.count.withLockedValue { $0 } == 1)
    tier.script.withLockedValue { $0.isFlushHeld = false }
    tier.releaseFlush()
    #expect(drained.lock(whenValue: 1, timeoutSeconds: 300))
    drained.unlock()
    #expect(tier.script.withLockedValue { $0.openPartitions } == 0)
    commit.stop()
  }

  private final class Waiter: LogWaiter {
    let count = NIOLockedValueBox(0)
    func wake() { count.withLockedValue { $0 += 1 } }
  }
}
