import Configuration
import Glibc
import Logging
import NIOConcurrencyHelpers
import PluginLoader
import TierAPI

/// Searches topics through the tier of the chain that can.
///
/// Searches run on a few threads of their own, so that they never delay a produce or a fetch; a bounded number waits
/// for its turn, and one more is refused. A partition stays open while it is searched.
final class SearchService: Sendable {
  struct Limits: Sendable {
    var running: Int
    var queued: Int
    /// The longest search.
    var timeout: Duration
  }

  private let topics: Topics
  private let searcher: SearchExtension?
  private let tierIndex: Int
  private let limits: Limits
  private let logger: Logger
  /// ns, monotonic: the clock that the tiers are given.
  private let clock: @Sendable () -> Int64
  private let pool: BlockingPool?
  private let underWay = NIOLockedValueBox(0)
  private let stopping = SearchCancellation()

  /// Finds the first searching tier. A tier that promises to search and cannot is refused here, at the start.
  init(
    topics: Topics, chain: TierChain, limits: Limits, logger: Logger,
    clock: @escaping @Sendable () -> Int64 = { WallClock.monotonicNanoseconds }
  ) throws(TierFailure) {
    var found: (index: Int, search: SearchExtension)?
    for (index, tier) in chain.tiers.enumerated() where found == nil {
      if let search = try SearchExtension(tier) { found = (index, search) }
    }
    self.topics = topics
    searcher = found?.search
    tierIndex = found?.index ?? 0
    self.limits = limits
    self.logger = logger
    self.clock = clock
    pool = found == nil ? nil : BlockingPool(name: "search", threads: limits.running, priority: .belowClients)
  }

  /// Ends what is under way and waits for it. Blocks. Searches that come later are refused.
  func stop() {
    cancelAll()
    pool?.stop()
  }

  /// Tells what is under way to end.
  func cancelAll() { stopping.cancel() }

  /// A place among the searches that may be under way, or a refusal. It is given back with ``SearchPlace/release()``
  /// when the client has its answer, so that the places bound the answers in memory, too.
  func admit() throws(SearchRefusal) -> SearchPlace {
    guard pool != nil else { throw .notOffered }
    guard !stopping.isCancelled else { throw .cancelled }
    let isAdmitted = underWay.withLockedValue { count in
      guard count < limits.running + limits.queued else { return false }
      count += 1
      return true
    }
    guard isAdmitted else { throw .busy }
    return SearchPlace { [underWay] in underWay.withLockedValue { $0 -= 1 } }
  }

  /// Searches on a thread of the pool, and there turns what was found into what the caller wants. `cancellation` ends
  /// the search early; so does cancelling the task.
  func search<Value: Sendable>(
    _ query: SearchQuery, in place: SearchPlace, cancellation: SearchCancellation,
    _ finish: @escaping @Sendable (SearchAnswer) -> Value
  ) async -> Result<Value, SearchRefusal> {
    guard let pool, let searcher else { return .failure(.notOffered) }
    let asked = query.timeout.map { Duration.milliseconds($0) } ?? limits.timeout
    let deadline = clock() + min(asked, limits.timeout).wholeMilliseconds * 1_000_000
    return await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, SearchRefusal>, Never>) in
        pool.run {
          continuation.resume(
            returning: Result { () throws(SearchRefusal) in
              finish(try self.run(query, searcher, deadline: deadline, cancellation))
            })
        }
      }
    } onCancel: {
      cancellation.cancel()
    }
  }

  /// The search itself, on a thread of the pool.
  private func run(
    _ query: SearchQuery, _ searcher: SearchExtension, deadline: Int64, _ cancellation: SearchCancellation
  ) throws(SearchRefusal) -> SearchAnswer {
    let started = clock()
    if cancellation.isCancelled || stopping.isCancelled { throw .cancelled }
    guard started < deadline else { throw .waitedTooLong }
    let scope = try SearchScope(query, topics: topics, tierIndex: tierIndex)
    defer { scope.leave() }
    // A topic whose partitions are not there yet.
    guard !scope.targets.isEmpty else { throw .unknownTopic(query.topic) }
    let cursor = query.cursor.isEmpty ? nil : try PageCursor(query.cursor, of: query, in: scope.topicID)
    var collector = HitCollector(partitions: scope.numbers, maxValueBytes: query.maxValueBytes)
    var request = SearchRequest(query: query.text, deadlineNanoseconds: deadline)
    request.key = query.key
    request.since = cursor?.since ?? query.since
    request.until = cursor?.until ?? query.until
    request.order = query.order
    request.limit = query.limit
    request.cursor = cursor?.place ?? []
    request.byteBudget = query.byteBudget
    do throws(TierFailure) {
      let host = ChainSearchHost(logs: scope.logs, cancellations: [cancellation, stopping])
      var summary = try searcher.run(request, in: scope.targets, host: host) { collector.add($0) }
      if !summary.cursor.isEmpty {
        let next = PageCursor(since: request.since, until: request.until, place: summary.cursor)
        summary.cursor = next.bytes(of: query, in: scope.topicID)
      }
      return SearchAnswer(
        topic: query.topic, records: collector.records, summary: summary, took: .nanoseconds(clock() - started))
    } catch {
      throw refusal(error, topic: query.topic)
    }
  }

  private func refusal(_ failure: TierFailure, topic: String) -> SearchRefusal {
    switch failure.code {
    case .invalidConfiguration: return .invalid(failure.message)
    case .cancelled: return .cancelled
    case .retriable, .throttled, .notFound, .corrupt, .fenced, .noSpace, .permanent:
      logger.error("A search failed", metadata: ["topic": "\(topic)", "error": "\(failure)"])
      return .failed("\(failure)")
    }
  }
}

extension WallClock {
  /// The clock of deadlines, which `chronik_host` also shows to the tiers.
  static var monotonicNanoseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
