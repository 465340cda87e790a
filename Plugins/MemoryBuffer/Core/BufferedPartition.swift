import TierAPI
import TierKit

/// One open partition of the buffer. Every call is memory operations under one lock, so none ever blocks.
final class BufferedPartition: TierPartition {
  /// Batches smaller than this are copied next to each other, so that one extent answers for many of them.
  static let copiedBelowByteCount = 8 << 10
  /// The header of a record batch; nothing shorter is one.
  private static let batchByteCountMin = 61

  private let pool: MemoryPool
  private let host: HostServices
  private let window: Locked<PartitionWindow>
  private let onClose: @Sendable () -> Void

  init(pool: MemoryPool, host: HostServices, initialOffset: Int64, onClose: @escaping @Sendable () -> Void) {
    self.pool = pool
    self.host = host
    self.onClose = onClose
    window = Locked(PartitionWindow(at: initialOffset))
  }

  var state: PartitionState { window.withLock { $0.state } }

  func close() {
    drop { $0.restart(at: $0.endOffset) }
    onClose()
  }

  func configure(_ settings: PartitionSettings) {}

  // MARK: Appending

  /// Appends, dropping the oldest batches of any partition to make room. Batches that begin beyond endOffset restart
  /// the window there. Fails only on batches that break the contract of `append`, before anything is changed.
  func append(_ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool) throws(TierError) -> ReadOutcome {
    guard let first = batches.first else { return .ok }
    try check(batches)
    let end = window.withLock { $0.endOffset }
    guard first.base_offset >= end else {
      throw TierError(.permanent, "append at offset \(first.base_offset), but the buffer ends at \(end)")
    }
    if first.base_offset > end {
      host.addToCounter("restarts_total", 1)
      drop { $0.restart(at: first.base_offset) }
    }
    var index = appendToNewest(batches, from: 0)
    while index < batches.count {
      let unit = makeUnit(batches[index])
      window.withLock { window in
        window.append(unit)
        pool.link(unit, to: self)
      }
      index = appendToNewest(batches, from: index + 1)
    }
    return .ok
  }

  private func check(_ batches: UnsafeBufferPointer<chronik_batch>) throws(TierError) {
    var expected = batches[0].base_offset
    for batch in batches {
      guard batch.base_offset == expected, batch.next_offset > batch.base_offset else {
        throw TierError(.permanent, "batch [\(batch.base_offset), \(batch.next_offset)) does not continue \(expected)")
      }
      guard batch.bytes.len >= Self.batchByteCountMin, batch.bytes.len <= Int(UInt32.max) else {
        throw TierError(.permanent, "\(batch.bytes.len) bytes at offset \(batch.base_offset) are not a record batch")
      }
      expected = batch.next_offset
    }
  }

  /// Copies as many small batches as the newest block takes; returns the index of the first that was not appended.
  private func appendToNewest(_ batches: UnsafeBufferPointer<chronik_batch>, from start: Int) -> Int {
    guard start < batches.count, isCopied(batches[start].bytes) else { return start }
    return window.withLock { window in
      var index = start
      while index < batches.count, isCopied(batches[index].bytes),
        window.appendToNewest(batches[index].bytes.buffer, batches[index].entry)
      { index += 1 }
      if index > start, let newest = window.newest { pool.touch(newest) }
      return index
    }
  }

  /// Small batches are copied, and those that would pin much more memory than they fill.
  private func isCopied(_ bytes: chronik_slice) -> Bool {
    bytes.len < Self.copiedBelowByteCount || 2 * bytes.len < bytes.storage_bytes || bytes.retain == nil
  }

  private func makeUnit(_ batch: chronik_batch) -> StorageUnit {
    if !isCopied(batch.bytes), let slice = RetainedSlice(batch.bytes) {
      return pool.makeSlice(slice, batch.entry)
    }
    let previous = window.withLock { $0.newest?.blockCapacity ?? 0 }
    let unit = pool.makeBlock(fitting: batch.bytes.len, after: previous)
    let fits = unit.append(batch.bytes.buffer, batch.entry)
    precondition(fits)
    return unit
  }

  // MARK: Letting go

  /// For the pool: drops the oldest units up to `unit` and returns how many bytes of batches that were.
  func evict(through unit: StorageUnit) -> Int { drop { $0.evict(through: unit) } }

  func truncate(to offset: Int64) throws(TierError) { drop { $0.truncate(to: offset) } }

  func advanceStart(to offset: Int64) throws(TierError) {
    let end = state.endOffset
    guard offset <= end else {
      throw TierError(.permanent, "advance_start to \(offset), but the buffer ends at \(end)")
    }
    drop { $0.advanceStart(to: offset) }
  }

  @discardableResult
  private func drop(_ change: (inout PartitionWindow) -> [StorageUnit]) -> Int {
    let (dropped, freed) = window.withLock { window in
      let before = window.byteCount
      let dropped = change(&window)
      pool.unlink(dropped)
      return (dropped, before - window.byteCount)
    }
    _ = consume dropped  // The last references may go here, without the lock.
    return freed
  }

  // MARK: Reading

  func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome {
    let isHeld = window.withLock { $0.read(request, into: answer) }
    host.addToCounter(isHeld ? "read_hits_total" : "read_misses_total", 1)
    return isHeld ? .ok : .miss
  }

  func findTimestamp(
    _ timestamp: Int64, in range: Range<Int64>, nonblocking: Bool
  ) throws(TierError) -> TimestampOutcome {
    guard let entry = window.withLock({ $0.findTimestamp(timestamp, in: range) }) else { return .miss }
    return .found(baseOffset: entry.baseOffset, maxTimestamp: entry.maxTimestamp)
  }

  /// Every invariant, for tests.
  func checkInvariants() { window.withLock { $0.checkInvariants() } }
}

extension chronik_slice {
  fileprivate var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: ptr, count: len) }
}

extension chronik_batch {
  fileprivate var entry: BatchEntry {
    BatchEntry(
      baseOffset: base_offset, nextOffset: next_offset, maxTimestamp: max_timestamp, position: 0,
      length: UInt32(bytes.len))
  }
}
