import NIOConcurrencyHelpers
import TierAPI
import TierKit

@testable import PluginLoader

/// A durable tier in memory with segments of a fixed number of batches, and one that imports them. Both go through the
/// real C vtable.
final class SegmentedTier: Tier {
  let batchesPerSegment: Int
  let log: NIOLockedValueBox<Contents>

  struct Batch: Sendable, Equatable {
    var base: Int64
    var next: Int64
    var bytes: [UInt8]
    var timestamp: Int64
  }

  struct Contents: Sendable {
    var start: Int64 = 0
    var end: Int64 = 0
    var durableEnd: Int64 = 0
    /// Sealed ones and, last, the active one.
    var segments: [[Batch]] = [[]]
    var flushCount = 0
    /// Reads fail with this while set.
    var readError: TierError?
  }

  init(batchesPerSegment: Int) {
    self.batchesPerSegment = batchesPerSegment
    log = NIOLockedValueBox(Contents())
  }

  func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierKit.TierPartition { SegmentedPartition(self) }

  func flush(_ partitions: [any TierKit.TierPartition]) -> [Result<Int64, TierError>] {
    log.withLockedValue { log in
      log.flushCount += 1
      log.durableEnd = log.end
      return partitions.map { _ in .success(log.end) }
    }
  }
}

private final class SegmentedPartition: TierKit.TierPartition {
  let tier: SegmentedTier
  init(_ tier: SegmentedTier) { self.tier = tier }

  var state: PartitionState {
    tier.log.withLockedValue {
      PartitionState(startOffset: $0.start, endOffset: $0.end, durableEndOffset: $0.durableEnd, byteCount: 0)
    }
  }

  func append(_ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool) throws(TierError) -> ReadOutcome {
    for batch in batches {
      let bytes = Array(UnsafeBufferPointer(start: batch.bytes.ptr, count: batch.bytes.len))
      tier.log.withLockedValue { log in
        if log.segments[log.segments.count - 1].count == tier.batchesPerSegment { log.segments.append([]) }
        log.segments[log.segments.count - 1].append(
          .init(base: batch.base_offset, next: batch.next_offset, bytes: bytes, timestamp: batch.max_timestamp))
        log.end = batch.next_offset
      }
    }
    return .ok
  }

  func truncate(to offset: Int64) throws(TierError) {}

  func advanceStart(to offset: Int64) throws(TierError) {
    try evict(before: offset)
    tier.log.withLockedValue { $0.start = max($0.start, offset) }
  }

  func evict(before offset: Int64) throws(TierError) {
    tier.log.withLockedValue { log in
      while log.segments.count > 1, let last = log.segments[0].last, last.next <= offset {
        log.segments.removeFirst()
        log.start = max(log.start, last.next)
      }
    }
  }

  func seal() throws(TierError) {
    tier.log.withLockedValue { if !($0.segments.last ?? []).isEmpty { $0.segments.append([]) } }
  }

  func segments(from offset: Int64, limit: Int) throws(TierError) -> [chronik_segment] {
    let log = tier.log.withLockedValue { $0 }
    let all = log.segments.enumerated().map { index, batches in
      var segment = chronik_segment()
      segment.base_offset = batches.first?.base ?? log.end
      segment.next_offset = batches.last?.next ?? log.end
      segment.byte_count = batches.reduce(0) { $0 + Int64($1.bytes.count) }
      segment.max_timestamp = batches.map(\.timestamp).max() ?? -1
      segment.min_timestamp = batches.first?.timestamp ?? -1
      segment.flags = index < log.segments.count - 1 ? CHRONIK_SEGMENT_SEALED : 0
      return segment
    }
    return Array(all.drop { $0.next_offset <= offset && $0.base_offset < offset }.prefix(limit))
  }

  func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome {
    let log = tier.log.withLockedValue { $0 }
    if let error = log.readError { throw error }
    return try Self.answer(log.segments.flatMap { $0 }, log.start..<log.end, request, answer)
  }

  /// One memory extent for each batch that fits.
  static func answer(
    _ batches: [SegmentedTier.Batch], _ held: Range<Int64>, _ request: ReadRequest, _ answer: borrowing ReadAnswer
  ) throws(TierError) -> ReadOutcome {
    guard held.contains(request.offset) else { return .miss }
    var byteCount = 0
    var first: Int64?
    var next: Int64 = 0
    for batch in batches where batch.next > request.offset && batch.base < request.endOffset {
      guard byteCount + batch.bytes.count <= request.maxBytes || (first == nil && request.minOneBatch) else { break }
      let owner = OwnedBytes(batch.bytes)
      guard answer.remainingExtents > 0 else { break }
      answer.addMemory(UnsafeRawBufferPointer(owner.storage), owner: owner)
      byteCount += batch.bytes.count
      first = first ?? batch.base
      next = batch.next
    }
    if let first { answer.setOffsets(start: first, next: next) }
    return .ok
  }
}

/// Takes segments, and does what its script says instead of or after that.
final class TakingTier: Tier {
  struct Script: Sendable {
    /// Thrown before anything is taken, one by one.
    var errors: [TierError] = []
    /// Thrown after the segment was taken, one by one: an answer that was lost.
    var lateErrors: [TierError] = []
    /// Waits until it is cancelled.
    var hangs = false
    var start: Int64 = 0
    var end: Int64 = 0
    var imports: [(base: Int64, next: Int64)] = []
    var attempts: [[UInt8]] = []
    var batches: [UInt8] = []
  }
  let script = NIOLockedValueBox(Script())
  let isHanging = ConditionLock(value: 0)

  func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierKit.TierPartition { TakingPartition(self) }
}

private final class TakingPartition: TierKit.TierPartition {
  let tier: TakingTier
  init(_ tier: TakingTier) { self.tier = tier }

  var state: PartitionState {
    tier.script.withLockedValue {
      PartitionState(startOffset: $0.start, endOffset: $0.end, durableEndOffset: $0.end, byteCount: 0)
    }
  }

  func advanceStart(to offset: Int64) throws(TierError) {
    tier.script.withLockedValue { $0.start = max($0.start, offset) }
  }

  /// What was imported.
  func segments(from offset: Int64, limit: Int) throws(TierError) -> [chronik_segment] {
    let imports = tier.script.withLockedValue { $0.imports }
    return imports.filter { $0.next > offset }.prefix(limit).map {
      chronik_segment(
        base_offset: $0.base, next_offset: $0.next, byte_count: 1, max_timestamp: -1, min_timestamp: -1,
        last_leader_epoch: -1, flags: CHRONIK_SEGMENT_SEALED, reserved: (0, 0))
    }
  }

  func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome { .miss }

  func importSegment(
    _ segment: chronik_segment, _ extents: UnsafeBufferPointer<chronik_extent>, attempt: [UInt8],
    isCancelled: () -> Bool
  ) throws(TierError) {
    let (error, hangs) = tier.script.withLockedValue { script -> (TierError?, Bool) in
      script.attempts.append(attempt)
      return (script.errors.isEmpty ? nil : script.errors.removeFirst(), script.hangs)
    }
    if let error { throw error }
    if hangs {
      tier.isHanging.lock()
      tier.isHanging.unlock(withValue: 1)
      while !isCancelled() {}
      throw TierError(.cancelled, "cancelled")
    }
    var bytes: [UInt8] = []
    for extent in extents { bytes += UnsafeBufferPointer(start: extent.ptr, count: extent.len) }
    let late = tier.script.withLockedValue { script -> TierError? in
      if script.start == script.end { script.start = segment.base_offset }
      precondition(script.start == segment.base_offset || segment.base_offset == script.end)
      script.end = segment.next_offset
      script.imports.append((segment.base_offset, segment.next_offset))
      script.batches += bytes
      return script.lateErrors.isEmpty ? nil : script.lateErrors.removeFirst()
    }
    if let late { throw late }
  }
}

private final class OwnedBytes {
  let storage: UnsafeMutableBufferPointer<UInt8>
  init(_ bytes: [UInt8]) {
    storage = .allocate(capacity: bytes.count)
    _ = storage.initialize(from: bytes)
  }
  deinit { storage.deallocate() }
}

extension TierHandle {
  static func scripted(_ tier: SegmentedTier) throws -> TierHandle {
    try make(tier, "Segmented", [.append, .durable, .seal, .read])
  }

  static func scripted(_ tier: TakingTier) throws -> TierHandle {
    try make(tier, "Taking", [.import, .read])
  }

  private static func make(_ tier: any Tier, _ name: String, _ abilities: TierAbilities) throws -> TierHandle {
    creatingTier.lock()
    defer { creatingTier.unlock() }
    pendingTier.withLockedValue { $0 = tier }
    let description = TierDescription(
      id: "test.\(name)", name: name, version: "1", summary: "For tests.", abilities: abilities, keys: [])
    let product = VTable.tier(description) { host, options, out, message in
      VTable.create(host, options, out, message) { _, _ throws(TierError) in pendingTier.withLockedValue { $0! } }
    }
    return try TierHandle(
      TierProduct(product), name: name, dataDirectory: "", settings: [], host: SilentHost())
  }
}

private let creatingTier = NIOLock()
private let pendingTier = NIOLockedValueBox<(any Tier)?>(nil)
