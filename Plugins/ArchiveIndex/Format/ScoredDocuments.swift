/// Documents with scores, best first, without sorting all of them: making it is linear, taking one logarithmic.
struct ScoredDocuments {
  struct Element {
    var document: UInt32
    var score: Double

    /// Better, or as good and newer.
    func precedes(_ other: Element) -> Bool {
      score != other.score ? score > other.score : document > other.document
    }
  }

  private var elements: [Element]

  init(_ elements: [Element]) {
    self.elements = elements
    for index in stride(from: elements.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
  }

  var isEmpty: Bool { elements.isEmpty }

  mutating func removeFirst() -> Element {
    let first = elements[0]
    let last = elements.removeLast()
    if !elements.isEmpty {
      elements[0] = last
      siftDown(0)
    }
    return first
  }

  private mutating func siftDown(_ start: Int) {
    var index = start
    while true {
      var best = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < elements.count && elements[child].precedes(elements[best]) {
        best = child
      }
      if best == index { return }
      elements.swapAt(index, best)
      index = best
    }
  }
}
