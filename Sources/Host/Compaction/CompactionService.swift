import CHostSupport
import Configuration
import Glibc
import Logging
import NIOConcurrencyHelpers
import PluginLoader
import TierAPI

/// Compacts topics in the background: one thread that looks at every compacted partition, asks the strategy for plans
/// and carries out the most urgent ones, one after the other, within a bound of bytes per second.
///
/// It never runs on the produce path. Segments are exchanged under the partition's `segmentChanges`, which retention
/// and DeleteRecords hold too, so that nobody removes what somebody else is putting in place.
final class CompactionService: @unchecked Sendable {
  /// Why a run ended early.
  private struct Stopped: Error {}

  private let topics: Topics
  private let strategy: CompactionHandle
  private let settings: LiveBrokerSettings
  private let directory: String
  private let clock: @Sendable () -> Int64
  private let logger: Logger
  private let condition = ConditionLock(value: State.running)
  private var thread: JoinableThread?

  // Of the thread.
  private var cleaned: CleanedOffsets
  private var pace: CompactionPace
  private var failures: [PartitionIdentity: Failure] = [:]
  /// Whether the last run over some partition failed; the log says why. For the thread that runs `lookAround`.
  var hasFailures: Bool { !failures.isEmpty }

  private enum State: Int { case running, stopping }

  /// A partition whose run failed rests, longer each time, so that a damaged one does not fill the log.
  private struct Failure {
    var count: Int
    /// By the broker's clock, ms.
    var retryAt: Int64
  }

  private static let restMin: Int64 = 60_000
  private static let restDoublingsMax = 6
  /// How soon a changed interval is seen.
  private static let restSlice = Duration.seconds(1)

  /// Loads the checkpoint. Blocks.
  init(
    topics: Topics, strategy: CompactionHandle, settings: LiveBrokerSettings, dataDirectory: String,
    clock: @escaping @Sendable () -> Int64, logger: Logger
  ) {
    self.topics = topics
    self.strategy = strategy
    self.settings = settings
    directory = dataDirectory
    self.clock = clock
    self.logger = logger
    pace = CompactionPace(bytesPerSecond: settings.current.compactionBytesPerSecondMax)
    cleaned = CleanedOffsets(directory: dataDirectory) { problem in
      logger.warning(
        "How far partitions were compacted is not known; the first runs look at all of them again",
        metadata: ["error": "\(problem)"])
    }
  }

  func start() {
    thread = JoinableThread { [self] in
      chostsupport_name_thread("compaction")
      ThreadPriority.background.apply()
      while !restUntilNextLook() { lookAround(isForced: false) }
    }
  }

  /// Ends after the exchange that is under way. Blocks.
  func stop() {
    condition.lock()
    condition.unlock(withValue: .stopping)
    thread?.join()
  }

  /// One look at all partitions, and the runs that follow from it, the most urgent first. On the service's thread, or
  /// on a caller's that uses the service alone.
  func lookAround(isForced: Bool) {
    let now = clock()
    var candidates: [(topic: Topic, log: PartitionLog, urgency: Double)] = []
    for topic in topics.all {
      let configuration = topic.configuration
      guard configuration.compacts else { continue }
      for log in topic.partitions {
        if let failure = failures[log.identity], failure.retryAt > now { continue }
        guard let (_, plan) = plan(log, configuration, isForced: isForced), !plan.groups.isEmpty else { continue }
        candidates.append((topic, log, plan.urgency))
      }
    }
    for (topic, log, _) in candidates.sorted(by: { $0.urgency > $1.urgency }) {
      // A map of keys that was too small leaves something to do.
      while !isStopping, compact(log, topic.configuration, isForced: isForced) == .more {}
    }
  }

  /// What the strategy would do with a partition now, with the view that it saw; nil when it cannot be asked. Changes
  /// nothing.
  func plan(
    _ log: PartitionLog, _ configuration: ResolvedTopicConfiguration, isForced: Bool
  ) -> (CompactionView, CompactionPlan)? {
    do {
      let view = try log.compactionView(
        configuration, cleanedOffset: cleaned.offset(log.identity), now: clock(), isForced: isForced)
      guard let view else { return nil }
      return (view, try strategy.plan(view))
    } catch {
      note(error, log)
      return nil
    }
  }

  private enum Outcome { case done, more }

  /// One run over one partition, with one log line when it is finished.
  private func compact(_ log: PartitionLog, _ configuration: ResolvedTopicConfiguration, isForced: Bool) -> Outcome {
    guard let (view, plan) = plan(log, configuration, isForced: isForced), !plan.groups.isEmpty else { return .done }
    let begin = ContinuousClock.now
    do {
      let report = try CompactionPass(
        log: log, strategy: strategy, view: view, plan: plan, scratchDirectory: directory,
        pace: { [self] in try wait(for: $0) }
      ).run()
      failures[log.identity] = nil
      guard let offset = report.cleanedOffset else { return .done }
      try cleaned.save(log.identity, offset, live: topics.all.flatMap(\.partitions).map(\.identity))
      say(report, log, plan.reason, took: begin.duration(to: .now))
      return offset > view.cleanedOffset && offset < plan.observed.upperBound ? .more : .done
    } catch is Stopped {
      return .done
    } catch {
      note(error, log)
      return .done
    }
  }

  private func say(_ report: CompactionPass.Report, _ log: PartitionLog, _ reason: String, took: Duration) {
    logger.info(
      "Compacted a partition",
      metadata: log.logMetadata.merging([
        "reason": "\(reason)", "segments": "\(report.segmentsBefore) → \(report.segmentsAfter)",
        "bytes": "\(report.bytesBefore) → \(report.bytesAfter)",
        "records": "\(report.recordsSeen) → \(report.recordsKept)", "cleaned_offset": "\(report.cleanedOffset ?? -1)",
        "milliseconds": "\(took.wholeMilliseconds)",
      ]) { $1 })
  }

  private func note(_ error: any Error, _ log: PartitionLog) {
    // A partition that was closed or trimmed meanwhile is no failure of anybody's.
    if let failure = error as? TierFailure, failure.code == .notFound { return }
    let count = (failures[log.identity]?.count ?? 0) + 1
    let rest = Self.restMin << Int64(min(count - 1, Self.restDoublingsMax))
    failures[log.identity] = Failure(count: count, retryAt: clock() + rest)
    logger.error(
      "A partition could not be compacted; nothing of it was changed by the step that failed",
      metadata: log.logMetadata.merging(["error": "\(error)", "retry_in_ms": "\(rest)"]) { $1 })
  }

  // MARK: waiting

  private var isStopping: Bool { condition.value == .stopping }

  /// True when the service shall end.
  private func rest(for time: Duration) -> Bool {
    guard condition.lock(whenValue: .stopping, timeoutSeconds: Double(time.wholeMilliseconds) / 1000) else {
      return false
    }
    condition.unlock()
    return true
  }

  /// As `rest(for:)` for the interval, which may be changed meanwhile.
  private func restUntilNextLook() -> Bool {
    let begin = ContinuousClock.now
    while true {
      let left = settings.current.compactionInterval - begin.duration(to: .now)
      guard left > .zero else { return isStopping }
      if rest(for: max(min(left, Self.restSlice), .milliseconds(1))) { return true }
    }
  }

  private func wait(for byteCount: Int) throws {
    pace.bytesPerSecond = settings.current.compactionBytesPerSecondMax
    let pause = pace.pause(after: byteCount, now: .now)
    if pause > .zero ? rest(for: pause) : isStopping { throw Stopped() }
  }
}
