import CHostSupport
import Glibc
import Logging
import NIOConcurrencyHelpers
import PluginLoader

/// Makes appended bytes durable, for all partitions together: one thread that flushes whatever became dirty while the
/// previous flush ran, then lets the waiting producers and fetches go. The number of flushes is bounded by the disk,
/// not by the number of producers.
///
/// `interval` spaces flushes out; with zero the next begins as soon as something is dirty.
final class GroupCommit: @unchecked Sendable {
  private let tier: TierHandle
  private let interval: Duration
  private let logger: Logger
  private let condition = ConditionLock(value: State.idle)
  private var dirty: [PartitionLog] = []
  private var isStopping = false
  private var thread: JoinableThread?

  private enum State: Int { case idle, work, stopped }

  init(tier: TierHandle, interval: Duration, logger: Logger) {
    self.tier = tier
    self.interval = interval
    self.logger = logger
  }

  /// Starts the flushing thread.
  func start() {
    thread = JoinableThread {
      chostsupport_name_thread("group-commit")
      self.run()
    }
  }

  /// Flushes what is dirty and ends the thread. Blocks. Nothing may be added afterwards.
  func stop() {
    condition.lock()
    isStopping = true
    condition.unlock(withValue: .work)
    thread?.join()
  }

  /// The log has bytes to flush. Called once per log and flush; any thread; does not block.
  func add(_ log: PartitionLog) {
    condition.lock()
    dirty.append(log)
    condition.unlock(withValue: .work)
  }

  private func run() {
    var lastFlush = ContinuousClock.now
    while true {
      condition.lock(whenValue: .work)
      let mustStop = isStopping
      if interval > .zero, !mustStop {
        condition.unlock(withValue: .work)
        pause(until: lastFlush + interval)
        condition.lock()
      }
      let logs = dirty
      dirty.removeAll(keepingCapacity: true)
      condition.unlock(withValue: isStopping && logs.isEmpty ? .stopped : .idle)
      if logs.isEmpty, mustStop { return }
      lastFlush = .now
      flush(logs)
      if mustStop { markWork() }
    }
  }

  /// Lets the loop come round once more while stopping.
  private func markWork() {
    condition.lock()
    condition.unlock(withValue: .work)
  }

  private func pause(until deadline: ContinuousClock.Instant) {
    let rest = ContinuousClock.now.duration(to: deadline)
    guard rest > .zero else { return }
    let (seconds, attoseconds) = rest.components
    var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    nanosleep(&time, nil)
  }

  private func flush(_ dirty: [PartitionLog]) {
    let logs = dirty.filter { $0.willFlush() }
    guard !logs.isEmpty else { return }
    let results = tier.flush(logs.map(\.chain.commit))
    for (log, result) in zip(logs, results) {
      switch result {
      case .success(let end): log.durable(upTo: end).run()
      case .failure(let failure): log.fail(failure)
      }
      log.leave()
    }
  }
}
