import KafkaProtocol
import KafkaRecords
import Logging
import NIOConcurrencyHelpers
import Testing

@testable import Host
@testable import PluginLoader

/// What a log knows beyond its records, over restarts. A restart is a second log over the same tier.
@Suite("The state of a log", .serialized)
final class LogStateTests: @unchecked Sendable {
  private let tier = ScriptedTier(isDurable: true)
  private let pool = BlockingPool(threads: 2)
  private let directory: TemporaryDirectory
  private let store: PartitionSnapshotStore
  private let partition: TierPartition
  private let identity = PartitionIdentity(topic: "t", topicID: (1, 2), partition: 0)

  init() throws {
    directory = try TemporaryDirectory()
    store = try PartitionSnapshotStore(dataDirectory: directory.path, logger: Self.silent)
    partition = try TierHandle.scripted(tier).open(identity, settings: .init(), initialOffset: 0)
  }

  private static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

  private func open(epoch: Int32, now: Int64 = 1_000_000, codec: Compression? = nil) throws -> PartitionLog {
    let log = PartitionLog(
      identity: identity, chain: PartitionChain(partitions: [partition], commitIndex: 0),
      validator: AppendValidator(
        batchByteCountMax: 1 << 20, requiresKeys: false, timestampBeforeMax: nil, timestampAfterMax: nil,
        usesLogAppendTime: false, codec: codec),
      environment: .init(
        blockingPool: pool, groupCommit: nil, logger: Self.silent, clock: { now }, leaderEpoch: epoch, snapshots: store,
        producerIDExpiration: { 60_000 }))
    log.restore(try store.load(identity))
    return log
  }

  /// Appends one batch and returns what came of it.
  private func append(
    _ log: PartitionLog, _ sequence: Int32, count: Int = 1, producer: Int64 = 9, codec: Compression? = nil
  ) throws -> AppendOutcome {
    var builder = RecordBatchBuilder(producerID: producer, producerEpoch: 0, baseSequence: sequence)
    for index in 0..<count { builder.append(timestamp: 1000, key: nil, value: Array("\(index)".utf8)) }
    let bytes = builder.build()
    let frame = FrameBuffer(copying: bytes)
    let batches = try log.validator.validate(0..<bytes.count, in: frame.bytes, now: 1000)
    let done = ConditionLock(value: 0)
    let outcome = NIOLockedValueBox<AppendOutcome?>(nil)
    log.append(
      AppendRequest(frame: frame, batches: batches, acks: .all, codec: codec) { result in
        outcome.withLockedValue { $0 = result }
        done.lock()
        done.unlock(withValue: 1)
      })
    try #require(done.lock(whenValue: 1, timeoutSeconds: 300))
    done.unlock()
    return try #require(outcome.withLockedValue { $0 })
  }

  @Test("copies are known after a crash, from the log alone, and after a stop, from the snapshot")
  func copies() throws {
    let first = try open(epoch: 0)
    #expect(try append(first, 0, count: 3).baseOffset == 0)
    #expect(try append(first, 3).baseOffset == 3)
    let afterCrash = try open(epoch: 1)
    #expect(try append(afterCrash, 0, count: 3).baseOffset == 0)
    #expect(try append(afterCrash, 4).baseOffset == 4)
    PartitionLog.saveSnapshotsAtClose([afterCrash])
    let snapshot = try #require(try store.load(identity))
    #expect(snapshot.offset == 5)
    #expect(snapshot.producers[9]?.batches.count == 3)
    let afterStop = try open(epoch: 2)
    #expect(afterStop.producers == snapshot.producers)
    #expect(try append(afterStop, 4).baseOffset == 4)
    #expect(try append(afterStop, 6).code == .outOfOrderSequenceNumber)
    #expect(afterStop.offsets.logEndOffset == 5)
  }

  @Test("each start that wrote something has an epoch of its own; their ends are told after a restart")
  func epochs() throws {
    let first = try open(epoch: 0)
    _ = try append(first, 0, count: 2)
    _ = try open(epoch: 1)
    let third = try open(epoch: 2)
    _ = try append(third, 2, count: 3)
    PartitionLog.saveSnapshotsAtClose([third])
    let log = try open(epoch: 3)
    #expect(log.offsets.leaderEpoch == 3)
    func end(_ epoch: Int32) -> [Int64]? { log.end(of: epoch).map { [Int64($0.epoch), $0.endOffset] } }
    #expect(end(0) == [0, 2])
    #expect(end(1) == [0, 2], "epoch 1 wrote nothing")
    #expect(end(2) == [2, 5])
    #expect(end(3) == [3, 5])
    #expect(log.leaderEpoch(at: 4) == 2)
    #expect(try open(epoch: 0).offsets.leaderEpoch == 3, "an epoch that was used never comes again")
  }

  @Test("a snapshot beyond the end of the log is not believed")
  func beyondEnd() throws {
    let log = try open(epoch: 0)
    _ = try append(log, 0)
    let wrong = PartitionSnapshot(
      offset: 10, logStartOffset: 0, epochs: .init(),
      producers: [
        9: .init(
          epoch: 0, batches: [.init(firstSequence: 5, lastSequence: 5, baseOffset: 9, lastOffset: 9, timestamp: 0)],
          lastAppendTime: 1_000_000)
      ])
    try store.save(wrong, identity)
    let reopened = try open(epoch: 1)
    #expect(try append(reopened, 0).baseOffset == 0)
    #expect(try append(reopened, 1).baseOffset == 1)
    #expect(try store.load(identity)?.offset == 1, "it was replaced at once")
  }

  @Test("producers that were silent too long are forgotten at the start")
  func expiry() throws {
    let log = try open(epoch: 0)
    _ = try append(log, 0)
    PartitionLog.saveSnapshotsAtClose([log])
    #expect(try open(epoch: 1, now: 1_060_000).producers.count == 1)
    #expect(try open(epoch: 1, now: 1_060_001).producers.isEmpty)
  }

  @Test("a new start is durable, seen at once, and asked of the tiers again after a crash")
  func start() throws {
    let log = try open(epoch: 0)
    for sequence in Int32(0)..<6 { _ = try append(log, sequence) }
    try log.advanceStart(to: 4)
    #expect(log.offsets.logStartOffset == 4)
    #expect(partition.state.start_offset == 4)
    #expect(try store.load(identity)?.logStartOffset == 4)
    guard case .refused(let code, _) = log.read(
      offset: 3, maxBytes: 100, minOneBatch: true, isolation: .readUncommitted, nonblocking: true)
    else { Issue.record("3 is below the start"); return }
    #expect(code == .offsetOutOfRange)
    // The crash came after the snapshot and before the tier had moved.
    var snapshot = try #require(try store.load(identity))
    snapshot.logStartOffset = 5
    try store.save(snapshot, identity)
    let reopened = try open(epoch: 1)
    #expect(reopened.offsets.logStartOffset == 5)
    #expect(partition.state.start_offset == 5)
    #expect(try append(reopened, 5).baseOffset == 5, "the producer's last batch is still known")
    try reopened.advanceStart(to: 6)
    #expect(try append(try open(epoch: 2), 6).baseOffset == 6, "an empty log goes on where it was")
  }

  @Test(
    "a topic's codec is applied on the way in; records, offsets and sequences stay", arguments: Compression.allCases)
  func codec(_ codec: Compression) throws {
    let log = try open(epoch: 0)
    #expect(try append(log, 0, count: 40, codec: codec).baseOffset == 0)
    #expect(try append(log, 0, count: 40, codec: codec).baseOffset == 0, "a copy is known by its sequence")
    #expect(try append(log, 40, codec: codec).baseOffset == 40)
    var values: [String] = []
    try log.scan(from: 0, to: 41) { header, bytes in
      #expect(header.compression == codec)
      #expect(header.producerID == 9)
      _ = try RecordBatch.validate(bytes)
      for record in try RecordBatchReader(bytes, limit: 10_000).records() {
        values.append(String(decoding: record.value ?? [], as: UTF8.self))
      }
      return true
    }
    #expect(values == (0..<40).map { "\($0)" } + ["0"])
  }

  @Test("work on the tiers runs alone and in its turn; a closed log refuses it")
  func changes() throws {
    let log = try open(epoch: 0)
    let ends = try Parallel.map((0..<64).map { Int32($0) }, threads: 4) { [self] number -> Int64 in
      if number % 4 == 0 { return log.change { [partition] in partition.state.end_offset } ?? -1 }
      return try append(log, 0, producer: Int64(number)).baseOffset
    }
    #expect(ends.allSatisfy { $0 >= 0 })
    #expect(log.offsets.logEndOffset == 48)
    log.close {}
    #expect(log.change { true } == nil)
  }
}
