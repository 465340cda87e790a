import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore
import PluginLoader

/// One fetch from its arrival to its answer.
///
/// It reads what can be had without blocking. When that is enough (min_bytes, an error, or no time left) it answers;
/// otherwise it parks on its partitions and is woken by the append that makes new bytes visible, or by its deadline. A
/// partition whose bytes must come from a disk is read on the blocking pool, once per fetch, while the others are
/// ready. Bytes from below the commit tier are fetched beside it (`ColdReads`); the answer does not wait for them
/// beyond the deadline, nor when the other partitions have enough.
///
/// Confined to the connection's event loop, except for ``wake()``.
final class FetchOperation: LogWaiter, @unchecked Sendable {
  private let request: FetchRequest
  private let context: RequestContext
  private let targets: [FetchTarget]
  private let session: FetchSession?
  private let isIncremental: Bool
  private let deadline: NIODeadline
  private let totalBytesMax: Int
  private let isolation: PartitionLog.Isolation

  private var timer: Scheduled<Void>?
  private var parkedOn: [PartitionLog] = []
  private var isAnswered = false
  /// What blocking reads brought, by index of the target.
  private var fetched: [Int: LogRead] = [:]
  private var blockingReads = 0
  private let isWoken = NIOLockedValueBox(false)
  /// Cold partitions that one fetch has read at the same time; the others come with the next ones.
  private static let coldReadsMax = 8

  init(
    _ request: FetchRequest, _ context: RequestContext, targets: [FetchTarget], session: FetchSession?,
    isIncremental: Bool
  ) {
    self.request = request
    self.context = context
    self.targets = targets
    self.session = session
    self.isIncremental = isIncremental
    deadline = .now() + .milliseconds(Int64(min(max(0, request.maxWaitMs), NetworkLimits.fetchWaitMax)))
    totalBytesMax = min(Int(max(0, request.maxBytes)), context.broker.configuration.fetch.maxBytes)
    isolation = request.isolationLevel == 1 ? .readCommitted : .readUncommitted
  }

  // MARK: - Deciding

  private enum Wait {
    case none
    case disk
    case store
  }

  private struct Result {
    var data: FetchResponse.PartitionData
    var extents: [Extent]
    var log: PartitionLog?
    var wait = Wait.none
  }

  /// Reads everything once and answers or waits.
  func evaluate() {
    guard !isAnswered else { return }
    let isLate = NIODeadline.now() >= deadline
    var results: [Result] = []
    results.reserveCapacity(targets.count)
    var byteCount = 0
    var mustAnswer = isLate || targets.isEmpty
    for (index, target) in targets.enumerated() {
      let result = read(target, index, bytesLeft: totalBytesMax - byteCount, isFirst: byteCount == 0)
      byteCount += result.data.records.byteCount
      if result.data.errorCode != .none || result.data.divergingEpoch.epoch >= 0 { mustAnswer = true }
      results.append(result)
    }
    let blocked = results.indices.filter { results[$0].wait == .disk }
    let cold = results.indices.filter { results[$0].wait == .store }
    if byteCount >= Int(request.minBytes) && blocked.isEmpty && cold.isEmpty { mustAnswer = true }
    if !cold.isEmpty { readCold(cold) }
    // With nothing at hand a late fetch still waits for the disk: a client that never waits must get on, too.
    if mustAnswer && (blocked.isEmpty || (isLate && byteCount > 0)) { return answer(results) }
    if !blocked.isEmpty && (byteCount < max(1, Int(request.minBytes))) {
      readBlocking(blocked)
    } else if byteCount >= max(1, Int(request.minBytes)) {
      // Enough is at hand: the others are read with the next fetch, which begins with them (see `rotate`).
      return answer(results)
    }
    park(results)
  }

  private func read(_ target: FetchTarget, _ index: Int, bytesLeft: Int, isFirst: Bool) -> Result {
    var data = FetchResponse.PartitionData()
    data.partitionIndex = target.partition
    data.highWatermark = -1
    data.abortedTransactions = isolation == .readCommitted ? [] : nil
    data.records = .external(byteCount: 0)
    guard let log = find(target) else {
      data.errorCode = context.version < 13 ? .unknownTopicOrPartition : unknownID(target)
      return Result(data: data, extents: [], log: nil)
    }
    // As Kafka: who asks like this cannot read what the topic is set to hold (KIP-110).
    guard context.version >= 10 || log.validator.codec != .zstd else {
      data.errorCode = .unsupportedCompressionType
      return Result(data: data, extents: [], log: nil)
    }
    let offsets = log.offsets
    if target.currentLeaderEpoch >= 0, target.currentLeaderEpoch != offsets.leaderEpoch {
      data.errorCode = target.currentLeaderEpoch < offsets.leaderEpoch ? .fencedLeaderEpoch : .unknownLeaderEpoch
      return Result(data: data, extents: [], log: log)
    }
    if target.lastFetchedEpoch >= 0, let result = checkLastFetched(target, log, offsets, data) { return result }
    var answer =
      fetched[index]
      ?? log.read(
        offset: target.fetchOffset, maxBytes: min(target.maxBytes, max(0, bytesLeft)), minOneBatch: isFirst,
        isolation: isolation, nonblocking: true)
    if case .wouldBlock(isCold: true) = answer,
      let brought = context.broker.coldReads.take(
        ColdReads.Key(partition: log.identity, offset: target.fetchOffset, isolation: isolation),
        byteCountMax: bytesLeft, any: isFirst)
    {
      fetched[index] = brought
      answer = brought
    }
    switch answer {
    case .records(let extents, let byteCount, let offsets):
      set(offsets, &data)
      data.records = .external(byteCount: byteCount)
      return Result(data: data, extents: extents, log: log)
    case .refused(let code, let offsets):
      set(offsets, &data)
      data.errorCode = code
      return Result(data: data, extents: [], log: log)
    case .wouldBlock(let isCold):
      set(offsets, &data)
      return Result(data: data, extents: [], log: log, wait: isCold ? .store : .disk)
    }
  }

  /// Compares what the client has read with the log's history (v12): nil when it is part of it. Otherwise what it saw
  /// was lost, and the answer names the place from which it must forget.
  private func checkLastFetched(
    _ target: FetchTarget, _ log: PartitionLog, _ offsets: LogOffsets, _ base: FetchResponse.PartitionData
  ) -> Result? {
    var data = base
    set(offsets, &data)
    guard let end = log.end(of: target.lastFetchedEpoch), target.fetchOffset >= offsets.logStartOffset else {
      data.errorCode = .offsetOutOfRange
      return Result(data: data, extents: [], log: log)
    }
    guard end.epoch < target.lastFetchedEpoch || end.endOffset < target.fetchOffset else { return nil }
    data.divergingEpoch.epoch = end.epoch
    data.divergingEpoch.endOffset = end.endOffset
    return Result(data: data, extents: [], log: log)
  }

  private func set(_ offsets: LogOffsets, _ data: inout FetchResponse.PartitionData) {
    data.highWatermark = offsets.highWatermark
    data.lastStableOffset = offsets.lastStableOffset
    data.logStartOffset = offsets.logStartOffset
  }

  private func find(_ target: FetchTarget) -> PartitionLog? {
    let topics = context.broker.topics
    let topic = context.version < 13 ? topics.topic(target.topic) : topics.topic(target.topicID)
    return topic?.partition(target.partition)
  }

  private func unknownID(_ target: FetchTarget) -> ErrorCode {
    context.broker.topics.topic(target.topicID) == nil ? .unknownTopicId : .unknownTopicOrPartition
  }

  // MARK: - Waiting

  /// Each target is read on the pool at most once; its result is kept for the answer.
  private func readBlocking(_ indices: [Int]) {
    guard blockingReads == 0 else { return }
    for index in indices {
      let target = targets[index]
      guard let log = find(target) else { continue }
      blockingReads += 1
      let maxBytes = min(target.maxBytes, totalBytesMax)
      context.broker.blockingPool.run { [self] in
        let result = log.read(
          offset: target.fetchOffset, maxBytes: maxBytes, minOneBatch: true, isolation: isolation, nonblocking: false)
        context.eventLoop.execute {
          self.blockingReads -= 1
          self.fetched[index] = result
          if self.blockingReads == 0 { self.evaluate() }
        }
      }
    }
    // A topic can go between two looks: the next one answers that it is unknown.
    if blockingReads == 0 { context.eventLoop.execute { self.evaluate() } }
  }

  /// Has cold partitions read beside this fetch; it is woken for each that comes.
  private func readCold(_ indices: [Int]) {
    for index in indices.prefix(Self.coldReadsMax) {
      let target = targets[index]
      guard let log = find(target) else { continue }
      let (maxBytes, isolation) = (min(target.maxBytes, totalBytesMax), isolation)
      context.broker.coldReads.start(
        ColdReads.Key(partition: log.identity, offset: target.fetchOffset, isolation: isolation), waiter: self
      ) {
        log.read(
          offset: target.fetchOffset, maxBytes: maxBytes, minOneBatch: true, isolation: isolation, nonblocking: false)
      }
    }
  }

  private func park(_ results: [Result]) {
    if timer == nil {
      timer = context.eventLoop.scheduleTask(deadline: deadline) { self.evaluate() }
    }
    isWoken.withLockedValue { $0 = false }
    let isFirstTime = parkedOn.isEmpty
    for result in results where result.wait == .none && fetched.isEmpty {
      guard let log = result.log else { continue }
      if isFirstTime { parkedOn.append(log) }
      log.wake(self, beyond: result.data.highWatermark)
    }
  }

  /// New bytes are visible somewhere. Any thread; many wakes before the event loop comes round are one.
  func wake() {
    let isFirst = isWoken.withLockedValue { woken in
      defer { woken = true }
      return !woken
    }
    guard isFirst else { return }
    context.eventLoop.execute { [self] in
      guard !isAnswered else { return }
      for log in parkedOn { log.forget(self) }
      evaluate()
    }
  }

  // MARK: - Answering

  private func answer(_ results: [Result]) {
    isAnswered = true
    timer?.cancel()
    for log in parkedOn { log.forget(self) }
    parkedOn.removeAll()
    var response = FetchResponse()
    var extents: [[Extent]] = []
    var served: Set<FetchKey> = []
    var positions: [FetchKey: Int] = [:]
    for (target, result) in zip(targets, results) {
      let hasRecords = result.data.records.byteCount > 0
      if hasRecords { served.insert(target.key) }
      let isMentioned = session?.mustMention(target.key, result.data) ?? true
      guard !isIncremental || isMentioned else { continue }
      let topicKey = FetchKey(topic: target.topic, topicID: target.topicID, partition: -1)
      // Extents go out in the order of the records fields: topics stay in order of their first partition, so a topic
      // that comes again after another one gets a second entry.
      if let last = response.responses.indices.last, positions[topicKey] == last {
        response.responses[last].partitions.append(result.data)
      } else {
        var topic = FetchResponse.FetchableTopicResponse()
        topic.topic = target.topic
        topic.topicId = target.topicID
        topic.partitions = [result.data]
        positions[topicKey] = response.responses.count
        response.responses.append(topic)
      }
      extents.append(result.extents)
    }
    if let session {
      response.sessionId = session.id
      session.rotate(served: served)
      context.broker.fetchSessions.finish(session)
    }
    context.respondWithRecords(response, extents: extents)
  }
}
