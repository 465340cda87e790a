import DequeModule
import KafkaProtocol
import Logging
import NIOConcurrencyHelpers
import PluginLoader
import TierAPI

/// One partition: assigns offsets, owns the order of appends, and knows the high watermark.
///
/// Appends of a partition run one at a time, without a lock held while a tier works: the first thread that finds the
/// log idle becomes its appender and also appends what others queue meanwhile. Event loops append without blocking;
/// when a tier would block, the appender's role moves to the blocking pool and comes back when the queue is empty.
///
/// The high watermark moves when the group commit reports durable bytes (or with the append itself, when durability is
/// left to the operating system or the chain is volatile). Waiting producers and fetches are woken by that move.
final class PartitionLog: @unchecked Sendable {
  struct Environment: Sendable {
    var blockingPool: BlockingPool
    /// Nil: every appended byte counts as durable at once.
    var groupCommit: GroupCommit?
    var logger: Logger
    /// The time of day, ms since 1970.
    var clock: @Sendable () -> Int64
    /// Of this start of the broker: higher than that of any earlier one, because records that were not durable may have
    /// gone and their offsets will be given to others.
    var leaderEpoch: Int32 = 0
    /// Nil for a chain that does not survive a restart.
    var snapshots: PartitionSnapshotStore?
    /// `producer.id.expiration.ms`.
    var producerIDExpiration: @Sendable () -> Int64 = { 86_400_000 }
  }

  let identity: PartitionIdentity
  let chain: PartitionChain
  let environment: Environment
  let lock = NIOLock()
  /// Changes of the tiers below the commit tier; they may take long, so appends never wait for them.
  let lowerGate = SerialGate()
  /// Whoever removes or replaces segments goes through it: retention, DeleteRecords, offload and compaction. It takes
  /// as long as their files do; only their threads wait for it, never an event loop.
  let segmentChanges = SerialGate()

  /// Guarded by `lock`.
  var guarded: Guarded

  struct Guarded {
    var offsets: LogOffsets
    /// Somebody is appending; everything else goes to `queue`.
    var isAppending = false
    var queue: Deque<LogWork> = []
    /// Idempotent producers; checked and changed in one piece with the append.
    var producers = ProducerStates()
    var epochs = LeaderEpochHistory()
    /// Where DeleteRecords and retention have put the start; -1: not known. What a tier holds less than that is
    /// missing, not deleted.
    var deliberateStart: Int64 = -1
    /// Appended since the last snapshot.
    var unsavedByteCount = 0
    /// Producers that wait for durability, in offset order.
    var awaitingDurability: Deque<(endOffset: Int64, request: AppendRequest, outcome: AppendOutcome)> = []
    var fetchWaiters: [any LogWaiter] = []
    /// Set once the log can never append again.
    var failure: TierFailure?
    var appendFailures = FailureReports()
    var readFailures = FailureReports()
    var isDirty = false
    var isClosed = false
    /// Calls into the tiers that are under way: reads, a flush, the appender.
    var activeCalls = 0
    /// Called once when the log is closed and the last active call has ended.
    var onDrained: (@Sendable () -> Void)?
  }

  /// Used by one thread at a time, see `PartitionLog+Snapshot.swift`.
  var keeper = SnapshotKeeper()
  /// Changed by topic configuration; read by producers' event loops.
  private let validatorBox: NIOLockedValueBox<AppendValidator>

  var validator: AppendValidator {
    get { validatorBox.withLockedValue { $0 } }
    set { validatorBox.withLockedValue { $0 = newValue } }
  }

  /// Takes open tiers. What the commit tier recovered is durable, so the high watermark starts at its end.
  /// ``restore(_:)`` comes next.
  init(identity: PartitionIdentity, chain: PartitionChain, validator: AppendValidator, environment: Environment) {
    self.identity = identity
    self.chain = chain
    self.environment = environment
    validatorBox = NIOLockedValueBox(validator)
    let state = chain.commit.state
    guarded = Guarded(
      offsets: LogOffsets(
        logStartOffset: chain.startOffset, logEndOffset: state.end_offset, highWatermark: state.end_offset,
        lastStableOffset: state.end_offset, leaderEpoch: environment.leaderEpoch))
  }

  var offsets: LogOffsets { lock.withLock { guarded.offsets } }

  var isClosed: Bool { lock.withLock { guarded.isClosed } }
  var hasFailed: Bool { lock.withLock { guarded.failure != nil } }

  /// What every operator-facing line about this log carries.
  var logMetadata: Logger.Metadata {
    ["topic": "\(identity.topic)", "partition": "\(identity.partition)"]
  }

  /// Calls `waiter.wake()` once when the high watermark passes `offset`, the log closes or fails; at once when it
  /// already has.
  func wake(_ waiter: any LogWaiter, beyond offset: Int64) {
    let parked = lock.withLock { () -> Bool in
      guard guarded.offsets.highWatermark <= offset, !guarded.isClosed else { return false }
      guarded.fetchWaiters.append(waiter)
      return true
    }
    if !parked { waiter.wake() }
  }

  /// Forgets a waiter that was answered otherwise.
  func forget(_ waiter: any LogWaiter) {
    lock.withLock { guarded.fetchWaiters.removeAll { $0 === waiter } }
  }

  /// Begins a call into the tiers; false when the log is closed. Ended by ``leave()``.
  func enter() -> Bool {
    lock.withLock {
      guard !guarded.isClosed else { return false }
      guarded.activeCalls += 1
      return true
    }
  }

  func leave() {
    let drained = lock.withLock { () -> (@Sendable () -> Void)? in
      guarded.activeCalls -= 1
      guard guarded.isClosed, guarded.activeCalls == 0 else { return nil }
      defer { guarded.onDrained = nil }
      return guarded.onDrained
    }
    drained?()
  }

  /// Ends the log: queued and waiting producers are refused, waiting fetches are woken, and when the last call into the
  /// tiers has returned, `whenDrained` runs (on that caller's thread, or on this one); then the tiers may be closed.
  func close(whenDrained: @escaping @Sendable () -> Void) {
    let (refused, waiting, fetches, isDrained) = lock.withLock {
      precondition(!guarded.isClosed, "a log was closed twice")
      guarded.isClosed = true
      let refused = Array(guarded.queue)
      let waiting = guarded.awaitingDurability.map(\.request)
      let fetches = guarded.fetchWaiters
      guarded.queue.removeAll()
      guarded.awaitingDurability.removeAll()
      guarded.fetchWaiters.removeAll()
      let isDrained = guarded.activeCalls == 0
      if !isDrained { guarded.onDrained = whenDrained }
      return (refused, waiting, fetches, isDrained)
    }
    for work in refused { work.refuse() }
    for request in waiting { LogWork.append(request).refuse() }
    for waiter in fetches { waiter.wake() }
    if isDrained { whenDrained() }
  }
}
