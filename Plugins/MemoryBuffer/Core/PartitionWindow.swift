import TierAPI
import TierKit

/// The contiguous range of batches that the buffer holds of one partition. Pure bookkeeping under the partition's lock;
/// units that leave are returned so that the caller can unlink them and release them without the lock.
///
/// Invariants: units are in offset order, none is empty, each begins where the one before ended; `startOffset` lies in
/// the first unit's first batch (or equals `endOffset` when there is no unit).
struct PartitionWindow {
  private(set) var startOffset: Int64
  private(set) var endOffset: Int64
  /// Bytes of the batches held.
  private(set) var byteCount = 0
  private var units = RingQueue<StorageUnit>()

  init(at offset: Int64) {
    startOffset = offset
    endOffset = offset
  }

  var newest: StorageUnit? { units.last }
  var isEmpty: Bool { units.isEmpty }

  // MARK: Growing

  /// Copies a batch behind the last one if the newest unit has room. Precondition: entry.baseOffset == endOffset.
  mutating func appendToNewest(_ bytes: UnsafeRawBufferPointer, _ entry: BatchEntry) -> Bool {
    guard let newest = units.last, newest.append(bytes, entry) else { return false }
    endOffset = entry.nextOffset
    byteCount += bytes.count
    return true
  }

  /// Precondition: the unit is not empty and begins at endOffset.
  mutating func append(_ unit: StorageUnit) {
    precondition(unit.baseOffset == endOffset)
    units.append(unit)
    endOffset = unit.nextOffset
    byteCount += unit.byteCount
  }

  // MARK: Shrinking

  /// Drops everything and continues at `offset`.
  mutating func restart(at offset: Int64) -> [StorageUnit] {
    let dropped = removeUnits { _ in true }
    startOffset = offset
    endOffset = offset
    return dropped
  }

  /// Drops the oldest units up to and including `unit`; nothing when it is not here any more.
  mutating func evict(through unit: StorageUnit) -> [StorageUnit] {
    guard !unit.isEmpty, let oldest = units.first, oldest.baseOffset <= unit.baseOffset, unit.nextOffset <= endOffset
    else { return [] }
    let limit = unit.nextOffset
    let dropped = removeUnits { $0.nextOffset <= limit }
    startOffset = limit
    return dropped
  }

  /// Hides everything below `offset`. Precondition: offset <= endOffset.
  mutating func advanceStart(to offset: Int64) -> [StorageUnit] {
    guard offset > startOffset else { return [] }
    let dropped = removeUnits { $0.nextOffset <= offset }
    startOffset = offset
    if let oldest = units.first {
      byteCount -= oldest.byteCount
      oldest.dropBatches(endingAtOrBelow: offset)
      byteCount += oldest.byteCount
    }
    return dropped
  }

  /// Drops every batch that reaches beyond `offset`; what remains ends at or below it.
  mutating func truncate(to offset: Int64) -> [StorageUnit] {
    guard offset < endOffset else { return [] }
    var dropped: [StorageUnit] = []
    while let newest = units.last, newest.nextOffset > offset {
      byteCount -= newest.byteCount
      newest.dropBatches(reachingBeyond: offset)
      byteCount += newest.byteCount
      if !newest.isEmpty { break }
      dropped.append(units.removeLast())
    }
    if units.isEmpty { startOffset = min(startOffset, offset) }
    endOffset = units.last?.nextOffset ?? startOffset
    return dropped
  }

  private mutating func removeUnits(while condition: (StorageUnit) -> Bool) -> [StorageUnit] {
    var removed: [StorageUnit] = []
    while let oldest = units.first, condition(oldest) {
      byteCount -= oldest.byteCount
      removed.append(units.removeFirst())
    }
    return removed
  }

  // MARK: Reading

  /// Index of the unit that contains `offset`. O(log units). Precondition: startOffset <= offset < endOffset.
  private func unitIndex(containing offset: Int64) -> Int {
    var low = 0
    var high = units.count - 1
    while low < high {
      let middle = low + (high - low) / 2
      if units[middle].nextOffset > offset { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Whole batches from the one that contains the wanted offset; one extent for each unit. False: not held here.
  func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) -> Bool {
    guard request.offset >= startOffset, request.offset < endOffset else { return false }
    var index = unitIndex(containing: request.offset)
    var unit = units[index]
    var from = unit.firstIndex(from: unit.first) { $0.nextOffset > request.offset }
    let start = unit.entry(from).baseOffset
    while answer.remainingExtents > 0 {
      let position = Int(unit.entry(from).position)
      let budget = request.maxBytes - answer.byteCount
      var to = unit.firstIndex(from: from) { $0.baseOffset >= request.endOffset || $0.end - position > budget }
      if to == from, answer.byteCount == 0, request.minOneBatch, start < request.endOffset { to = from + 1 }
      guard to > from else { break }
      answer.addMemory(unit.bytes(from: from, to: to), owner: unit)
      answer.setOffsets(start: start, next: unit.entry(to - 1).nextOffset)
      index += 1
      guard to == unit.count, index < units.count else { break }
      unit = units[index]
      from = unit.first
    }
    return true
  }

  /// The first batch that reaches `timestamp` (ms) within the range. O(units + log batches of a unit).
  func findTimestamp(_ timestamp: Int64, in range: Range<Int64>) -> BatchEntry? {
    guard range.lowerBound < endOffset, !units.isEmpty else { return nil }
    for index in unitIndex(containing: max(range.lowerBound, startOffset))..<units.count {
      let unit = units[index]
      guard unit.maxTimestamp >= timestamp else { continue }
      let from = unit.firstIndex(from: unit.first) { $0.nextOffset > range.lowerBound }
      for position in from..<unit.count {
        let entry = unit.entry(position)
        guard entry.baseOffset < range.upperBound else { return nil }
        if entry.maxTimestamp >= timestamp { return entry }
      }
    }
    return nil
  }

  /// O(units).
  var state: PartitionState {
    var state = PartitionState(
      startOffset: startOffset, endOffset: endOffset, durableEndOffset: startOffset, byteCount: Int64(byteCount),
      lastLeaderEpoch: units.last?.lastLeaderEpoch ?? -1)
    for index in 0..<units.count where units[index].maxTimestamp > state.maxTimestamp {
      state.maxTimestamp = units[index].maxTimestamp
      state.maxTimestampOffset = units[index].maxTimestampOffset
    }
    return state
  }

  /// Every invariant, for tests.
  func checkInvariants() {
    precondition(startOffset <= endOffset)
    var expected: Int64?
    var bytes = 0
    for index in 0..<units.count {
      let unit = units[index]
      precondition(!unit.isEmpty)
      for position in unit.first..<unit.count {
        let entry = unit.entry(position)
        precondition(entry.nextOffset > entry.baseOffset)
        precondition(expected == nil || expected == entry.baseOffset, "batches must be contiguous")
        expected = entry.nextOffset
        bytes += Int(entry.length)
      }
    }
    precondition(bytes == byteCount && (expected ?? endOffset) == endOffset)
    if let oldest = units.first {
      precondition(oldest.baseOffset <= startOffset && startOffset < oldest.entry(oldest.first).nextOffset)
    } else {
      precondition(startOffset == endOffset)
    }
  }
}
