/// Questions about producers and leader epochs. Any thread; they do not block.
extension PartitionLog {
  /// Where `epoch` ended, see `LeaderEpochHistory.end(of:logEndOffset:)`.
  func end(of epoch: Int32) -> (epoch: Int32, endOffset: Int64)? {
    lock.withLock { guarded.epochs.end(of: epoch, logEndOffset: guarded.offsets.logEndOffset) }
  }

  /// The epoch that wrote `offset`; at the log's end the current one.
  func leaderEpoch(at offset: Int64) -> Int32? { lock.withLock { guarded.epochs.epoch(at: offset) } }

  /// What is known of idempotent producers, by producer id.
  var producers: [Int64: ProducerStates.Producer] { lock.withLock { guarded.producers.producers } }

  var largestProducerID: Int64 { producers.keys.max() ?? -1 }
}
