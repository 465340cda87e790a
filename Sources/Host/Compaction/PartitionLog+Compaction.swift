import Configuration
import KafkaRecords
import PluginLoader
import TierAPI

/// What compaction needs of a partition. Everything blocks and belongs to compaction's thread.
extension PartitionLog {
  private static let segmentsPerCall = 1024
  private static let bytesPerRead = 1 << 20

  /// The partition as a strategy is shown it; nil when the log is closed or its commit tier cannot rewrite.
  ///
  /// Rule: with tiers below the commit tier, only what lies above their end may be rewritten. What they hold is their
  /// own copy, which would go on to say what compaction took out.
  func compactionView(
    _ configuration: ResolvedTopicConfiguration, cleanedOffset: Int64, now: Int64, isForced: Bool
  ) throws(TierFailure) -> CompactionView? {
    guard chain.commit.tier.has(CHRONIK_TIER_REWRITE), enter() else { return nil }
    defer { leave() }
    let below = chain.partitions[(chain.commitIndex + 1)...].map(\.state).filter { $0.start_offset < $0.end_offset }
    let offsets = self.offsets
    return CompactionView(
      id: identity, settings: chronik_compaction_settings(configuration), segments: try commitSegments(),
      startOffset: offsets.logStartOffset, stableOffset: min(offsets.highWatermark, offsets.lastStableOffset),
      rewriteStartOffset: below.map(\.end_offset).max() ?? 0, cleanedOffset: cleanedOffset, now: now,
      isForced: isForced)
  }

  private func commitSegments() throws(TierFailure) -> [chronik_segment] {
    var segments: [chronik_segment] = []
    var next: Int64 = 0
    while true {
      let page = try chain.commit.segments(from: next, limit: Self.segmentsPerCall)
      segments += page
      guard page.count == Self.segmentsPerCall, let last = page.last, last.next_offset > next else { return segments }
      next = last.next_offset
    }
  }

  /// Calls `body` with every batch that the commit tier holds of the range, in order, checksums checked, until it
  /// answers false. Caches are left out: what is rewritten is what the commit tier has. Throws `.notFound` when the log
  /// is closed or the range went meanwhile.
  func forEachCommittedBatch(
    in range: Range<Int64>, _ body: (RecordBatchHeader, UnsafeRawBufferPointer) throws -> Bool
  ) throws {
    var position = max(range.lowerBound, chain.commit.state.start_offset)
    while position < range.upperBound {
      guard enter() else { throw TierFailure(.notFound, origin: "compaction", message: "the partition is closed") }
      defer { leave() }
      let reply = try chain.commit.read(
        offset: position, endOffset: range.upperBound, maxBytes: Self.bytesPerRead, minOneBatch: true,
        nonblocking: false)
      guard case .batches(let extents, _, let next, _) = reply, next > position else {
        throw TierFailure(.notFound, origin: "compaction", message: "offset \(position) is not held any more")
      }
      if extents.isEmpty { return }
      for extent in extents {
        let goesOn = try extent.withBytes { bytes in
          var cursor = RecordBatchCursor(bytes, check: .checksum)
          while let batch = try cursor.next() {
            if try !body(batch.header, batch.bytes) { return false }
          }
          return true
        }
        if !goesOn { return }
      }
      position = next
    }
  }

  /// Puts the rewritten batches in the place of a group's segments and lets the caches forget what they hold of it.
  /// False when the segments are not what the plan saw: retention or DeleteRecords was faster, and nothing happened.
  func exchange(_ group: CompactionPlan.Group, for extents: [chronik_extent]) throws(TierFailure) -> Bool {
    let result = segmentChanges.runAndWait { [self] in
      Result { () throws(TierFailure) in try exchangeAlone(group, for: extents) }
    }
    return try result.get()
  }

  private func exchangeAlone(_ group: CompactionPlan.Group, for extents: [chronik_extent]) throws(TierFailure) -> Bool {
    guard enter() else { return false }
    defer { leave() }
    let found = try chain.commit.segments(from: group.range.lowerBound, limit: group.segments.count)
    let isUnchanged = found.count == group.segments.count && zip(found, group.segments).allSatisfy { now, planned in
      now.base_offset == planned.base_offset && now.next_offset == planned.next_offset
        && now.byte_count == planned.byte_count && now.flags & CHRONIK_SEGMENT_SEALED != 0
    }
    guard isUnchanged else { return false }
    try chain.commit.replaceSegments(group.range, with: extents)
    trimCaches(below: group.range.upperBound)
    return true
  }

  /// Caches above the commit tier still have the batches as they were.
  private func trimCaches(below offset: Int64) {
    let failures = change { [chain] in
      var failures: [TierFailure] = []
      for cache in chain.caches {
        let state = cache.state
        guard state.start_offset < offset, state.start_offset < state.end_offset else { continue }
        do throws(TierFailure) { try cache.advanceStart(to: min(offset, state.end_offset)) } catch {
          failures.append(error)
        }
      }
      return failures
    }
    for failure in failures ?? [] {
      environment.logger.warning(
        "A cache goes on to serve records that compaction took out",
        metadata: logMetadata.merging(["error": "\(failure)"]) { $1 })
    }
  }

  /// The last offset of each producer that may go on where it stopped.
  var lastOffsetsOfProducers: [Int64: Int64] {
    producers.compactMapValues { $0.batches.last?.lastOffset }
  }
}

extension chronik_compaction_settings {
  init(_ configuration: ResolvedTopicConfiguration) {
    self.init(
      struct_size: UInt32(MemoryLayout<chronik_compaction_settings>.size),
      policy: (configuration.deletesOldSegments ? CHRONIK_POLICY_DELETE : 0)
        | (configuration.compacts ? CHRONIK_POLICY_COMPACT : 0),
      min_cleanable_dirty_ratio: configuration.minCleanableDirtyRatio,
      min_compaction_lag_ms: configuration.minCompactionLagMilliseconds,
      max_compaction_lag_ms: configuration.maxCompactionLagMilliseconds ?? -1,
      delete_retention_ms: configuration.deleteRetentionMilliseconds,
      retention_ms: configuration.retentionMilliseconds ?? -1, retention_bytes: configuration.retentionBytes ?? -1,
      segment_bytes: Int64(configuration.segmentBytes))
  }
}

extension ResolvedTopicConfiguration {
  /// Whether finished segments may be copied to a tier below. A compacted topic's never are, as Kafka refuses remote
  /// storage for them: a copy would keep what compaction takes out, and compaction does not reach below the commit
  /// tier.
  var mayBeOffloaded: Bool { !compacts }
}
