import Configuration
import Logging
import PluginLoader
import TierAPI

/// Retention of one partition: `RetentionPlanner` decides, this applies it.
extension PartitionLog {
  /// Deletes what the topic's settings let go of. One log line for each deletion. On the maintenance thread; blocks.
  func applyRetention(_ configuration: ResolvedTopicConfiguration, now: Int64) {
    guard configuration.deletesOldSegments else { return }
    let planner = RetentionPlanner(
      milliseconds: configuration.retentionMilliseconds, bytes: configuration.retentionBytes)
    guard planner.milliseconds != nil || planner.bytes != nil, enter() else { return }
    defer { leave() }
    do {
      let offsets = self.offsets
      let plan = planner.plan(
        try retentionSegments(), logStartOffset: offsets.logStartOffset, highWatermark: offsets.highWatermark, now: now)
      for deletion in plan { try apply(deletion) }
    } catch {
      environment.logger.error("Retention failed", metadata: logMetadata.merging(["error": "\(error)"]) { $1 })
    }
  }

  private func apply(_ deletion: RetentionPlanner.Deletion) throws {
    if deletion.needsSeal { try seal() }
    try advanceStart(to: deletion.newStartOffset)
    environment.logger.info(
      "Retention deleted segments",
      metadata: logMetadata.merging([
        "reason": "\(deletion.reason.rawValue)", "segments": "\(deletion.segmentCount)",
        "bytes": "\(deletion.byteCount)", "start": "\(deletion.newStartOffset)",
      ]) { $1 })
  }

  /// Of the commit tier and those below it. A tier without segments has nothing that could go as a whole.
  private func retentionSegments() throws(TierFailure) -> [RetentionSegment] {
    var tiers: [[RetentionSegment]] = []
    for partition in chain.partitions[chain.commitIndex...].reversed() {
      guard partition.tier.has(CHRONIK_TIER_SEAL) || partition.tier.has(CHRONIK_TIER_IMPORT) else { continue }
      let segments = try partition.allSegments().map(RetentionSegment.init)
      tiers.append(segments)
    }
    return RetentionPlanner.merge(tiers)
  }
}

extension RetentionSegment {
  init(_ segment: chronik_segment) {
    self.init(
      baseOffset: segment.base_offset, nextOffset: segment.next_offset, byteCount: segment.byte_count,
      maxTimestamp: segment.max_timestamp, isSealed: segment.flags & CHRONIK_SEGMENT_SEALED != 0)
  }
}

extension TierPartition {
  private static let segmentsPerCall = 1024

  /// Every segment, in offset order.
  func allSegments() throws(TierFailure) -> [chronik_segment] {
    var segments: [chronik_segment] = []
    var next: Int64 = 0
    while true {
      let page = try self.segments(from: next, limit: Self.segmentsPerCall)
      segments += page
      guard page.count == Self.segmentsPerCall, let last = page.last, last.next_offset > next else { return segments }
      next = last.next_offset
    }
  }
}
