import Testing
import TierAPI
@testable import MemoryBufferCore
@testable import TierKit

/// A buffer under a fake host, driven as a host would.
final class Harness: @unchecked Sendable {
  let host = FakeHost()
  let ledger = Ledger()
  let tier: MemoryBufferTier

  init(capacity: Int) throws {
    tier = try MemoryBufferTier(
      host: host.services,
      options: TierOptions(instanceName: "buffer", dataDirectory: "", settings: ["capacity": "\(capacity)"]))
  }

  func open(_ number: Int32 = 0, at offset: Int64 = 0) throws -> BufferedPartition {
    let id = PartitionID(topic: "t", topicID: [UInt8](repeating: 9, count: 16), partition: number)
    return try tier.openPartition(id, settings: PartitionSettings(), initialOffset: offset) as! BufferedPartition
  }

  /// Appends in one call; each batch arrives in an allocation of its own, `padding` bytes larger than the batch.
  func append(_ batches: [TestBatch], to partition: BufferedPartition, padding: Int = 0) throws {
    let storages = batches.map { batch in
      let storage = FakeStorage(byteCount: batch.byteCount + padding, ledger: ledger)
      batch.write(to: UnsafeMutableRawBufferPointer(rebasing: storage.bytes[..<batch.byteCount]))
      return storage
    }
    try withExtendedLifetime(storages) {
      let raw = zip(batches, storages).map { batch, storage in
        chronik_batch(
          bytes: storage.slice(0..<batch.byteCount), base_offset: batch.baseOffset, next_offset: batch.nextOffset,
          max_timestamp: batch.maxTimestamp, leader_epoch: batch.leaderEpoch,
          record_count: Int32(batch.nextOffset - batch.baseOffset), reserved: (0, 0))
      }
      let outcome = try raw.withUnsafeBufferPointer { try partition.append($0, nonblocking: true) }
      #expect(outcome == .ok)
    }
  }

  var allPinned: Int { tier.pool.pinnedByteCount + tier.pool.spareByteCount }
}

/// A read's answer with its extents still held.
final class HeldAnswer {
  let outcome: ReadOutcome
  let start: Int64
  let next: Int64
  let extents: [chronik_extent]

  init(
    _ partition: BufferedPartition, from offset: Int64, below end: Int64 = .max, maxBytes: Int = 1 << 20,
    minOneBatch: Bool = true, capacity: Int = 64
  ) throws {
    let storage = UnsafeMutablePointer<chronik_extent>.allocate(capacity: capacity)
    defer { storage.deallocate() }
    var raw = chronik_read_result(
      struct_size: UInt32(MemoryLayout<chronik_read_result>.size), capacity: UInt32(capacity), extent_count: 0,
      reserved: 0, extents: storage, start_offset: -1, next_offset: -1, byte_count: 0)
    outcome = try withUnsafeMutablePointer(to: &raw) { raw in
      try partition.read(
        ReadRequest(offset: offset, endOffset: end, maxBytes: maxBytes, minOneBatch: minOneBatch, nonblocking: true),
        into: ReadAnswer(raw))
    }
    start = raw.start_offset
    next = raw.next_offset
    extents = (0..<Int(raw.extent_count)).map { storage[$0] }
    #expect(Int(raw.byte_count) == extents.reduce(0) { $0 + $1.len })
  }

  var bytes: [UInt8] { extents.flatMap { UnsafeBufferPointer(start: $0.ptr, count: $0.len) } }

  deinit { for extent in extents { extent.release?(extent.owner) } }
}
