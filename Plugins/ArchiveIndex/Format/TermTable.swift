/// The distinct terms of a segment under construction, numbered as they come.
///
/// Open addressing: a slot is 8 bytes, 32 bits of the hash over the term's number plus one; 0 is empty.
struct TermTable: ~Copyable {
  struct Entry: BitwiseCopyable {
    var high: UInt64
    var low: UInt64
    /// The last document with this term, `noDocument` before the first.
    var lastDocument: UInt32
    /// Documents with this term; 0 when all of them were rolled back.
    var documentFrequency: UInt32
    /// Where in the stream the term stands for `lastDocument`.
    var at: UInt32
    /// For an exact key, the upper 24 bits of its hash, which the term does not carry.
    var keyHashHigh: UInt32

    var term: Term { Term(high: high, low: low) }
  }

  static let noDocument = UInt32.max

  private(set) var entries: RawArray<Entry>
  private var slots: RawArray<UInt64>
  private var mask: Int

  /// A table with room for about `termCount` terms before it grows.
  init(termCount: Int) {
    entries = RawArray(capacity: termCount)
    var slotCount = 1 << 12
    while slotCount < 2 * termCount { slotCount *= 2 }
    slots = RawArray(repeating: 0, count: slotCount)
    mask = slotCount - 1
  }

  @inline(__always)
  static func hash(_ term: Term) -> UInt64 {
    H64.mix(term.high ^ 0x9E37_79B9_7F4A_7C15, term.low ^ 0xE703_7ED1_A0B4_28DB)
  }

  /// The slots as they are now; an insertion makes them invalid.
  @inline(__always)
  var view: View { View(slots: slots.base, mask: mask, entries: entries.base) }

  /// What a lookup touches, in registers.
  struct View {
    let slots: UnsafeMutablePointer<UInt64>
    let mask: Int
    let entries: UnsafeMutablePointer<Entry>

    /// The number of `term`, or where its slot would be.
    @inline(__always)
    func find(_ term: Term, _ hash: UInt64) -> (number: Int, slot: Int) {
      let tag = hash >> 32
      var index = Int(truncatingIfNeeded: hash) & mask
      while true {
        let slot = slots[index]
        if slot == 0 { return (-1, index) }
        if slot >> 32 == tag {
          let number = Int(truncatingIfNeeded: slot & 0xFFFF_FFFF) &- 1
          let entry = entries + number
          if entry.pointee.high == term.high, entry.pointee.low == term.low { return (number, index) }
        }
        index = (index &+ 1) & mask
      }
    }
  }

  /// The number of `term`, which is added when it is new.
  mutating func number(of term: Term) -> Int {
    let hash = Self.hash(term)
    let found = view.find(term, hash)
    return found.number >= 0 ? found.number : insert(term, hash, at: found.slot)
  }

  @inline(never)
  mutating func insert(_ term: Term, _ hash: UInt64, at index: Int) -> Int {
    let number = entries.count
    entries.append(
      Entry(
        high: term.high, low: term.low, lastDocument: Self.noDocument, documentFrequency: 0, at: 0, keyHashHigh: 0))
    slots.base[index] = (hash >> 32) << 32 | UInt64(number + 1)
    if 2 * entries.count > mask { grow() }
    return number
  }

  private mutating func grow() {
    let newMask = 2 * mask + 1
    var larger = RawArray<UInt64>(repeating: 0, count: newMask + 1)
    let target = larger.base
    for number in 0..<entries.count {
      let hash = Self.hash(entries.base[number].term)
      var index = Int(truncatingIfNeeded: hash) & newMask
      while target[index] != 0 { index = (index + 1) & newMask }
      target[index] = (hash >> 32) << 32 | UInt64(number + 1)
    }
    swap(&slots, &larger)
    mask = newMask
  }

  /// Gives back the slots; no term can be looked up afterwards.
  mutating func dropSlots() {
    slots = RawArray<UInt64>(repeating: 0, count: 0)
    mask = -1
  }

  /// The numbers of all terms that documents have, in the order of the terms: a radix sort of the first eight bytes,
  /// then the rest of each where those are equal.
  func sorted() -> [UInt32] {
    struct Item: BitwiseCopyable {
      var key: UInt64
      var number: UInt32
    }
    var items = RawArray<Item>(capacity: entries.count)
    for number in 0..<entries.count where entries.base[number].documentFrequency > 0 {
      items.append(Item(key: entries.base[number].high, number: UInt32(number)))
    }
    let count = items.count
    guard count > 0 else { return [] }
    var other = RawArray<Item>(uninitializedCount: count)
    let digits = 256
    var counts = [Int](repeating: 0, count: 8 * digits)
    for index in 0..<count {
      let key = items.base[index].key
      for digit in 0..<8 { counts[digit * digits + Int((key >> UInt64(8 * digit)) & 0xFF)] += 1 }
    }
    for digit in 0..<8 {
      let shift = UInt64(8 * digit)
      let first = Int((items.base[0].key >> shift) & 0xFF)
      if counts[digit * digits + first] == count { continue }
      var start = 0
      for value in digit * digits..<(digit + 1) * digits {
        let here = counts[value]
        counts[value] = start
        start += here
      }
      for index in 0..<count {
        let item = items.base[index]
        let value = digit * digits + Int((item.key >> shift) & 0xFF)
        other.base[counts[value]] = item
        counts[value] += 1
      }
      swap(&items, &other)
    }
    var order = [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
      for index in 0..<count { buffer[index] = items.base[index].number }
      initialized = count
    }
    sortRuns(&order)
    return order
  }

  /// Sorts runs of terms with the same first eight bytes by the rest.
  private func sortRuns(_ order: inout [UInt32]) {
    let entries = self.entries.base
    var start = 0
    while start < order.count {
      let high = entries[Int(order[start])].high
      var end = start + 1
      while end < order.count, entries[Int(order[end])].high == high { end += 1 }
      if end - start > 1 {
        order[start..<end].sort { entries[Int($0)].low < entries[Int($1)].low }
      }
      start = end
    }
  }
}
