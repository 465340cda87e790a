import SegmentFormat
import TierAPI
import TierKit

/// One open partition: a directory of segments, the last of which takes appends.
///
/// Threads. The host makes `append`, `truncate`, `advanceStart`, `evict`, `seal` and `configure` one at a time per
/// partition (the "writer" below), but for `evict`, which may run beside `append` and `seal`; reads, flushes and state
/// queries run beside all of them. What they share is `published`, whose
/// lock is only held for memory operations. Fields marked "writer only" rely on the host's order.
///
/// Errors. A failed sync or a write error other than a full disk poisons the partition: it stays readable and refuses
/// every later write, because what the page cache holds can no longer be trusted to reach the disk.
package final class PartitionLog: @unchecked Sendable {
  package let id: PartitionID
  let directory: String
  let context: TierContext
  let published: Guarded<LogState>

  /// Writer only.
  var settings: PartitionSettings
  /// Writer only. How far the active segment's indexes have come.
  var indexing: IndexingState
  /// Called to make the log start durable in the instance's checkpoint; set by the owner before the first use.
  let checkpoints: any CheckpointKeeper
  /// Set once, before anyone else knows the object.
  weak var owner: LocalSegmentsTier?
  /// The name as commit-log entries carry it.
  let topicName: [UInt8]
  /// The commit log's generation that last took an entry of this partition; guarded by the commit log's lock.
  var loggedGeneration: UInt64 = 0

  var fileSystem: any FileSystem { context.fileSystem }

  init(
    _ id: PartitionID, directory: String, state: LogState, indexing: IndexingState, settings: PartitionSettings,
    context: TierContext, checkpoints: any CheckpointKeeper
  ) {
    self.id = id
    self.directory = directory
    topicName = Array(id.topic.utf8.prefix(255))
    published = Guarded(state)
    self.indexing = indexing
    self.settings = settings
    self.context = context
    self.checkpoints = checkpoints
  }

  /// The active segment is rolled before it grows beyond this many bytes.
  var segmentByteCountMax: Int64 {
    min(max(settings.segmentBytes, Limits.segmentByteCountMin), Limits.segmentByteCountMax)
  }

  var name: String { PartitionDirectoryName.format(topic: id.topic, partition: id.partition) }

  package func configure(_ settings: PartitionSettings) { self.settings = settings }

  package var currentState: PartitionState {
    published.withLock { state in
      let tail = state.segments[state.segments.count - 1].tail
      let isTailNewest = tail.maxTimestamp > state.sealed.maxTimestamp
      return PartitionState(
        startOffset: state.startOffset, endOffset: tail.nextOffset, durableEndOffset: state.durableEnd,
        byteCount: state.sealed.byteCount + tail.byteCount, lastLeaderEpoch: state.epochs.last,
        maxTimestamp: isTailNewest ? tail.maxTimestamp : state.sealed.maxTimestamp,
        maxTimestampOffset: isTailNewest ? tail.maxTimestampBase : state.sealed.maxTimestampBase)
    }
  }

  /// Whether commit-log entries can say whose they are.
  var hasTopicID: Bool { id.topicID.contains { $0 != 0 } }

  /// Marks the partition read-only for ever, with one log line for the first reason unless that was reported for many
  /// partitions at once.
  func poison(_ reason: String, isReported: Bool = false) -> TierError {
    let isFirst = published.withLock { state in
      defer { if state.poison == nil { state.poison = reason } }
      return state.poison == nil
    }
    if isFirst, !isReported {
      context.host.log(
        .error, "Partition is read-only from now on because the disk failed.",
        [("topic", id.topic), ("partition", String(id.partition)), ("reason", reason)])
    }
    return TierError(.permanent, "\(name) is read-only: \(reason)")
  }

  /// Throws what a poisoned partition answers.
  func checkWritable() throws(TierError) {
    if let reason = published.withLock({ $0.poison }) { throw TierError(.permanent, "\(name) is read-only: \(reason)") }
  }

  /// Logs something an operator should know about this partition.
  func log(_ level: HostServices.LogLevel, _ text: String, _ fields: [(String, String)] = []) {
    context.host.log(level, text, [("topic", id.topic), ("partition", String(id.partition))] + fields)
  }
}

/// Where a partition's recovery point and start are kept across restarts.
protocol CheckpointKeeper: Sendable {
  /// Makes a start offset that no file name expresses durable. Blocks.
  func saveLogStart(_ log: PartitionLog, _ offset: Int64) throws(TierError)
  /// Makes sure no recovery point above `offset` is on disk. Blocks.
  func lowerRecoveryPoint(_ log: PartitionLog, to offset: Int64) throws(TierError)
}
