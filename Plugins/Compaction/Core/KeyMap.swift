/// The newest offset of every key, in bounded memory: an open-addressing table of 24-byte slots that grows from a page
/// to its bound and then takes no more keys.
///
///     slot   high u64 | low u64 | offset i64      offset -1: empty
///
/// Linear probing at a load of at most 3/4. Not thread-safe.
struct KeyMap: ~Copyable {
  private struct Slot {
    var hash: KeyHash.Value
    var offset: Int64
    static let empty = Slot(hash: KeyHash.Value(high: 0, low: 0), offset: -1)
  }

  private static let slotCountMin = 128
  private var slots: UnsafeMutableBufferPointer<Slot>
  private let slotCountMax: Int
  private(set) var count = 0

  /// `byteCountMax` covers the moment of growing, when the old table, less than two thirds of the new one, is still
  /// there.
  init(byteCountMax: Int) {
    slotCountMax = max(Self.slotCountMin, byteCountMax / MemoryLayout<Slot>.stride * 3 / 5)
    slots = Self.makeSlots(min(Self.slotCountMin, slotCountMax))
  }

  deinit { slots.deallocate() }

  /// Bytes of the table now.
  var byteCount: Int { slots.count * MemoryLayout<Slot>.stride }

  /// Remembers that the key was last seen at `offset`, which is not below any offset given for it before. False when
  /// the key is new and there is no room for it.
  mutating func put(_ hash: KeyHash.Value, _ offset: Int64) -> Bool {
    var index = find(hash)
    if slots[index].offset < 0 {
      if count >= slots.count / 4 * 3 {
        guard grow() else { return false }
        index = find(hash)
      }
      count += 1
      slots[index].hash = hash
    }
    slots[index].offset = offset
    return true
  }

  /// The newest offset of the key; -1 when it was not seen.
  func offset(_ hash: KeyHash.Value) -> Int64 { slots[find(hash)].offset }

  /// Index of the key's slot, or of the empty one where it belongs. There is always an empty one.
  private func find(_ hash: KeyHash.Value) -> Int {
    var index = Int(hash.low.multipliedFullWidth(by: UInt64(slots.count)).high)
    while slots[index].offset >= 0, slots[index].hash != hash {
      index += 1
      if index == slots.count { index = 0 }
    }
    return index
  }

  /// Doubles the table, at the end to its bound; false when it has reached it.
  private mutating func grow() -> Bool {
    guard slots.count < slotCountMax else { return false }
    // A last step of less than a doubling would copy everything for little: the bound is taken at once.
    let wanted = slots.count * 3 >= slotCountMax ? slotCountMax : slots.count * 2
    let old = slots
    slots = Self.makeSlots(wanted)
    for slot in old where slot.offset >= 0 { slots[find(slot.hash)] = slot }
    old.deallocate()
    return true
  }

  private static func makeSlots(_ count: Int) -> UnsafeMutableBufferPointer<Slot> {
    let slots = UnsafeMutableBufferPointer<Slot>.allocate(capacity: count)
    slots.initialize(repeating: .empty)
    return slots
  }
}
