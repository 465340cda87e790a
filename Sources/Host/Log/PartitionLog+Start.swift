import KafkaProtocol
import Logging
import PluginLoader
import TierAPI

/// Moving the log's start up: DeleteRecords and retention.
extension PartitionLog {
  /// Makes `offset` the first of the log, durably. Truth first: the new start is on disk and readers are turned away
  /// before a tier lets go of a byte. A tier that fails then keeps bytes that nobody sees; the next move or the next
  /// start tries again.
  ///
  /// `offset` is at most the high watermark; one at or below the start changes nothing. On the maintenance thread or
  /// compaction's; blocks, also while compaction exchanges segments of this partition.
  func advanceStart(to offset: Int64) throws(DataDirectory.Failure) {
    let result = segmentChanges.runAndWait { [self] in
      Result { () throws(DataDirectory.Failure) in try advanceStartAlone(to: offset) }
    }
    try result.get()
  }

  private func advanceStartAlone(to offset: Int64) throws(DataDirectory.Failure) {
    guard enter() else { return }
    defer { leave() }
    let current = offsets
    precondition(offset <= current.highWatermark, "the start of a log stays at or below its high watermark")
    guard offset > current.logStartOffset else { return }
    try saveLogStart(offset)
    lock.withLock {
      guarded.offsets.logStartOffset = max(guarded.offsets.logStartOffset, offset)
      guarded.deliberateStart = max(guarded.deliberateStart, offset)
      guarded.epochs.truncateStart(to: offset)
    }
    trimTiers()
  }

  /// Lets every tier drop what lies below the log's start. On the maintenance thread, or while the log is being opened;
  /// blocks.
  func trimTiers() {
    let start = offsets.logStartOffset
    let upper = 0...chain.commitIndex
    noteTrimFailures(change { [chain] in chain.advanceStart(to: start, upper) } ?? [], start)
    guard upper.upperBound + 1 < chain.partitions.count else { return }
    changeLower { [self] in
      // It may have moved further while this waited.
      let start = offsets.logStartOffset
      noteTrimFailures(chain.advanceStart(to: start, (upper.upperBound + 1)...(chain.partitions.count - 1)), start)
    }
  }

  private func noteTrimFailures(_ failures: [TierFailure], _ start: Int64) {
    for failure in failures {
      environment.logger.error(
        "A tier keeps records below the start of the log; it is asked again at the next deletion or start",
        metadata: logMetadata.merging(["start": "\(start)", "error": "\(failure)"]) { $1 })
    }
  }

  /// Runs `body` while nothing else changes the tiers below the commit tier. When something does, that thread runs it
  /// later and this returns at once. Does nothing when the log is closed. Blocks; never on an event loop.
  func changeLower(_ body: @escaping @Sendable () -> Void) {
    guard enter() else { return }
    lowerGate.run { [self] in
      body()
      leave()
    }
  }

  /// Ends the active segment of the commit tier, so that retention can delete it. On the maintenance thread; blocks.
  func seal() throws(TierFailure) {
    guard enter() else { return }
    defer { leave() }
    let result = change { [chain] in Result { () throws(TierFailure) in try chain.commit.seal() } }
    try result?.get()
  }
}

extension PartitionChain {
  /// Raises the start of these tiers to `offset`, in chain order, as far as each reaches. Returns what failed. A tier
  /// that imports is told also when it begins there already: it may remember offsets below that its store has lost.
  func advanceStart(to offset: Int64, _ indices: ClosedRange<Int>) -> [TierFailure] {
    var failures: [TierFailure] = []
    for partition in partitions[indices]
    where partition.tier.has(CHRONIK_TIER_APPEND) || partition.tier.has(CHRONIK_TIER_IMPORT) {
      let state = partition.state
      let isBelow = state.start_offset < offset && state.start_offset < state.end_offset
      guard isBelow || (partition.tier.has(CHRONIK_TIER_IMPORT) && offset > 0) else { continue }
      do throws(TierFailure) {
        try partition.advanceStart(to: min(offset, state.end_offset))
      } catch {
        failures.append(error)
      }
    }
    return failures
  }
}
