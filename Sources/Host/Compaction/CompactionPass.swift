import KafkaRecords
import PluginLoader
import TierAPI

/// Carries out one plan for one partition. Blocks; on compaction's thread.
///
/// Groups are exchanged in offset order, each durably before the next: a tombstone only goes when the older records of
/// its key are gone for good, whatever happens in between. A crash leaves some groups rewritten and the old checkpoint,
/// and the next run does the same work again.
struct CompactionPass {
  let log: PartitionLog
  let strategy: CompactionHandle
  let view: CompactionView
  let plan: CompactionPlan
  /// Where large groups are put together.
  let scratchDirectory: String
  /// Told about bytes that were read or written; waits as long as they must take, and throws when compaction shall end.
  let pace: (Int) throws -> Void

  struct Report: Sendable, Equatable {
    var segmentsBefore = 0
    var segmentsAfter = 0
    var bytesBefore: Int64 = 0
    var bytesAfter: Int64 = 0
    var recordsSeen: UInt64 = 0
    var recordsKept: UInt64 = 0
    /// For the checkpoint; nil when not every group could be exchanged.
    var cleanedOffset: Int64?
  }

  func run() throws -> Report {
    var report = Report()
    for group in plan.groups where group.action == .delete {
      try log.advanceStart(to: group.range.upperBound)
      report.segmentsBefore += group.segments.count
      report.bytesBefore += group.byteCount
    }
    let groups = plan.groups.filter { $0.action == .rewrite }
    guard !groups.isEmpty else { return report }
    let run = try strategy.begin(view, plan)
    let observed = try observe(run)
    var end: Int64?
    for group in groups where group.range.lowerBound < observed {
      guard try rewrite(group, run, &report) else { return report }
      end = group.range.upperBound
    }
    guard let result = run.finish(), let end else { return report }
    report.recordsSeen = result.recordsSeen
    report.recordsKept = result.recordsKept
    report.cleanedOffset = min(result.cleanedOffset, observed, end)
    return report
  }

  /// Shows the run what decides; returns how far it has seen.
  private func observe(_ run: CompactionRun) throws -> Int64 {
    var end = plan.observed.upperBound
    try log.forEachCommittedBatch(in: plan.observed) { header, bytes in
      try pace(bytes.count)
      let (seen, isFull) = try run.observe(bytes, header.baseOffset..<header.nextOffset)
      if isFull { end = seen }
      return !isFull
    }
    return end
  }

  /// False when the group's segments have changed since the plan was made.
  private func rewrite(_ group: CompactionPlan.Group, _ run: CompactionRun, _ report: inout Report) throws -> Bool {
    let output = RewriteOutput(directory: scratchDirectory)
    let producers = log.lastOffsetsOfProducers
    var isChanged = group.segments.count > 1
    var end = group.range.lowerBound
    try log.forEachCommittedBatch(in: group.range) { header, bytes in
      try pace(bytes.count)
      end = header.nextOffset
      var flags: UInt32 = header.nextOffset == group.range.upperBound ? CHRONIK_BATCH_LAST : 0
      if header.hasProducerID, producers[header.producerID] == header.lastOffset {
        flags |= CHRONIK_BATCH_PRODUCER_LAST
      }
      switch try run.rewrite(bytes, header.baseOffset..<header.nextOffset, flags: flags) {
      case .keep: try output.append(bytes)
      case .drop:
        guard flags == 0 else { throw Self.refusal("dropped the batch at \(header.baseOffset), which must be kept") }
        isChanged = true
      case .replace(let new):
        try RewrittenBatchCheck.check(new, replacing: header)
        try output.append(new)
        isChanged = true
      }
      return true
    }
    guard end == group.range.upperBound else {
      throw Self.refusal("the segments up to \(group.range.upperBound) end with a batch up to \(end)")
    }
    report.segmentsBefore += group.segments.count
    report.segmentsAfter += 1
    report.bytesBefore += group.byteCount
    report.bytesAfter += Int64(output.byteCount)
    if !isChanged { return true }
    try pace(output.byteCount)
    return try output.withExtents { extents in try log.exchange(group, for: extents) }
  }

  private static func refusal(_ reason: String) -> TierFailure {
    TierFailure(.permanent, origin: "compaction", message: reason)
  }
}
