import CHostSupport
import Configuration
import Logging
import NIOConcurrencyHelpers
import PluginLoader

/// Copies finished segments to the tiers below, for all partitions, on threads of its own.
///
/// One thread looks around: every `offload.interval`, or when `offload.trigger_bytes` wait, each partition with
/// something to do becomes a job. Jobs copy one piece and go to the end of the queue, so a large partition does not
/// keep others waiting, and one that fails is left alone for a while that grows. What is done is known from the tiers
/// alone; after a crash at any point the next look finds what is still to do.
final class OffloadService: Sendable {
  private struct Key: Hashable {
    var partition: PartitionIdentity
    var pair: OffloadPair
  }

  private struct State: Sendable {
    var memories: [Key: OffloadMemory] = [:]
    var queued: Set<Key> = []
    var bucket: TokenBucket
  }

  private let settings: Configuration.Offload
  /// What holds now of the bandwidth; 0: no limit.
  private let bytesPerSecond: @Sendable () -> Int64
  private let pairs: [(pair: OffloadPair, metrics: OffloadMetrics)]
  private let topics: @Sendable () -> [(logs: [PartitionLog], configuration: ResolvedTopicConfiguration)]
  private let worker: OffloadWorker
  private let logger: Logger
  private let state: NIOLockedValueBox<State>
  private let stopping: NIOLockedValueBox<Bool>
  /// 1: stop. The looking thread sleeps on it.
  private let signal = ConditionLock(value: 0)
  private let pool: BlockingPool
  private let looking = NIOLockedValueBox<JoinableThread?>(nil)

  /// Between two looks at how much waits.
  private static let tickMax = Duration.seconds(2)

  /// `topics` answers what is being served now, `bytesPerSecond` what may be copied; any thread.
  init(
    _ settings: Configuration.Offload, bytesPerSecond: @escaping @Sendable () -> Int64, tiers: [TierHandle],
    logger: Logger, clock: @escaping @Sendable () -> Int64,
    topics: @escaping @Sendable () -> [(logs: [PartitionLog], configuration: ResolvedTopicConfiguration)]
  ) {
    self.settings = settings
    self.bytesPerSecond = bytesPerSecond
    self.topics = topics
    self.logger = logger
    let stopping = NIOLockedValueBox(false)
    self.stopping = stopping
    pairs = OffloadPair.pairs(in: tiers).map { ($0, OffloadMetrics(tier: tiers[$0.taker].name)) }
    worker = OffloadWorker(
      planner: OffloadPlanner(unitBytes: settings.unitBytes), logger: logger, clock: clock,
      random: { UInt64.random(in: .min ... .max) }, isStopping: { stopping.withLockedValue { $0 } })
    state = NIOLockedValueBox(State(bucket: TokenBucket(bytesPerSecond: bytesPerSecond())))
    // Building costs a processor; whoever answers clients goes first.
    pool = BlockingPool(name: "offload", threads: settings.concurrency, priority: .background)
  }

  /// Begins. Does nothing for a chain without a tier that takes segments.
  func start() {
    guard settings.isEnabled, !pairs.isEmpty else { return }
    let thread = JoinableThread { [self] in
      chostsupport_name_thread("offload-look")
      ThreadPriority.background.apply()
      look()
    }
    looking.withLockedValue { $0 = thread }
  }

  /// Ends copies that are under way with CANCELLED, which takes them about a second, and all threads. Blocks. Called
  /// once.
  func stop() {
    stopping.withLockedValue { $0 = true }
    signal.lock()
    signal.unlock(withValue: 1)
    looking.withLockedValue { $0 }?.join()
    pool.stop()
  }

  // MARK: - Looking

  private func look() {
    var last = TierHost.monotonicNow
    let tick = Double(min(settings.interval, Self.tickMax).wholeMilliseconds) / 1000
    while true {
      if signal.lock(whenValue: 1, timeoutSeconds: tick) {
        signal.unlock()
        return
      }
      let now = TierHost.monotonicNow
      let isDue = now - last >= settings.interval.wholeMilliseconds * 1_000_000
      if isDue { last = now }
      pass(isDue: isDue)
    }
  }

  /// One look at every partition; submits what is to be done when the time or the size has come.
  func pass(isDue: Bool) {
    let served = topics()
    var seen: Set<Key> = []
    for (pair, metrics) in pairs {
      var total = OffloadPlanner.Lag()
      var work: [(Key, PartitionLog, ResolvedTopicConfiguration)] = []
      for (logs, configuration) in served where !configuration.compacts {
        for log in logs {
          let key = Key(partition: log.identity, pair: pair)
          seen.insert(key)
          guard let lag = lookAt(key, log, configuration) else { continue }
          total.segments += lag.lag.segments
          total.bytes += lag.lag.bytes
          if lag.hasWork { work.append((key, log, configuration)) }
        }
      }
      metrics.setLag(total)
      guard isDue || total.bytes >= settings.triggerBytes else { continue }
      for (key, log, configuration) in work { submit(key, log, configuration, metrics) }
    }
    state.withLockedValue { state in state.memories = state.memories.filter { seen.contains($0.key) } }
  }

  private func lookAt(
    _ key: Key, _ log: PartitionLog, _ configuration: ResolvedTopicConfiguration
  ) -> (lag: OffloadPlanner.Lag, hasWork: Bool)? {
    do throws(TierFailure) {
      guard let (view, firstTimestamp) = try worker.view(log, configuration, key.pair) else { return nil }
      let now = worker.clock()
      let memory = state.withLockedValue { state in
        state.memories[key, default: OffloadMemory()].look(end: view.segments.last?.nextOffset ?? 0, now: now)
        return state.memories[key, default: OffloadMemory()]
      }
      let isResting = memory.backoff.notBefore > TierHost.monotonicNow
      let hasWork = worker.hasWork(view, firstTimestamp: firstTimestamp, configuration, memory)
      return (worker.planner.lag(view), hasWork && !isResting)
    } catch {
      logger.warning(
        "The segments of a partition cannot be listed", metadata: log.logMetadata.merging(["error": "\(error)"]) { $1 })
      return nil
    }
  }

  // MARK: - Working

  private func submit(
    _ key: Key, _ log: PartitionLog, _ configuration: ResolvedTopicConfiguration, _ metrics: OffloadMetrics
  ) {
    guard state.withLockedValue({ $0.queued.insert(key).inserted }) else { return }
    enqueue(key, log, configuration, metrics)
  }

  private func enqueue(
    _ key: Key, _ log: PartitionLog, _ configuration: ResolvedTopicConfiguration, _ metrics: OffloadMetrics
  ) {
    pool.run { [self] in
      let isDone = run(key, log, configuration, metrics)
      if isDone {
        state.withLockedValue { _ = $0.queued.remove(key) }
      } else {
        enqueue(key, log, configuration, metrics)
      }
    }
  }

  /// One piece; true when there is no more, or it must wait for the next look.
  private func run(
    _ key: Key, _ log: PartitionLog, _ configuration: ResolvedTopicConfiguration, _ metrics: OffloadMetrics
  ) -> Bool {
    guard waitForBandwidth() else { return true }
    let memory = state.withLockedValue { $0.memories[key, default: OffloadMemory()] }
    let outcome = worker.visit(log, configuration, key.pair, memory, metrics)
    return state.withLockedValue { state in
      switch outcome {
      case .idle, .cancelled: return true
      case .copied(let byteCount, let hasMore):
        state.bucket.take(byteCount)
        state.memories[key]?.backoff.succeeded()
        return !hasMore
      case .failed:
        metrics.failures.increment()
        state.memories[key]?.backoff.failed(now: TierHost.monotonicNow, random: worker.random())
        return true
      }
    }
  }

  /// False when the service stops.
  private func waitForBandwidth() -> Bool {
    while !worker.isStopping() {
      let rate = bytesPerSecond()
      let wait = state.withLockedValue { state in
        state.bucket.bytesPerSecond = rate
        return state.bucket.wait(now: TierHost.monotonicNow)
      }
      if wait == 0 { return true }
      // The rate may be raised meanwhile.
      if signal.lock(whenValue: 1, timeoutSeconds: min(Double(wait) / 1e9, 1)) {
        signal.unlock()
        return false
      }
    }
    return false
  }
}
