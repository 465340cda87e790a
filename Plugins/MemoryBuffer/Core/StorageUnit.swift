import TierKit

// What the buffer pins and lets go of in one piece. There are two kinds.
//
// A *block* holds copies of consecutive small batches of one partition. Batches grow from the front without gaps, so
// that any run of them is one extent; their entries grow from the back, so that the index is part of what is counted:
//
//   0                   used                      capacity - 32·count            capacity
//   │ batch │ batch │ … │            free             │ entry n-1 │ … │ entry 1 │ entry 0 │
//
// A *slice* is one large batch, kept in the memory it arrived in.
//
// Bytes below `used` never change: extents of them may be on their way to a socket. Truncating a block therefore closes
// it, and the next batch starts another.

/// A block or a slice. The entries belong to the partition's lock, the links to the pool's; the bytes stay valid as
/// long as the object lives, which is what an extent's reference is for.
final class StorageUnit: @unchecked Sendable {
  static let entryByteCount = MemoryLayout<BatchEntry>.stride
  /// What the two objects of a slice cost beside the bytes they keep.
  static let sliceOverheadByteCount = 192

  /// Memory that lives because of this unit, bytes. Constant.
  let pinnedByteCount: Int
  private let kind: Kind
  /// Where `position` counts from.
  private let base: UnsafeRawPointer

  // The partition's lock guards these.
  /// Entries [first, count) are held; those before were dropped by advance_start.
  private(set) var first = 0
  private(set) var count = 0
  private(set) var maxTimestamp: Int64 = -1
  /// Base offset of the first batch that has `maxTimestamp`; -1: none.
  private(set) var maxTimestampOffset: Int64 = -1
  private var used = 0
  private var isClosed = false

  // The pool's lock guards these; see `MemoryPool`.
  var next: StorageUnit?
  unowned(unsafe) var previous: StorageUnit?
  var partition: BufferedPartition?

  private enum Kind {
    case block(UnsafeMutableRawPointer, capacity: Int, pool: MemoryPool)
    case slice(RetainedSlice, BatchEntry)
  }

  /// Takes over `capacity` bytes, a multiple of 32, which go back to `pool` when the last reference is gone.
  init(block memory: UnsafeMutableRawPointer, capacity: Int, pool: MemoryPool) {
    kind = .block(memory, capacity: capacity, pool: pool)
    base = UnsafeRawPointer(memory)
    pinnedByteCount = capacity
  }

  /// `entry.position` is 0.
  init(slice: RetainedSlice, entry: BatchEntry) {
    kind = .slice(slice, entry)
    base = slice.bytes.baseAddress!
    pinnedByteCount = Self.pinnedByteCount(of: slice)
    count = 1
    isClosed = true
    raiseMaxTimestamp(entry)
  }

  static func pinnedByteCount(of slice: RetainedSlice) -> Int {
    max(slice.storageByteCount, slice.bytes.count) + sliceOverheadByteCount
  }

  deinit {
    if case .block(let memory, let capacity, let pool) = kind { pool.recycle(memory, capacity: capacity) }
  }

  /// Precondition: first <= index < count.
  func entry(_ index: Int) -> BatchEntry {
    switch kind {
    case .block(let memory, let capacity, _):
      let position = capacity - (index + 1) * Self.entryByteCount
      return memory.load(fromByteOffset: position, as: BatchEntry.self)
    case .slice(_, let entry):
      return entry
    }
  }

  var isEmpty: Bool { first == count }
  /// Preconditions of the next two: not empty.
  var baseOffset: Int64 { entry(first).baseOffset }
  var nextOffset: Int64 { entry(count - 1).nextOffset }
  /// Bytes of the batches held.
  var byteCount: Int { isEmpty ? 0 : entry(count - 1).end - Int(entry(first).position) }
  /// Bytes of the block's memory; 0 for a slice.
  var blockCapacity: Int { if case .block(_, let capacity, _) = kind { capacity } else { 0 } }

  /// The batches [from, to), which lie side by side. O(1).
  func bytes(from: Int, to: Int) -> UnsafeRawBufferPointer {
    let start = Int(entry(from).position)
    return UnsafeRawBufferPointer(start: base + start, count: entry(to - 1).end - start)
  }

  /// Big-endian bytes 12 to 15 of the last batch. Precondition: not empty.
  var lastLeaderEpoch: Int32 {
    let position = Int(entry(count - 1).position) + 12
    return Int32(bigEndian: base.loadUnaligned(fromByteOffset: position, as: Int32.self))
  }

  /// Copies a batch behind the last one; false when the unit has no room or takes no more. O(length).
  func append(_ source: UnsafeRawBufferPointer, _ newEntry: BatchEntry) -> Bool {
    guard case .block(let memory, let capacity, _) = kind, !isClosed else { return false }
    guard used + source.count + (count + 1) * Self.entryByteCount <= capacity else { return false }
    var entry = newEntry
    entry.position = UInt32(used)
    (memory + used).copyMemory(from: source.baseAddress!, byteCount: source.count)
    count += 1
    used += source.count
    memory.storeBytes(of: entry, toByteOffset: capacity - count * Self.entryByteCount, as: BatchEntry.self)
    raiseMaxTimestamp(entry)
    return true
  }

  /// Index of the first entry for which `predicate` is true; `predicate` must not turn false again. O(log count).
  func firstIndex(from start: Int, where predicate: (BatchEntry) -> Bool) -> Int {
    var low = start
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      if predicate(entry(middle)) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Lets go of the batches that end at or below `offset`; the memory stays until the whole unit goes.
  func dropBatches(endingAtOrBelow offset: Int64) {
    first = firstIndex(from: first) { $0.nextOffset > offset }
    recomputeMaxTimestamp()
  }

  /// Lets go of the batches that reach beyond `offset`.
  func dropBatches(reachingBeyond offset: Int64) {
    count = firstIndex(from: first) { $0.nextOffset > offset }
    isClosed = true
    recomputeMaxTimestamp()
  }

  private func raiseMaxTimestamp(_ entry: BatchEntry) {
    if entry.maxTimestamp > maxTimestamp {
      maxTimestamp = entry.maxTimestamp
      maxTimestampOffset = entry.baseOffset
    }
  }

  private func recomputeMaxTimestamp() {
    maxTimestamp = -1
    maxTimestampOffset = -1
    for index in first..<count { raiseMaxTimestamp(entry(index)) }
  }
}
