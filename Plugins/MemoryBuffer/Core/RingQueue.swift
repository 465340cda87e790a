/// A first-in first-out queue that can also be indexed and shortened at its end. Holds no memory while it is empty and
/// was never used; every operation is amortised O(1).
struct RingQueue<Element> {
  private var slots: ContiguousArray<Element?> = []
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  var first: Element? { isEmpty ? nil : self[0] }
  var last: Element? { isEmpty ? nil : self[count - 1] }

  /// Precondition: 0 <= index < count.
  subscript(index: Int) -> Element { slots[slot(index)]! }

  // The number of slots is a power of two.
  private func slot(_ index: Int) -> Int { (head + index) & (slots.count - 1) }

  mutating func append(_ element: Element) {
    if count == slots.count { grow() }
    slots[slot(count)] = element
    count += 1
  }

  mutating func removeFirst() -> Element {
    precondition(count > 0)
    let element = slots[head].take()!
    head = slot(1)
    count -= 1
    releaseWhenEmpty()
    return element
  }

  mutating func removeLast() -> Element {
    precondition(count > 0)
    count -= 1
    let element = slots[slot(count)].take()!
    releaseWhenEmpty()
    return element
  }

  private mutating func releaseWhenEmpty() {
    if count == 0, slots.count > 8 {
      slots = []
      head = 0
    }
  }

  private mutating func grow() {
    var larger = ContiguousArray<Element?>()
    larger.reserveCapacity(max(4, slots.count * 2))
    for index in 0..<count { larger.append(self[index]) }
    while larger.count < max(4, slots.count * 2) { larger.append(nil) }
    slots = larger
    head = 0
  }
}

extension RingQueue: Sendable where Element: Sendable {}
