import Testing

@testable import Host

@Suite("Responses leave in request order")
struct ResponseQueueTests {
  @Test("a response that is ready early waits for the ones before it")
  func order() {
    var queue = ResponseQueue<String>()
    let tickets = (0..<3).map { _ in queue.reserve() }
    queue.complete(tickets[2], "third")
    #expect(queue.next() == nil)
    queue.complete(tickets[0], "first")
    #expect(queue.next() == "first")
    #expect(queue.next() == nil)
    queue.complete(tickets[1], "second")
    #expect(queue.next() == "second")
    #expect(queue.next() == "third")
    #expect(queue.count == 0)
  }

  @Test("a request without a response (acks=0) holds nobody up and yields nothing")
  func silent() {
    var queue = ResponseQueue<String>()
    let first = queue.reserve()
    let second = queue.reserve()
    queue.complete(second, "second")
    queue.complete(first, nil)
    #expect(queue.next() == "second")
    #expect(queue.next() == nil)
  }

  @Test("any order of completion yields request order", arguments: [1, 2, 3, 4, 5, 6, 7, 8])
  func anyOrder(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var queue = ResponseQueue<Int>()
    var pending: [UInt64] = []
    var expected = 0
    for _ in 0..<500 {
      if pending.count < 10, Bool.random(using: &generator) {
        pending.append(queue.reserve())
      } else if let index = pending.indices.randomElement(using: &generator) {
        let ticket = pending.remove(at: index)
        queue.complete(ticket, Int(ticket))
        while let next = queue.next() {
          #expect(next == expected, "seed \(seed)")
          expected += 1
        }
      }
    }
  }
}

/// SplitMix64: the same numbers for the same seed on every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
