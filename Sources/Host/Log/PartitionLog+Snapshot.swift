import KafkaProtocol
import KafkaRecords
import Logging
import PluginLoader

/// Producers and leader epochs over restarts: a snapshot, and the batch headers behind it.
///
/// Snapshots are written by the maintenance thread while the log is open, and by whoever closes it afterwards; one
/// thread at a time. A snapshot is only written when the log below its offset is durable, so that a log never opens
/// with a memory of batches that a crash took back. (With durability left to the operating system that can happen; such
/// a snapshot reaches beyond the log's end and is not used.)
extension PartitionLog {
  /// Bytes behind the last snapshot that are worth a new one when time has passed; reading them takes about a
  /// millisecond.
  static let snapshotByteCountMin = 1 << 20
  /// Bytes behind the last snapshot that ask for a new one at once. They bound the time to open a partition.
  static let snapshotByteCountDue = 16 << 20
  /// How old a snapshot may become while there is something new, ms.
  static let snapshotAgeMax: Int64 = 60_000

  /// Rebuilds producers and leader epochs and begins this start's epoch at the end of the log. Once, after `init` and
  /// before the log is used. Blocks while it reads what lies behind the snapshot.
  func restore(_ snapshot: PartitionSnapshot?) {
    let now = environment.clock()
    let end = offsets.logEndOffset
    var start = offsets.logStartOffset
    let deliberate = snapshot?.logStartOffset ?? (end == 0 ? 0 : -1)
    var epochs = snapshot?.epochs ?? LeaderEpochHistory()
    var producers = ProducerStates()
    if snapshot != nil {
      // A tier below that came up without its data must not raise the start: reads answer an error until it is back,
      // and nothing is deleted on its word.
      start = chain.hasImporter && deliberate >= 0 ? min(deliberate, end) : max(start, min(deliberate, end))
      epochs.truncateEnd(to: end)
    }
    var position = start
    if let snapshot, snapshot.offset <= end {
      producers = ProducerStates(snapshot.producers)
      position = max(start, snapshot.offset)
    }
    // What left the commit tier is old: producers that wrote nothing since are treated as unknown, and a start never
    // reads an archive.
    position = max(position, chain.commit.state.start_offset)
    var byteCount = 0
    do {
      try scan(from: position, to: end) { header, _ in
        epochs.assign(header.partitionLeaderEpoch, at: header.baseOffset)
        producers.record(header, baseOffset: header.baseOffset, now: now)
        byteCount += header.byteCount
        return true
      }
    } catch {
      environment.logger.error(
        "Producers and epochs could not be rebuilt completely",
        metadata: logMetadata.merging(["error": "\(error)"]) { $1 })
    }
    producers.expire(before: now - environment.producerIDExpiration())
    lock.withLock {
      let known = max(epochs.latestEpoch ?? -1, chain.commit.state.last_leader_epoch)
      let epoch = max(environment.leaderEpoch, known + 1)
      epochs.assign(epoch, at: end)
      epochs.truncateStart(to: start)
      guarded.offsets.logStartOffset = start
      guarded.deliberateStart = deliberate
      guarded.offsets.leaderEpoch = epoch
      guarded.producers = producers
      guarded.epochs = epochs
      guarded.unsavedByteCount = byteCount
    }
    keeper.saved = snapshot
    keeper.savedAt = now
    // One that reaches beyond the log's end must not be taken for a good one when the log has grown over its offset.
    if let snapshot, snapshot.offset > end, environment.snapshots != nil { save(takeSnapshot()) }
    // A deletion that a crash interrupted.
    if chain.startOffset < start || (chain.hasImporter && deliberate > 0) { trimTiers() }
  }

  /// Writes a snapshot when enough has happened since the last one. On the maintenance thread; blocks.
  func saveSnapshotIfDue(now: Int64) {
    guard environment.snapshots != nil, enter() else { return }
    defer { leave() }
    if keeper.candidate == nil {
      let isOld = now - keeper.savedAt >= Self.snapshotAgeMax
      let byteCount = lock.withLock { guarded.unsavedByteCount }
      guard byteCount >= Self.snapshotByteCountDue || (isOld && byteCount >= Self.snapshotByteCountMin) else { return }
      keeper.candidate = takeSnapshot()
    }
    guard let candidate = keeper.candidate, offsets.highWatermark >= candidate.offset else { return }
    keeper.candidate = nil
    keeper.savedAt = now
    save(candidate)
  }

  /// The last snapshots of all of them, after the tiers were closed: everything appended is durable. Blocks.
  static func saveSnapshotsAtClose(_ logs: [PartitionLog]) {
    guard let environment = logs.first?.environment, let store = environment.snapshots else { return }
    let changed = logs.filter { log in
      log.lock.withLock { log.guarded.unsavedByteCount > 0 && log.guarded.failure == nil }
    }
    let failures = store.save(changed.map { log in (log.withSavedStart(log.takeSnapshot()), log.identity) })
    for (index, failure) in failures { changed[index].noteUnsaved(failure) }
  }

  /// Forgets producers that were silent for too long. Any thread.
  func expireProducers(now: Int64) {
    lock.withLock { guarded.producers.expire(before: now - environment.producerIDExpiration()) }
  }

  /// Makes a new log start durable before anything is deleted. Uses the newest state that may be written. On the
  /// maintenance thread; blocks.
  func saveLogStart(_ offset: Int64) throws(DataDirectory.Failure) {
    guard let store = environment.snapshots else { return }
    let empty = PartitionSnapshot(offset: offset, logStartOffset: offset, epochs: .init(), producers: [:])
    let isDurable = lock.withLock { guarded.offsets.highWatermark == guarded.offsets.logEndOffset }
    var snapshot = isDurable ? takeSnapshot() : keeper.saved ?? empty
    if offsets.highWatermark < snapshot.offset { snapshot = keeper.saved ?? empty }
    snapshot.logStartOffset = max(snapshot.logStartOffset, offset)
    snapshot.epochs.truncateStart(to: offset)
    try store.save(snapshot, identity)
    keeper.saved = snapshot
  }

  /// A copy of the state now; what is appended from here on counts as unsaved.
  private func takeSnapshot() -> PartitionSnapshot {
    lock.withLock {
      guarded.unsavedByteCount = 0
      return PartitionSnapshot(
        offset: guarded.offsets.logEndOffset, logStartOffset: guarded.deliberateStart, epochs: guarded.epochs,
        producers: guarded.producers.producers)
    }
  }

  private func save(_ snapshot: PartitionSnapshot) {
    let snapshot = withSavedStart(snapshot)
    do {
      try environment.snapshots?.save(snapshot, identity)
      keeper.saved = snapshot
    } catch {
      noteUnsaved(error)
    }
  }

  /// A start that was promised never moves back.
  private func withSavedStart(_ snapshot: PartitionSnapshot) -> PartitionSnapshot {
    var snapshot = snapshot
    snapshot.logStartOffset = max(snapshot.logStartOffset, keeper.saved?.logStartOffset ?? -1)
    return snapshot
  }

  private func noteUnsaved(_ failure: any Error) {
    lock.withLock { guarded.unsavedByteCount += Self.snapshotByteCountMin }
    environment.logger.warning(
      "A partition's snapshot could not be written; the next start reads more of the log",
      metadata: logMetadata.merging(["error": "\(failure)"]) { $1 })
  }
}

/// What the thread that writes a log's snapshots remembers between two of them.
struct SnapshotKeeper: Sendable {
  /// As it is on disk.
  var saved: PartitionSnapshot?
  /// Waits for its offset to become durable.
  var candidate: PartitionSnapshot?
  /// By the broker's clock, ms.
  var savedAt: Int64 = 0
}
