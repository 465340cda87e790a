import Configuration
import Logging
import NIOConcurrencyHelpers
import PluginLoader
import TierAPI

/// Indices of two tiers in the chain: whose finished segments are copied, and which one takes them.
struct OffloadPair: Sendable, Hashable {
  var giver: Int
  var taker: Int

  /// Each importing tier takes from the nearest tier above it that seals.
  static func pairs(in tiers: [TierHandle]) -> [OffloadPair] {
    tiers.indices.compactMap { taker in
      guard tiers[taker].has(CHRONIK_TIER_IMPORT) else { return nil }
      return tiers[..<taker].lastIndex { $0.has(CHRONIK_TIER_SEAL) }.map { OffloadPair(giver: $0, taker: taker) }
    }
  }
}

/// What offload remembers of one partition between two visits.
struct OffloadMemory: Sendable, Equatable {
  var backoff = OffloadBackoff()
  /// The giving tier's end at the last look, and since when it is there, by the broker's clock, ms.
  var lastEnd: Int64 = -1
  var quietSince: Int64 = 0

  mutating func look(end: Int64, now: Int64) {
    guard end != lastEnd else { return }
    lastEnd = end
    quietSince = now
  }
}

/// One step of offload for one partition: seals, copies one piece, evicts. Holds no thread and no timer; the service
/// calls it. Every call may block for long and is made by one thread at a time for each partition.
struct OffloadWorker: Sendable {
  enum Outcome: Sendable, Equatable {
    /// Nothing to do, or somebody else is changing the tiers below.
    case idle
    /// A piece of so many bytes was copied, verified and recorded.
    case copied(byteCount: Int64, hasMore: Bool)
    case cancelled
    case failed(TierFailure.Code)
  }

  var planner: OffloadPlanner
  var logger: Logger
  /// The time of day, ms.
  var clock: @Sendable () -> Int64
  var random: @Sendable () -> UInt64
  /// The broker stops.
  var isStopping: @Sendable () -> Bool
  /// Flushes of a tier come one at a time (`tier.h`).
  var flushLock = NIOLock()

  /// Nil for a partition that is closed or never copied.
  func view(_ log: PartitionLog, _ configuration: ResolvedTopicConfiguration, _ pair: OffloadPair) throws(TierFailure)
    -> (view: OffloadView, firstTimestamp: Int64)?
  {
    guard !configuration.compacts, log.enter() else { return nil }
    defer { log.leave() }
    let segments = try log.chain.partitions[pair.giver].allSegments()
    let offsets = log.offsets
    // Read after the offsets: what is below is never ahead of what this view allows to copy.
    let taken = log.chain.partitions[pair.taker].state
    let view = OffloadView(
      takenStart: taken.start_offset, takenEnd: taken.end_offset, logStartOffset: offsets.logStartOffset,
      stableEnd: min(offsets.highWatermark, offsets.lastStableOffset), segments: segments.map(RetentionSegment.init))
    return (view, segments.last?.min_timestamp ?? -1)
  }

  /// Whether ``visit`` would do something.
  func hasWork(
    _ view: OffloadView, firstTimestamp: Int64, _ configuration: ResolvedTopicConfiguration, _ memory: OffloadMemory
  )
    -> Bool
  {
    planner.next(view) != .nothing || evictionOffset(view, configuration) != nil
      || mustSeal(view, firstTimestamp, configuration, memory)
  }

  func visit(
    _ log: PartitionLog, _ configuration: ResolvedTopicConfiguration, _ pair: OffloadPair, _ memory: OffloadMemory,
    _ metrics: OffloadMetrics
  ) -> Outcome {
    do throws(TierFailure) {
      guard var (view, firstTimestamp) = try view(log, configuration, pair) else { return .idle }
      if mustSeal(view, firstTimestamp, configuration, memory) {
        try seal(log, pair)
        guard let sealed = try self.view(log, configuration, pair) else { return .idle }
        (view, firstTimestamp) = sealed
      }
      let outcome = try step(log, pair, view, metrics)
      try evict(log, configuration, pair, metrics)
      return outcome
    } catch {
      if error.code == .cancelled { return .cancelled }
      logger.warning(
        "A segment could not be copied to the tier below; it is tried again later",
        metadata: log.logMetadata.merging([
          "error": "\(error)", "failures": "\(memory.backoff.failureCount + 1)",
        ]) { $1 })
      return .failed(error.code)
    }
  }

  // MARK: - Sealing

  private func mustSeal(
    _ view: OffloadView, _ firstTimestamp: Int64, _ configuration: ResolvedTopicConfiguration, _ memory: OffloadMemory
  ) -> Bool {
    let now = clock()
    return planner.mustSeal(
      view, firstTimestamp: firstTimestamp, quietMilliseconds: now - memory.quietSince,
      segmentMilliseconds: configuration.segmentMilliseconds, now: now)
  }

  private func seal(_ log: PartitionLog, _ pair: OffloadPair) throws(TierFailure) {
    guard log.enter() else { return }
    defer { log.leave() }
    let giver = log.chain.partitions[pair.giver]
    try log.change { Result { () throws(TierFailure) in try giver.seal() } }?.get()
  }

  // MARK: - Copying

  private func step(
    _ log: PartitionLog, _ pair: OffloadPair, _ view: OffloadView, _ metrics: OffloadMetrics
  ) throws(TierFailure) -> Outcome {
    switch planner.next(view) {
    case .nothing: return .idle
    case .trim:
      log.segmentChanges.run { log.trimTiers() }
      return .idle
    case .hole(let from, let to):
      throw TierFailure(
        .corrupt, origin: "offload",
        message: "no tier holds the offsets [\(from), \(to)), so what follows cannot be copied")
    case .copy(let from, let to, let byteCount):
      let copied = log.lowerGate.runIfFree {
        Result { () throws(TierFailure) in
          try copy(log, pair, from, to, byteCount, continues: !view.isEmptyBelow, metrics)
        }
      }
      guard let unit = try copied?.get() else { return .idle }
      if view.isEmptyBelow, unit.base < view.logStartOffset { log.segmentChanges.run { log.trimTiers() } }
      return .copied(byteCount: unit.byteCount, hasMore: unit.next < to)
    }
  }

  /// Nil when there is nothing to copy after all. In the gate of the tiers below.
  private func copy(
    _ log: PartitionLog, _ pair: OffloadPair, _ from: Int64, _ to: Int64, _ byteCount: Int64, continues: Bool,
    _ metrics: OffloadMetrics
  ) throws(TierFailure) -> (base: Int64, next: Int64, byteCount: Int64)? {
    guard log.enter() else { throw TierFailure(.cancelled, origin: "offload", message: "the partition was closed") }
    defer { log.leave() }
    let taker = log.chain.partitions[pair.taker]
    // The gate may have been busy between the look and now.
    guard (taker.state.start_offset < taker.state.end_offset) == continues,
      !continues || taker.state.end_offset == from
    else { return nil }
    let begun = TierHost.monotonicNow
    let giver = log.chain.partitions[pair.giver]
    guard let unit = try OffloadUnit.read(from: giver, from, to: to, byteCount: byteCount, continues: continues)
    else { return nil }
    try makeDurable(giver, upTo: unit.segment.next_offset, log)
    try taker.importSegment(unit.segment, unit.extents, attempt: attempt()) {
      isStopping() || log.isClosed
    }
    guard taker.state.end_offset == unit.segment.next_offset else {
      throw TierFailure(
        .permanent, origin: "\(taker.tier.name).import_segment",
        message: "answered OK for a segment up to \(unit.segment.next_offset) and ends at \(taker.state.end_offset)")
    }
    metrics.copies.increment()
    metrics.copiedBytes.increment(by: unit.byteCount)
    metrics.copySeconds.record(Double(TierHost.monotonicNow - begun) / 1e9)
    return (unit.segment.base_offset, unit.segment.next_offset, unit.byteCount)
  }

  /// A copy must not outlive its original: with durability left to the operating system, a power cut could take back
  /// what is archived already, and its offsets would be given to other records. Otherwise the high watermark says it.
  private func makeDurable(_ giver: TierPartition, upTo offset: Int64, _ log: PartitionLog) throws(TierFailure) {
    guard log.environment.groupCommit == nil, giver.tier.has(CHRONIK_TIER_DURABLE),
      giver.state.durable_end_offset < offset
    else { return }
    let end = try flushLock.withLock { giver.tier.flush([giver]) }.first?.get() ?? -1
    guard end >= offset else {
      throw TierFailure(.retriable, origin: "\(giver.tier.name).flush", message: "\(end) of \(offset) is durable")
    }
  }

  /// 16 bytes that no other attempt has.
  private func attempt() -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<2 { withUnsafeBytes(of: random().bigEndian) { bytes += $0 } }
    return bytes
  }

  // MARK: - Evicting

  private func evictionOffset(_ view: OffloadView, _ configuration: ResolvedTopicConfiguration) -> Int64? {
    planner.evictionOffset(
      view, localMilliseconds: configuration.localRetentionMilliseconds,
      localBytes: configuration.localRetentionBytes, now: clock())
  }

  private func evict(
    _ log: PartitionLog, _ configuration: ResolvedTopicConfiguration, _ pair: OffloadPair, _ metrics: OffloadMetrics
  ) throws(TierFailure) {
    guard let (view, _) = try view(log, configuration, pair), let offset = evictionOffset(view, configuration),
      log.enter()
    else { return }
    defer { log.leave() }
    let (giver, taker) = (log.chain.partitions[pair.giver], log.chain.partitions[pair.taker])
    let taken = try taker.allSegments().map(RetentionSegment.init)
    if let missing = planner.firstUncovered(view, below: offset, by: taken) {
      logger.error(
        "Copied segments stay in the upper tier, because the tier below has lost a part of them",
        metadata: log.logMetadata.merging(["tier": "\(taker.tier.name)", "first_missing": "\(missing)"]) { $1 })
      return
    }
    // Not in the queue of appends: removing files takes as long as the file system likes. Whoever is changing segments
    // now goes first; the next look evicts.
    let result = log.segmentChanges.runIfFree {
      Result { () throws(TierFailure) in
        // Asked again where nothing else changes segments.
        let held = taker.state
        guard held.start_offset < held.end_offset, offset <= held.end_offset else { return false }
        try giver.evict(before: offset)
        return true
      }
    }
    guard try result?.get() == true else { return }
    let bytes = view.segments.prefix { $0.nextOffset <= offset }.reduce(0) { $0 + $1.byteCount }
    metrics.evictedBytes.increment(by: bytes)
    logger.info(
      "Copied segments were removed from the upper tier",
      metadata: log.logMetadata.merging([
        "tier": "\(giver.tier.name)", "kept_in": "\(taker.tier.name)", "bytes": "\(bytes)", "from": "\(offset)",
      ]) { $1 })
  }
}
