import KafkaProtocol
import KafkaRecords
import Logging
import NIOConcurrencyHelpers
import PluginLoader
import TierAPI

extension PartitionLog {
  /// Appends queued by other threads that one event loop takes over before it hands the rest to the blocking pool.
  private static let combinedAppendsMax = 16

  /// Appends validated records. The request is completed when its acks level is reached. Requests of one thread are
  /// appended in the order of the calls. Does not block.
  func append(_ request: AppendRequest) { submit(.append(request), nonblocking: true) }

  /// Runs `body` while nothing else changes the tiers (`tier.h`, concurrency), and returns what it returns; nil when
  /// the log is closed. Blocks; never on an event loop or a thread of the blocking pool, which may have to run it.
  func change<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result? {
    let result = NIOLockedValueBox<Result?>(nil)
    let done = ConditionLock(value: 0)
    let finish: @Sendable () -> Void = {
      done.lock()
      done.unlock(withValue: 1)
    }
    let change = TierChange(
      run: {
        let value = body()
        result.withLockedValue { $0 = value }
        finish()
      }, refuse: finish)
    submit(.change(change), nonblocking: false)
    done.lock(whenValue: 1)
    done.unlock()
    return result.withLockedValue { $0 }
  }

  private func submit(_ work: LogWork, nonblocking: Bool) {
    let admission = lock.withLock { () -> Admission in
      if guarded.isClosed { return .refused }
      if guarded.isAppending {
        guarded.queue.append(work)
        return .queued
      }
      guarded.isAppending = true
      guarded.activeCalls += 1
      return .appender
    }
    switch admission {
    case .queued: break
    case .appender: runAppends(work, nonblocking: nonblocking, countMax: Self.combinedAppendsMax)
    case .refused: work.refuse()
    }
  }

  private enum Admission {
    case refused
    case queued
    case appender
  }

  /// The appender: does `first` and then what was queued meanwhile; after `countMax` the rest goes to the blocking
  /// pool.
  private func runAppends(_ first: LogWork, nonblocking: Bool, countMax: Int = .max) {
    var current = first
    var count = 0
    while true {
      guard perform(current, nonblocking: nonblocking) else {
        // It would block: the same work again, where it may. The appender's role goes along.
        let work = current
        environment.blockingPool.run { self.runAppends(work, nonblocking: false) }
        return
      }
      count += 1
      let next = lock.withLock { () -> LogWork? in
        if let next = guarded.queue.popFirst() { return next }
        guarded.isAppending = false
        return nil
      }
      guard let next else { return leave() }
      if count >= countMax {
        environment.blockingPool.run { self.runAppends(next, nonblocking: false) }
        return
      }
      current = next
    }
  }

  /// False when it would block and nothing happened.
  private func perform(_ work: LogWork, nonblocking: Bool) -> Bool {
    switch work {
    case .append(let request): return perform(request, nonblocking: nonblocking)
    case .change(let change):
      if nonblocking { return false }
      change.run()
      return true
    }
  }

  /// One request; false when it would block and nothing happened. The one linear path from records to outcome.
  private func perform(_ request: AppendRequest, nonblocking: Bool) -> Bool {
    let (offsets, failure, verdict) = lock.withLock {
      (guarded.offsets, guarded.failure, guarded.producers.check(request.batches))
    }
    if let failure {
      request.complete(.refused(.kafkaStorageError, "\(failure)", logStartOffset: offsets.logStartOffset))
      return true
    }
    switch verdict {
    case .append: break
    case .duplicate(let baseOffset, let lastOffset, let timestamp):
      let time = validator.usesLogAppendTime ? timestamp : -1
      finish(
        request, endOffset: lastOffset + 1,
        AppendOutcome(
          code: .none, message: nil, baseOffset: baseOffset, logAppendTime: time, logStartOffset: offsets.logStartOffset
        ))
      return true
    case .refuse(let code, let message):
      request.complete(.refused(code, message, logStartOffset: offsets.logStartOffset))
      return true
    }
    if let codec = request.codec {
      if nonblocking { return false }
      do throws(AppendRefusal) {
        try request.recompress(codec, batchByteCountMax: validator.batchByteCountMax)
      } catch {
        request.complete(.refused(error.code, error.message, logStartOffset: offsets.logStartOffset))
        return true
      }
    }
    return commit(request, offsets, nonblocking: nonblocking)
  }

  private func commit(_ request: AppendRequest, _ offsets: LogOffsets, nonblocking: Bool) -> Bool {
    let logAppendTime = validator.usesLogAppendTime ? environment.clock() : -1
    let prepared = assignOffsets(request, offsets, logAppendTime: logAppendTime)
    do throws(TierFailure) {
      let done = try prepared.withUnsafeBufferPointerThrowing { (batches) throws(TierFailure) in
        try chain.append(batches, nonblocking: nonblocking, logger: environment.logger)
      }
      guard done else { return false }
    } catch {
      noteFailure(error)
      request.complete(.refused(Self.code(for: error), "\(error)", logStartOffset: offsets.logStartOffset))
      return true
    }
    published(
      request, logAppendTime: logAppendTime,
      AppendOutcome(
        code: .none, message: nil, baseOffset: offsets.logEndOffset, logAppendTime: logAppendTime,
        logStartOffset: offsets.logStartOffset))
    return true
  }

  /// Writes base offset and leader epoch into the bytes (and timestamps where the topic or a careless producer wants
  /// it), nothing else.
  private func assignOffsets(_ request: AppendRequest, _ offsets: LogOffsets, logAppendTime: Int64) -> [chronik_batch] {
    var next = offsets.logEndOffset
    return request.batches.map { batch in
      let start = request.frame.base + batch.range.lowerBound
      RecordBatch.assign(baseOffset: next, leaderEpoch: offsets.leaderEpoch, in: start)
      if logAppendTime >= 0 {
        RecordBatch.setLogAppendTime(
          logAppendTime, in: UnsafeMutableRawBufferPointer(start: start, count: batch.range.count))
      } else if batch.repairsMaxTimestamp {
        RecordBatch.setMaxTimestamp(
          batch.header.maxTimestamp, in: UnsafeMutableRawBufferPointer(start: start, count: batch.range.count))
      }
      let end = next + Int64(batch.header.lastOffsetDelta) + 1
      defer { next = end }
      return chronik_batch(
        bytes: request.frame.slice(batch.range), base_offset: next, next_offset: end,
        max_timestamp: logAppendTime >= 0 ? logAppendTime : batch.header.maxTimestamp,
        leader_epoch: offsets.leaderEpoch,
        record_count: batch.header.recordCount, reserved: (0, 0))
    }
  }

  /// Makes the new end and the producers' new sequences known, and sees to durability.
  private func published(_ request: AppendRequest, logAppendTime: Int64, _ outcome: AppendOutcome) {
    let now = request.hasProducer ? environment.clock() : 0
    // A bounded volatile tier makes room by dropping its oldest batches. What a durable chain shows less is missing,
    // not deleted.
    let start = chain.commit.tier.has(CHRONIK_TIER_DURABLE) ? 0 : chain.startOffset
    let (endOffset, becameDirty) = lock.withLock { () -> (Int64, Bool) in
      var end = outcome.baseOffset
      for batch in request.batches {
        if batch.header.hasProducerID {
          var header = batch.header
          if logAppendTime >= 0 { header.maxTimestamp = logAppendTime }
          guarded.producers.record(header, baseOffset: end, now: now)
        }
        end += Int64(batch.header.lastOffsetDelta) + 1
        guarded.unsavedByteCount += batch.range.count
      }
      guarded.offsets.logEndOffset = end
      guarded.offsets.logStartOffset = max(guarded.offsets.logStartOffset, start)
      defer { guarded.isDirty = true }
      return (end, !guarded.isDirty)
    }
    guard let groupCommit = environment.groupCommit else {
      durable(upTo: endOffset).run()
      return finish(request, endOffset: endOffset, outcome)
    }
    finish(request, endOffset: endOffset, outcome)
    if becameDirty { groupCommit.add(self) }
  }

  /// Completes now or when `endOffset` is durable, as the request's acks say.
  private func finish(_ request: AppendRequest, endOffset: Int64, _ outcome: AppendOutcome) {
    if request.acks == .all {
      let parked = lock.withLock { () -> Bool in
        guard guarded.offsets.highWatermark < endOffset, guarded.failure == nil, !guarded.isClosed else { return false }
        guarded.awaitingDurability.append((endOffset, request, outcome))
        return true
      }
      if parked { return }
      if let failure = lock.withLock({ guarded.failure }) {
        return request.complete(.refused(.kafkaStorageError, "\(failure)", logStartOffset: outcome.logStartOffset))
      }
    }
    request.complete(outcome)
  }

  /// A failed append that will go on failing makes the log read-only; NO_SPACE and retriable ones do not.
  private func noteFailure(_ failure: TierFailure) {
    switch failure.code {
    case .permanent, .corrupt, .fenced: fail(failure)
    case .retriable, .throttled, .notFound, .noSpace, .cancelled, .invalidConfiguration:
      report("An append failed", \.appendFailures, ["error": "\(failure)"])
    }
  }

  /// Logs a failure that every further request may meet, now and then.
  func report(
    _ message: Logger.Message, _ reports: WritableKeyPath<Guarded, FailureReports>, _ metadata: Logger.Metadata
  ) {
    let now = environment.clock()
    guard let quiet = lock.withLock({ guarded[keyPath: reports].admit(at: now) }) else { return }
    let more: Logger.Metadata = quiet > 0 ? ["not_logged": "\(quiet)"] : [:]
    environment.logger.error(message, metadata: logMetadata.merging(metadata) { $1 }.merging(more) { $1 })
  }

  static func code(for failure: TierFailure) -> ErrorCode {
    switch failure.code {
    case .fenced: .notLeaderOrFollower
    case .retriable, .throttled, .cancelled, .noSpace, .permanent, .corrupt, .notFound, .invalidConfiguration:
      .kafkaStorageError
    }
  }
}

extension Array {
  /// `withUnsafeBufferPointer` for closures with a typed error.
  fileprivate func withUnsafeBufferPointerThrowing<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer(body)
  }
}
