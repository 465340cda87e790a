import KafkaRecords
import NIOConcurrencyHelpers
import TierAPI
import TierKit

@testable import PluginLoader

/// A tier in memory that does what a test tells it to: refuse to answer at once, fail, or hold a flush until it is let
/// go. It keeps every batch as it came, and it goes through the real C vtable.
final class ScriptedTier: Tier {
  struct Script {
    /// Answers to nonblocking appends and reads, consumed one by one; then `.ok`.
    var nonblockingAppends: [ReadOutcome] = []
    var appendErrors: [TierError] = []
    var flushErrors: [TierError] = []
    var isFlushHeld = false
    var flushCount = 0
    var openPartitions = 0
  }

  let script = NIOLockedValueBox(Script())
  let flushGate = ConditionLock(value: 0)
  let isDurable: Bool
  init(isDurable: Bool) { self.isDurable = isDurable }

  func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierKit.TierPartition {
    script.withLockedValue { $0.openPartitions += 1 }
    return ScriptedPartition(self, initialOffset)
  }

  /// Lets one held flush go.
  func releaseFlush() {
    flushGate.lock()
    flushGate.unlock(withValue: 1)
  }

  func flush(_ partitions: [any TierKit.TierPartition]) -> [Result<Int64, TierError>] {
    let ends = partitions.map(\.state.endOffset)
    let (isHeld, error) = script.withLockedValue { script -> (Bool, TierError?) in
      script.flushCount += 1
      return (script.isFlushHeld, script.flushErrors.isEmpty ? nil : script.flushErrors.removeFirst())
    }
    if isHeld {
      flushGate.lock(whenValue: 1)
      flushGate.unlock(withValue: 0)
    }
    if let error { return partitions.map { _ in .failure(error) } }
    return ends.map { .success($0) }
  }
}

final class ScriptedPartition: TierKit.TierPartition {
  struct Contents {
    var start: Int64
    var end: Int64
    var batches: [(base: Int64, next: Int64, bytes: [UInt8], maxTimestamp: Int64)] = []
    var isInsideAppend = false
  }

  let tier: ScriptedTier
  let contents: NIOLockedValueBox<Contents>

  init(_ tier: ScriptedTier, _ start: Int64) {
    self.tier = tier
    contents = NIOLockedValueBox(Contents(start: start, end: start))
  }

  var state: PartitionState {
    contents.withLockedValue {
      PartitionState(startOffset: $0.start, endOffset: $0.end, durableEndOffset: $0.end, byteCount: 0)
    }
  }

  func close() { tier.script.withLockedValue { $0.openPartitions -= 1 } }

  func append(
    _ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool
  ) throws(TierError) -> ReadOutcome {
    let (outcome, error) = tier.script.withLockedValue { script -> (ReadOutcome, TierError?) in
      if nonblocking, !script.nonblockingAppends.isEmpty {
        let outcome = script.nonblockingAppends.removeFirst()
        if case .ok = outcome {} else { return (outcome, nil) }
      }
      return (.ok, script.appendErrors.isEmpty ? nil : script.appendErrors.removeFirst())
    }
    if case .wouldBlock = outcome { return .wouldBlock }
    if let error { throw error }
    contents.withLockedValue { contents in
      precondition(!contents.isInsideAppend, "appends of one partition must be serial")
      contents.isInsideAppend = true
    }
    for batch in batches {
      let bytes = Array(UnsafeBufferPointer(start: batch.bytes.ptr, count: batch.bytes.len))
      contents.withLockedValue { contents in
        precondition(batch.base_offset == contents.end, "an append must begin where the log ends")
        contents.batches.append((batch.base_offset, batch.next_offset, bytes, batch.max_timestamp))
        contents.end = batch.next_offset
      }
    }
    contents.withLockedValue { $0.isInsideAppend = false }
    return .ok
  }

  func truncate(to offset: Int64) throws(TierError) {}
  func advanceStart(to offset: Int64) throws(TierError) {
    contents.withLockedValue { $0.start = max($0.start, offset) }
  }

  func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome {
    let found = contents.withLockedValue {
      contents -> (base: Int64, next: Int64, bytes: [UInt8], maxTimestamp: Int64)? in
      contents.batches.first { $0.next > request.offset && $0.base < request.endOffset }
    }
    guard let found, found.base <= request.offset else { return .miss }
    let owner = Bytes(found.bytes)
    answer.addMemory(UnsafeRawBufferPointer(owner.storage), owner: owner)
    answer.setOffsets(start: found.base, next: found.next)
    return .ok
  }

  private final class Bytes {
    let storage: UnsafeMutableBufferPointer<UInt8>
    init(_ bytes: [UInt8]) {
      storage = .allocate(capacity: bytes.count)
      _ = storage.initialize(from: bytes)
    }
    deinit { storage.deallocate() }
  }
}

/// Effects that do nothing; the clock stands still.
final class SilentHost: PluginHost {
  func log(level: Int32, text: String, fields: [(String, String)]) {}
  var wallClockMilliseconds: Int64 { 1_700_000_000_000 }
  var monotonicNanoseconds: Int64 { 0 }
  var random: UInt64 { 4 }
  func addToCounter(_ name: String, _ delta: Int64) {}
  func setGauge(_ name: String, _ value: Int64) {}
  func observe(_ name: String, seconds: Double) {}
  func accountMemory(_ delta: Int64) {}
  func runBlocking(_ work: @escaping @Sendable () -> Void) -> Bool { false }
}

extension TierHandle {
  /// A handle on `tier`, through the same C table that a library would export.
  static func scripted(_ tier: ScriptedTier, name: String = "Scripted") throws -> TierHandle {
    creating.lock()
    defer { creating.unlock() }
    pending.withLockedValue { $0 = tier }
    let description = TierDescription(
      id: "test.scripted", name: "Scripted", version: "1", summary: "For tests.",
      abilities: tier.isDurable ? [.append, .durable, .read] : [.append, .read], keys: [])
    let product = VTable.tier(description) { host, options, out, message in
      VTable.create(host, options, out, message) { _, _ throws(TierError) in pending.withLockedValue { $0! } }
    }
    return try TierHandle(
      TierProduct(product), name: name, dataDirectory: "", settings: [], host: SilentHost())
  }
}

/// The C function that creates an instance cannot capture; `creating` has tests create their tiers one after the other.
private let creating = NIOLock()
private let pending = NIOLockedValueBox<ScriptedTier?>(nil)
