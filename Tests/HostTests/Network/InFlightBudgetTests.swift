import NIOConcurrencyHelpers
import Testing

@testable import Host

@Suite("the in-flight budget")
struct InFlightBudgetTests {
  private let budget = InFlightBudget(byteCountMax: 100)
  private let resumed = NIOLockedValueBox<[UInt64]>([])

  private func ask(_ id: UInt64, within: Bool) -> InFlightBudget.Answer {
    budget.mayRead(id, isWithinFrame: within) { [resumed] in resumed.withLockedValue { $0.append(id) } }
  }

  private var calls: [UInt64] { resumed.withLockedValue { $0 } }

  @Test("everybody reads while something is left, and is resumed when something is left again")
  func backpressure() {
    #expect(ask(1, within: false) == .read && ask(2, within: true) == .read)
    budget.charge(100)
    #expect(budget.left == 0)
    #expect(ask(1, within: false) == .wait && ask(2, within: false) == .wait)
    budget.release(1)
    #expect(calls == [1, 2])
    #expect(ask(1, within: false) == .read)
  }

  @Test("one connection within a frame at a time reads on, so that two halves never wait for each other")
  func exemption() {
    budget.charge(150)
    #expect(ask(1, within: false) == .wait)
    #expect(ask(2, within: true) == .readExempt && ask(2, within: true) == .readExempt)
    #expect(ask(3, within: true) == .wait && ask(4, within: true) == .wait)
    budget.leave(2)
    #expect(calls == [3], "the oldest that is within a frame")
    #expect(ask(3, within: true) == .readExempt)
    budget.release(20)
    #expect(calls == [3], "still exceeded")
  }

  @Test("a connection that ends hands the exemption on and is not resumed")
  func ending() {
    budget.charge(100)
    #expect(ask(1, within: true) == .readExempt)
    #expect(ask(2, within: true) == .wait && ask(3, within: true) == .wait)
    budget.leave(2, hasEnded: true)
    #expect(calls.isEmpty)
    budget.leave(1, hasEnded: true)
    #expect(calls == [3])
    // 3 has ended in the meantime, before it could ask.
    #expect(ask(4, within: true) == .readExempt)
    budget.leave(3, hasEnded: true)
    #expect(ask(4, within: true) == .readExempt)
  }
}
