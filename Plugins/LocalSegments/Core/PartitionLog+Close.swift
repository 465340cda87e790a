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

extension PartitionLog {
  /// Makes durable what a recovery point must be able to rely on (indexes of sealed segments, leader epochs) and returns
  /// the recovery point. Blocks; beside everything else. A failure leaves the old checkpoint in force.
  func prepareCheckpoint() throws(TierError) -> PartitionCheckpoint {
    let (filedEnd, filedTail, releases, sealed, epochs) = published.withLock { state in
      (
        state.filedEnd, state.filedTail, state.releases,
        state.segments.dropLast().filter { !$0.areIndexesDurable && $0.tail.nextOffset <= state.filedEnd },
        state.epochs
      )
    }
    do throws(Errno) {
      for entry in sealed {
        for slot in [entry.segment.index.slot, entry.segment.timeIndex.slot] { try syncIfThere(slot) }
      }
      if epochs.isChanged {
        try fileSystem.replaceSmallFile(
          "\(directory)/\(PartitionFiles.epochs)", in: directory, with: LeaderEpochCheckpoint.format(epochs.entries))
      }
    } catch {
      throw TierError(error, "checkpoint", directory)
    }
    return published.withLock { state in
      for entry in sealed {
        if let index = state.segments.firstIndex(where: { $0.segment === entry.segment }) {
          state.segments[index].areIndexesDurable = true
        }
      }
      if state.epochs.entries == epochs.entries { state.epochs.isChanged = false }
      let recoveryPoint = min(filedEnd, state.filedEnd)
      return PartitionCheckpoint(
        recoveryPoint: recoveryPoint, logStart: state.recordedLogStart,
        tail: filedTail.flatMap { $0.recoveryPoint == recoveryPoint ? $0 : nil }, releases: releases)
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
  /// without being synced. The rest is ``Settlement``'s. False when the partition is poisoned, so that the next start must
  /// trust nothing new. Blocks.
  func finish() -> Bool {
    let isDurable = published.withLock { state in
      state.poison == nil && state.durableEnd == state.endOffset && state.failedAppends == state.settledAppends
    }
    if !isDurable { guard case .success = flush() else { return false } }
    finishIndexes(published.withLock { $0.segments[$0.segments.count - 1] }, syncing: false)
    return true
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
