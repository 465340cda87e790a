import Testing

@testable import Host

@Suite("Repetitions in a request")
struct RepetitionsTests {
  @Test("the first of each key stays, in the order of the request")
  func once() {
    #expect(["b", "a", "b", "c", "a"].withoutRepetitions { $0 } == ["b", "a", "c"])
    #expect([Int]().withoutRepetitions { $0 } == [])
  }

  @Test("only keys that occur again are repeated")
  func repeated() {
    #expect([1, 2, 3, 2, 1, 1].repeatedKeys { $0 } == [1, 2])
    #expect([1, 2, 3].repeatedKeys { $0 }.isEmpty)
    #expect([10, 11, 20].repeatedKeys { $0 / 10 } == [1])
  }
}
