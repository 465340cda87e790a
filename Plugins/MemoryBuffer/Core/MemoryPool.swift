import TierAPI
import TierKit

/// The memory of one buffer: how much is pinned, what goes next, and blocks that wait to be used again.
///
/// Every unit that a partition holds is in one list, ordered by its last append. To make room the pool asks the
/// partition of the oldest unit to let go of it, whichever partition that is: a busy one cannot keep others from being
/// cached, an idle one cannot keep its memory.
///
/// Bound: `pinned` never exceeds the capacity by more than one unit for each append that is running. Memory of a unit
/// that was let go while the host still sends it is the host's until it releases the extent.
///
/// Locks: a partition's lock may be held when the pool's is taken, never the other way round.
final class MemoryPool: Sendable {
  /// Blocks come in these sizes, so that a partition with little traffic pins little.
  static let blockSizes = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10]
  /// Blocks of one size that may wait to be used again.
  private static let spareBlockCountMax = 16

  let capacity: Int
  private let host: HostServices
  private let state = Locked(State())

  fileprivate struct State {
    var pinned = 0
    var spareBytes = 0
    var spares = [[SpareBlock]](repeating: [], count: MemoryPool.blockSizes.count)
    var oldest: StorageUnit?
    var newest: StorageUnit?
    var isClosed = false
  }

  fileprivate struct SpareBlock: @unchecked Sendable { let memory: UnsafeMutableRawPointer }

  init(capacity: Int, host: HostServices) {
    self.capacity = capacity
    self.host = host
  }

  deinit { close() }

  /// Bytes pinned by units that partitions hold.
  var pinnedByteCount: Int { state.withLock { $0.pinned } }
  /// Bytes of blocks waiting to be used again.
  var spareByteCount: Int { state.withLock { $0.spareBytes } }

  /// Gives waiting blocks back to the system, now and from now on.
  func close() {
    let spares = state.withLock { state in
      state.isClosed = true
      return state.takeSpares(downTo: 0)
    }
    for spare in spares { spare.memory.deallocate() }
  }

  // MARK: Making units

  /// A block with room for `byteCount` bytes in one batch, larger than `previous` bytes if that is sensible.
  func makeBlock(fitting byteCount: Int, after previous: Int) -> StorageUnit {
    let needed = byteCount + StorageUnit.entryByteCount
    let wanted = max(needed, min(previous * 2, Self.blockSizes.last!))
    if let sizeClass = Self.blockSizes.firstIndex(where: { $0 >= wanted }) {
      let size = Self.blockSizes[sizeClass]
      let memory = reserve(size, sizeClass: sizeClass) ?? Self.allocate(size)
      return StorageUnit(block: memory, capacity: size, pool: self)
    }
    let size = (needed + StorageUnit.entryByteCount - 1) / StorageUnit.entryByteCount * StorageUnit.entryByteCount
    _ = reserve(size, sizeClass: nil)
    return StorageUnit(block: Self.allocate(size), capacity: size, pool: self)
  }

  func makeSlice(_ slice: RetainedSlice, _ entry: BatchEntry) -> StorageUnit {
    _ = reserve(StorageUnit.pinnedByteCount(of: slice), sizeClass: nil)
    return StorageUnit(slice: slice, entry: entry)
  }

  private static func allocate(_ size: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: size, alignment: MemoryLayout<BatchEntry>.alignment)
  }

  fileprivate enum Step {
    case granted(SpareBlock?)
    case free([SpareBlock])
    case evict(StorageUnit, BufferedPartition)
  }

  /// Counts `byteCount` as pinned after making room for it, and answers a waiting block of the class if there is one.
  /// No partition's lock may be held.
  private func reserve(_ byteCount: Int, sizeClass: Int?) -> UnsafeMutableRawPointer? {
    var evicted = 0
    defer { if evicted > 0 { host.addToCounter("evicted_bytes_total", Int64(evicted)) } }
    while true {
      switch state.withLock({ $0.next(for: byteCount, sizeClass: sizeClass, capacity: capacity) }) {
      case .granted(let spare):
        host.accountMemory(Int64(byteCount))
        return spare?.memory
      case .free(let spares):
        for spare in spares { spare.memory.deallocate() }
      case .evict(let unit, let partition):
        evicted += partition.evict(through: unit)
      }
    }
  }

  // MARK: Units that partitions hold

  /// Puts a unit, counted by `makeBlock` or `makeSlice`, at the new end. Call with the partition's lock held.
  func link(_ unit: StorageUnit, to partition: BufferedPartition) {
    state.withLock { state in
      unit.partition = partition
      state.append(unit)
    }
  }

  /// Moves a unit that was appended to to the new end. Call with the partition's lock held.
  func touch(_ unit: StorageUnit) {
    state.withLock { state in
      guard state.newest !== unit else { return }
      state.remove(unit)
      state.append(unit)
    }
  }

  /// Forgets units that their partition dropped. Call with the partition's lock held; release the units without it.
  func unlink(_ units: [StorageUnit]) {
    guard !units.isEmpty else { return }
    let (freed, pinned, spares) = state.withLock { state in
      var freed = 0
      for unit in units {
        state.remove(unit)
        unit.partition = nil
        freed += unit.pinnedByteCount
      }
      state.pinned -= freed
      return (freed, state.pinned, state.pinned == 0 ? state.takeSpares(downTo: 0) : [])
    }
    for spare in spares { spare.memory.deallocate() }
    host.accountMemory(-Int64(freed))
    host.setGauge("pinned_bytes", Int64(pinned))
  }

  /// Tells the host how much is pinned.
  func publish() { host.setGauge("pinned_bytes", Int64(pinnedByteCount)) }

  /// Takes the memory of a block whose last reference is gone, from any thread, also after the buffer was destroyed:
  /// nothing here may touch the host.
  func recycle(_ memory: UnsafeMutableRawPointer, capacity size: Int) {
    let spare = SpareBlock(memory: memory)
    let kept = state.withLock { state in
      guard !state.isClosed, let sizeClass = Self.blockSizes.firstIndex(of: size),
        state.spares[sizeClass].count < Self.spareBlockCountMax,
        state.pinned > 0, state.pinned + state.spareBytes + size <= capacity
      else { return false }
      state.spares[sizeClass].append(spare)
      state.spareBytes += size
      return true
    }
    if !kept { memory.deallocate() }
  }
}

extension MemoryPool.State {
  /// One step towards room for `byteCount` bytes: reuse, free what waits, or evict the oldest.
  fileprivate mutating func next(for byteCount: Int, sizeClass: Int?, capacity: Int) -> MemoryPool.Step {
    let reusable = sizeClass.map { spares[$0].isEmpty ? 0 : MemoryPool.blockSizes[$0] } ?? 0
    if pinned + spareBytes - reusable + byteCount <= capacity || (oldest == nil && spareBytes == reusable) {
      pinned += byteCount
      guard let sizeClass, let spare = spares[sizeClass].popLast() else { return .granted(nil) }
      spareBytes -= byteCount
      return .granted(spare)
    }
    if spareBytes > reusable {
      return .free(takeSpares(downTo: max(reusable, spareBytes - byteCount), sparing: sizeClass))
    }
    return .evict(oldest!, oldest!.partition!)
  }

  /// Takes waiting blocks, largest first, until at most `limit` bytes of them are left; one of `sizeClass` stays.
  fileprivate mutating func takeSpares(downTo limit: Int, sparing sizeClass: Int? = nil) -> [MemoryPool.SpareBlock] {
    var taken: [MemoryPool.SpareBlock] = []
    for index in spares.indices.reversed() {
      while spareBytes > limit, spares[index].count > (index == sizeClass ? 1 : 0) {
        taken.append(spares[index].removeLast())
        spareBytes -= MemoryPool.blockSizes[index]
      }
    }
    return taken
  }

  fileprivate mutating func append(_ unit: StorageUnit) {
    unit.previous = newest
    if let newest { newest.next = unit } else { oldest = unit }
    newest = unit
  }

  fileprivate mutating func remove(_ unit: StorageUnit) {
    if let previous = unit.previous { previous.next = unit.next } else { oldest = unit.next }
    if let next = unit.next { next.previous = unit.previous } else { newest = unit.previous }
    unit.next = nil
    unit.previous = nil
  }
}
