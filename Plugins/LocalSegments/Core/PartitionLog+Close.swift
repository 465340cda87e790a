import SegmentFormat
import TierKit

/// What an instance's checkpoint says about one partition.
struct PartitionCheckpoint: Sendable, Equatable {
  /// Everything below is on disk, indexes of finished segments included.
  var recoveryPoint: Int64
  /// Set when no file name says where the log starts.
  var logStart: Int64?
}

extension PartitionLog {
  /// Makes durable what a recovery point must be able to rely on (indexes of sealed segments, leader epochs) and returns
  /// the recovery point. Blocks; beside everything else. A failure leaves the old checkpoint in force.
  func prepareCheckpoint() throws(TierError) -> PartitionCheckpoint {
    let (filedEnd, sealed, epochs) = published.withLock { state in
      (
        state.filedEnd,
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
      return PartitionCheckpoint(
        recoveryPoint: min(filedEnd, state.filedEnd), logStart: state.recordedLogStart)
    }
  }

  /// A segment that was deleted or replaced meanwhile has nothing left to make durable.
  private func syncIfThere(_ slot: FileSlot) throws(Errno) {
    do throws(Errno) {
      let file = try slot.file()
      try fileSystem.syncData(file.descriptor)
    } catch {
      if error != .notFound { throw error }
    }
  }

  /// Flushes, completes the indexes and returns what the next start may trust; nil when the partition is poisoned, so
  /// that the next start trusts nothing new.
  func finish() -> PartitionCheckpoint? {
    guard case .success = flush() else { return nil }
    let entry = published.withLock { $0.segments[$0.segments.count - 1] }
    finishIndexes(entry, syncing: true)
    do throws(TierError) {
      let checkpoint = try prepareCheckpoint()
      letGoOfFiles()
      return checkpoint
    } catch {
      log(.warning, "A partition could not be closed cleanly.", [("error", error.message)])
      return nil
    }
  }

  /// Closes the descriptors that nobody else holds.
  private func letGoOfFiles() {
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
