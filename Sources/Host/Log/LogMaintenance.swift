import Configuration
import Logging
import NIOConcurrencyHelpers
import NIOCore

/// What happens to logs in the background: snapshots, retention, forgetting silent producers. One thread does it all,
/// and DeleteRecords too, so that nothing that moves the start of a log runs beside another.
///
/// A timer on an event loop only starts the passes; one that falls into the previous one's time is left out.
final class LogMaintenance: Sendable {
  private let topics: Topics
  private let clock: @Sendable () -> Int64
  private let retentionInterval: Duration
  private let thread = BlockingPool(name: "maintenance", threads: 1, priority: .background)
  private let state = NIOLockedValueBox(State())

  /// How often snapshots are looked after: with 16 MiB between two of a partition, a busy partition's next start reads
  /// what it appended in about two of these.
  private static let snapshotInterval = TimeAmount.seconds(2)
  private static let producerExpiryInterval: Int64 = 60_000

  private struct State: Sendable {
    var isRunning = false
    var isStopped = false
    /// By the broker's clock, ms.
    var lastRetention: Int64 = 0
    var lastExpiry: Int64 = 0
  }

  init(topics: Topics, retentionInterval: Duration, clock: @escaping @Sendable () -> Int64) {
    self.topics = topics
    self.retentionInterval = retentionInterval
    self.clock = clock
  }

  /// Begins. The first retention pass comes after its interval, as in Kafka.
  func start(on loop: any EventLoop) {
    let now = clock()
    let interval = min(Self.snapshotInterval, TimeAmount(retentionInterval))
    state.withLockedValue { state in
      state.lastRetention = now
      state.lastExpiry = now
    }
    loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [self] _ in wake() }
  }

  /// Runs `work` on the maintenance thread.
  func run(_ work: @escaping @Sendable () -> Void) { thread.run(work) }

  /// Finishes what was begun and begins nothing more. Blocks.
  func stop() {
    state.withLockedValue { $0.isStopped = true }
    thread.stop()
  }

  private func wake() {
    let isFree = state.withLockedValue { state in
      defer { state.isRunning = true }
      return !state.isRunning && !state.isStopped
    }
    guard isFree else { return }
    thread.run { [self] in
      pass(now: clock())
      state.withLockedValue { $0.isRunning = false }
    }
  }

  /// One round. On the maintenance thread.
  private func pass(now: Int64) {
    let (appliesRetention, isMinute) = state.withLockedValue { state in
      let retention = now - state.lastRetention >= retentionInterval.wholeMilliseconds
      let expiry = now - state.lastExpiry >= Self.producerExpiryInterval
      if retention { state.lastRetention = now }
      if expiry { state.lastExpiry = now }
      return (retention, expiry)
    }
    if isMinute { topics.retryRemovals() }
    for topic in topics.all {
      let configuration = topic.configuration
      for log in topic.partitions {
        if isMinute { log.expireProducers(now: now) }
        if appliesRetention { log.applyRetention(configuration, now: now) }
        log.saveSnapshotIfDue(now: now)
      }
    }
  }
}
