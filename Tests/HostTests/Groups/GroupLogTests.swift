import KafkaProtocol
import KafkaRecords
import Logging
import NIOConcurrencyHelpers
import TierKit
import Testing

@testable import Host
@testable import PluginLoader

@Suite("The log of groups", .serialized)
struct GroupLogTests {
  private let tier = ScriptedTier(isDurable: true)
  private let pool = BlockingPool(threads: 1)
  private let inbox = Inbox()

  /// Stands for the coordinator's event loop: what is sent to it runs when the test says so.
  private final class Inbox: Sendable {
    /// 1 while there is something to run.
    private let waiting = ConditionLock(value: 0)
    private let bodies = NIOLockedValueBox<[@Sendable () -> Void]>([])

    func post(_ body: @escaping @Sendable () -> Void) {
      waiting.lock()
      bodies.withLockedValue { $0.append(body) }
      waiting.unlock(withValue: 1)
    }

    /// Waits for the next one and runs it; false after five minutes.
    func runNext() -> Bool {
      guard waiting.lock(whenValue: 1, timeoutSeconds: 300) else { return false }
      let (body, isLast) = bodies.withLockedValue { ($0.removeFirst(), $0.isEmpty) }
      waiting.unlock(withValue: isLast ? 0 : 1)
      body()
      return true
    }
  }

  private func makeLog(_ commit: GroupCommit, _ handle: TierHandle) throws -> PartitionLog {
    let identity = PartitionIdentity(topic: OffsetsTopic.name, topicID: (1, 2), partition: 0)
    let partition = try handle.open(identity, settings: .init(), initialOffset: 0)
    return PartitionLog(
      identity: identity, chain: PartitionChain(partitions: [partition], commitIndex: 0),
      validator: AppendValidator(
        batchByteCountMax: 1 << 20, requiresKeys: true, timestampBeforeMax: nil, timestampAfterMax: nil,
        usesLogAppendTime: false),
      environment: .init(
        blockingPool: pool, groupCommit: commit, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        clock: { 1_700_000_000_000 }))
  }

  private func makeGroupLog(_ log: PartitionLog) -> GroupLog {
    let inbox = inbox
    return GroupLog(log: log, phase: .ready, now: { 1_700_000_000_000 }, onLoop: { inbox.post($0) })
  }

  private func started(_ handle: TierHandle) -> GroupCommit {
    let commit = GroupCommit(
      tier: handle, interval: .zero, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
    commit.start()
    return commit
  }

  private func record(_ name: String, _ value: String? = "v") -> GroupLog.Record {
    (Array(name.utf8), value.map { Array($0.utf8) })
  }

  @Test("a unit has succeeded when it is durable; units that come meanwhile share the next batch, in order")
  func batching() throws {
    let handle = try TierHandle.scripted(tier)
    tier.script.withLockedValue { $0.isFlushHeld = true }
    let commit = started(handle)
    let log = try makeLog(commit, handle)
    let groups = makeGroupLog(log)
    var done: [String] = []
    #expect(groups.append([record("a")]) { done.append("a \($0)") })
    #expect(groups.append([record("b"), record("b2")]) { done.append("b \($0)") })
    #expect(groups.append([record("c", nil)]) { done.append("c \($0)") })
    #expect(done.isEmpty && log.offsets.logEndOffset == 1, "one batch is on its way, the others wait")
    tier.script.withLockedValue { $0.isFlushHeld = false }
    tier.releaseFlush()
    #expect(inbox.runNext())
    #expect(done == ["a true"])
    #expect(inbox.runNext())
    #expect(done == ["a true", "b true", "c true"])
    var batches: [[String]] = []
    try log.scan(from: 0, to: log.offsets.highWatermark) { header, bytes in
      #expect(header.baseTimestamp == 1_700_000_000_000)
      let records = try RecordBatchReader(bytes, limit: 1000).records()
      batches.append(records.map { String(decoding: $0.key ?? [], as: UTF8.self) + ($0.value == nil ? " gone" : "") })
      return true
    }
    #expect(batches == [["a"], ["b", "b2", "c gone"]])
    commit.stop()
    log.close { log.chain.close() }
  }

  @Test("a flush that fails is no success, for what waited and for what comes after")
  func failedFlush() throws {
    let handle = try TierHandle.scripted(tier)
    tier.script.withLockedValue { $0.flushErrors = [TierError(.permanent, "EIO")] }
    let commit = started(handle)
    let log = try makeLog(commit, handle)
    let groups = makeGroupLog(log)
    var done: [Bool] = []
    #expect(groups.append([record("a")]) { done.append($0) })
    #expect(groups.append([record("b")]) { done.append($0) })
    #expect(done.isEmpty, "completions come from the loop, never from within the call")
    #expect(inbox.runNext() && inbox.runNext())
    #expect(done == [false, false])
    commit.stop()
  }

  @Test("a unit beyond the limit is refused, and nothing is written")
  func tooLarge() throws {
    let handle = try TierHandle.scripted(tier)
    let commit = started(handle)
    let log = try makeLog(commit, handle)
    let groups = makeGroupLog(log)
    let large = [UInt8](repeating: 0, count: GroupLimits.unitByteCountMax)
    #expect(!groups.append([([1], large)]) { _ in Issue.record("it was refused") })
    #expect(log.offsets.logEndOffset == 0)
    commit.stop()
    log.close { log.chain.close() }
  }

  @Test("what is written is what is loaded")
  func roundTrip() throws {
    let handle = try TierHandle.scripted(tier)
    let commit = started(handle)
    let log = try makeLog(commit, handle)
    let groups = makeGroupLog(log)
    let place = TopicPartitionName(topic: "t", partition: 3)
    let offset = CommittedOffset(offset: 9, leaderEpoch: 2, metadata: "é", timestamp: 5)
    let snapshot = GroupSnapshot(protocolType: "consumer", generation: 7, stateTimestamp: 4)
    let units: [[GroupLog.Record]] = [
      [(try GroupRecords.encode(.offset(group: "g", place)), try GroupRecords.encode(offset))],
      [(try GroupRecords.encode(.group("g")), try GroupRecords.encode(snapshot))],
      [(try GroupRecords.encode(.offset(group: "dead", place)), try GroupRecords.encode(offset))],
      [(try GroupRecords.encode(.offset(group: "dead", place)), nil)],
    ]
    var count = 0
    for unit in units { #expect(groups.append(unit) { count += $0 ? 1 : 0 }) }
    while count < units.count { #expect(inbox.runNext()) }
    let loaded = try LoadedGroups.read(log)
    #expect(loaded.recordCount == 4 && loaded.malformedCount == 0)
    #expect(Array(loaded.groups.keys) == ["g"])
    #expect(loaded.groups["g"]?.offsets == [place: offset] && loaded.groups["g"]?.snapshot == snapshot)
    commit.stop()
    log.close { log.chain.close() }
  }
}
