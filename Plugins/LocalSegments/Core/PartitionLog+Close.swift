import SegmentFormat
import TierKit

/// What an instance's checkpoint says about one partition.
struct PartitionCheckpoint: Sendable, Equatable {
  /// Everything below is on disk, indexes of finished segments included.
  var recoveryPoint: Int64
  /// Set when no file name says where the log starts.
  var logStart: Int64?
  /// Where the recovery point lies in its segment, when that is known.
  var tail: RecoveryTail?
  /// The count of releases when it was prepared.
  var releases = 0
}

/// What a checkpoint of one partition will say, seen in one moment.
struct PendingCheckpoint: Sendable {
  let filedEnd: Int64
  let filedTail: RecoveryTail?
  let releases: Int
  /// Segments whose indexes the recovery point relies on and that are not durable yet.
  let sealed: [SegmentEntry]
  let epochs: LeaderEpochs
}

extension PartitionLog {
  /// Begins a checkpoint; ``Settlement`` makes durable what it names. Does not block.
  func beginCheckpoint() -> PendingCheckpoint {
    published.withLock { state in
      PendingCheckpoint(
        filedEnd: state.filedEnd, filedTail: state.filedTail, releases: state.releases,
        sealed: state.segments.dropLast().filter { !$0.areIndexesDurable && $0.tail.nextOffset <= state.filedEnd },
        epochs: state.epochs)
    }
  }

  /// Syncs the indexes of sealed segments. Throws ENOSPC where they could not be completed, for which a full disk is
  /// the reason that passes. Blocks; beside everything else.
  func syncSealedIndexes(_ pending: PendingCheckpoint) throws(Errno) {
    for entry in pending.sealed {
      if entry.segment.areIndexesIncomplete.load(ordering: .acquiring) { throw .noSpace }
      for slot in [entry.segment.index.slot, entry.segment.timeIndex.slot] { try syncIfThere(slot) }
    }
  }

  /// Ends a checkpoint when everything it names is durable. A failure before leaves the old one in force.
  func endCheckpoint(_ pending: PendingCheckpoint) -> PartitionCheckpoint {
    published.withLock { state in
      for entry in pending.sealed {
        if let index = state.segments.firstIndex(where: { $0.segment === entry.segment }) {
          state.segments[index].areIndexesDurable = true
        }
      }
      if state.epochs.entries == pending.epochs.entries { state.epochs.isChanged = false }
      let recoveryPoint = min(pending.filedEnd, state.filedEnd)
      return PartitionCheckpoint(
        recoveryPoint: recoveryPoint, logStart: state.recordedLogStart,
        tail: pending.filedTail.flatMap { $0.recoveryPoint == recoveryPoint ? $0 : nil }, releases: pending.releases)
    }
  }

  /// A segment that was deleted or replaced meanwhile has nothing left to make durable.
  func syncIfThere(_ slot: FileSlot) throws(Errno) {
    do throws(Errno) {
      let file = try slot.file()
      try fileSystem.syncData(file.descriptor)
    } catch {
      if error != .notFound { throw error }
    }
  }

  /// The first half of closing: everything is durable, in the files or in the commit log, and the indexes are complete
  /// without being synced. The rest is ``Settlement``'s. False when the partition is poisoned or its indexes are not
  /// complete, so that the next start must trust nothing new. Blocks.
  func finish() -> Bool {
    let isDurable = published.withLock { state in
      state.poison == nil && state.durableEnd == state.endOffset && state.failedAppends == state.settledAppends
    }
    if !isDurable { guard case .success = flush() else { return false } }
    return finishIndexes(published.withLock { $0.segments[$0.segments.count - 1] }, syncing: false)
  }

  /// Closes the descriptors that nobody else holds.
  func letGoOfFiles() {
    let segments = published.withLock { $0.segments.map(\.segment) }
    for segment in segments {
      segment.log.letGo()
      segment.index.slot.letGo()
      segment.timeIndex.slot.letGo()
    }
  }
}

extension LogState {
  var recordedLogStart: Int64? {
    hasLeftovers || startOffset > segments[0].segment.baseOffset ? startOffset : nil
  }
}
