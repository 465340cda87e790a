import KafkaProtocol
import PluginLoader

/// Completions that a state change set free, to be run outside the lock.
struct Released: Sendable {
  var producers: [(request: AppendRequest, outcome: AppendOutcome)] = []
  var fetches: [any LogWaiter] = []

  func run() {
    for entry in producers { entry.request.complete(entry.outcome) }
    for waiter in fetches { waiter.wake() }
  }
}

extension PartitionLog {
  /// The group commit begins a flush, ended by ``leave()``: appends from now on mark the log dirty again. False when
  /// the log is closed and must be left out.
  func willFlush() -> Bool {
    lock.withLock {
      guard !guarded.isClosed else { return false }
      guarded.isDirty = false
      guarded.activeCalls += 1
      return true
    }
  }

  /// Everything below `offset` survives a crash. Moves the high watermark, never back, and returns who waited for it.
  func durable(upTo offset: Int64) -> Released {
    lock.withLock {
      var released = Released()
      guard offset > guarded.offsets.highWatermark else { return released }
      guarded.offsets.highWatermark = min(offset, guarded.offsets.logEndOffset)
      guarded.offsets.lastStableOffset = guarded.offsets.highWatermark
      while let first = guarded.awaitingDurability.first, first.endOffset <= guarded.offsets.highWatermark {
        guarded.awaitingDurability.removeFirst()
        released.producers.append((first.request, first.outcome))
      }
      swap(&released.fetches, &guarded.fetchWaiters)
      return released
    }
  }

  /// The log can never append again: a flush failed or the commit tier gave up. What waited for durability is refused,
  /// because whether those bytes survive is unknown.
  func fail(_ failure: TierFailure) {
    let released = lock.withLock { () -> Released in
      guard guarded.failure == nil else { return Released() }
      guarded.failure = failure
      var released = Released()
      for entry in guarded.awaitingDurability {
        released.producers.append(
          (entry.request, .refused(.kafkaStorageError, "\(failure)", logStartOffset: entry.outcome.logStartOffset)))
      }
      guarded.awaitingDurability.removeAll()
      swap(&released.fetches, &guarded.fetchWaiters)
      return released
    }
    environment.logger.critical(
      "A partition takes no more writes", metadata: logMetadata.merging(["error": "\(failure)"]) { $1 })
    released.run()
  }
}
