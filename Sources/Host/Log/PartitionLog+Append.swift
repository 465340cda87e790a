import KafkaProtocol
import KafkaRecords
import PluginLoader
import TierAPI

extension PartitionLog {
  /// Appends queued by other threads that one event loop takes over before it hands the rest to the blocking pool.
  private static let combinedAppendsMax = 16

  /// Appends validated records. The request is completed when its acks level is reached. Requests of one thread are
  /// appended in the order of the calls. Does not block.
  func append(_ request: AppendRequest) {
    let admission = lock.withLock { () -> Admission in
      if guarded.isClosed { return .refused }
      if guarded.isAppending {
        guarded.queue.append(request)
        return .queued
      }
      guarded.isAppending = true
      guarded.activeCalls += 1
      return .appender
    }
    switch admission {
    case .queued: break
    case .appender: runAppends(request, nonblocking: true)
    case .refused: request.complete(.refused(.notLeaderOrFollower, "The partition is closing."))
    }
  }

  private enum Admission {
    case refused
    case queued
    case appender
  }

  /// The appender: appends `first` and then what was queued meanwhile.
  private func runAppends(_ first: AppendRequest, nonblocking: Bool) {
    var current = first
    var count = 0
    while true {
      guard perform(current, nonblocking: nonblocking) else {
        // The tier would block: the same request again, where it may. The appender's role goes along.
        let request = current
        environment.blockingPool.run { self.runAppends(request, nonblocking: false) }
        return
      }
      count += 1
      let next = lock.withLock { () -> AppendRequest? in
        if let next = guarded.queue.popFirst() { return next }
        guarded.isAppending = false
        return nil
      }
      guard let next else { return leave() }
      if nonblocking, count >= Self.combinedAppendsMax {
        environment.blockingPool.run { self.runAppends(next, nonblocking: false) }
        return
      }
      current = next
    }
  }

  /// One request; false when it would block and nothing happened. The one linear path from records to outcome.
  private func perform(_ request: AppendRequest, nonblocking: Bool) -> Bool {
    let (offsets, failure) = lock.withLock { (guarded.offsets, guarded.failure) }
    if let failure {
      request.complete(.refused(.kafkaStorageError, "\(failure)", logStartOffset: offsets.logStartOffset))
      return true
    }
    switch checkProducer(request, offsets) {
    case .append: break
    case .duplicate(let baseOffset, let lastOffset, let timestamp):
      let time = validator.usesLogAppendTime ? timestamp : -1
      finish(
        request, endOffset: lastOffset + 1,
        AppendOutcome(
          code: .none, message: nil, baseOffset: baseOffset, logAppendTime: time, logStartOffset: offsets.logStartOffset))
      return true
    case .refuse(let code, let message):
      request.complete(.refused(code, message, logStartOffset: offsets.logStartOffset))
      return true
    }
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
    var baseOffset = offsets.logEndOffset
    for batch in request.batches {
      producers.record(batch.header, baseOffset: baseOffset)
      baseOffset += Int64(batch.header.lastOffsetDelta) + 1
    }
    published(
      request, endOffset: baseOffset,
      AppendOutcome(
        code: .none, message: nil, baseOffset: offsets.logEndOffset, logAppendTime: logAppendTime,
        logStartOffset: offsets.logStartOffset))
    return true
  }

  /// Sequence check of every batch of the request. Kafka clients send one batch with a producer id per partition; with
  /// several, all must be new or the first decides.
  private func checkProducer(_ request: AppendRequest, _ offsets: LogOffsets) -> ProducerStates.Verdict {
    for batch in request.batches where batch.header.hasProducerID {
      let verdict = producers.check(batch.header)
      if verdict != .append { return verdict }
    }
    return .append
  }

  /// Writes base offset and leader epoch into the bytes (and LogAppendTime where the topic wants it), nothing else.
  private func assignOffsets(_ request: AppendRequest, _ offsets: LogOffsets, logAppendTime: Int64) -> [chronik_batch] {
    var next = offsets.logEndOffset
    return request.batches.map { batch in
      let start = request.frame.base + batch.range.lowerBound
      RecordBatch.assign(baseOffset: next, leaderEpoch: offsets.leaderEpoch, in: start)
      if logAppendTime >= 0 {
        RecordBatch.setLogAppendTime(
          logAppendTime, in: UnsafeMutableRawBufferPointer(start: start, count: batch.range.count))
      }
      let end = next + Int64(batch.header.lastOffsetDelta) + 1
      defer { next = end }
      return chronik_batch(
        bytes: request.frame.slice(batch.range), base_offset: next, next_offset: end,
        max_timestamp: logAppendTime >= 0 ? logAppendTime : batch.header.maxTimestamp, leader_epoch: offsets.leaderEpoch,
        record_count: batch.header.recordCount, reserved: (0, 0))
    }
  }

  /// Makes the new end known and sees to durability.
  private func published(_ request: AppendRequest, endOffset: Int64, _ outcome: AppendOutcome) {
    guard let groupCommit = environment.groupCommit else {
      let start = chain.startOffset
      lock.withLock {
        guarded.offsets.logEndOffset = endOffset
        // A bounded volatile tier makes room by dropping its oldest batches.
        guarded.offsets.logStartOffset = max(guarded.offsets.logStartOffset, start)
      }
      durable(upTo: endOffset).run()
      finish(request, endOffset: endOffset, outcome)
      return
    }
    let becameDirty = lock.withLock { () -> Bool in
      guarded.offsets.logEndOffset = endOffset
      defer { guarded.isDirty = true }
      return !guarded.isDirty
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
      environment.logger.error("An append failed", metadata: logMetadata.merging(["error": "\(failure)"]) { $1 })
    }
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
