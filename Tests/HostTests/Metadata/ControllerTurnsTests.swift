import NIOConcurrencyHelpers
import Testing

@testable import Host

@Suite("Requests take turns on the controller thread")
struct ControllerTurnsTests {
  /// Runs on a controller of its own to the end, and gives the order of what happened.
  private func run(_ body: (BlockingPool, @escaping @Sendable (String) -> Void) -> Void) -> [String] {
    let log = NIOLockedValueBox<[String]>([])
    let controller = BlockingPool(name: "test", threads: 1)
    // Nothing runs before everything is submitted.
    let gate = ConditionLock(value: 0)
    controller.run {
      gate.lock(whenValue: 1)
      gate.unlock()
    }
    body(controller) { line in log.withLockedValue { $0.append(line) } }
    gate.lock()
    gate.unlock(withValue: 1)
    // Turns are submitted by turns; the pool runs what was submitted before it stops.
    let done = ConditionLock(value: 0)
    @Sendable func settle(_ rounds: Int) {
      controller.run {
        guard rounds > 0 else {
          done.lock()
          done.unlock(withValue: 1)
          return
        }
        settle(rounds - 1)
      }
    }
    settle(100)
    done.lock(whenValue: 1)
    done.unlock()
    controller.stop()
    return log.withLockedValue { $0 }
  }

  @Test("answers come in the order of the items, whatever the order of the changes' ends")
  func order() {
    let log = run { controller, note in
      ControllerTurns<Int, Int>(Array(1...40), on: controller) { item, answer in
        if item % 2 == 0 { return answer(item) }
        // Ends in a later turn, behind its successors.
        controller.run { controller.run { answer(item) } }
      } completion: { note("\($0 == Array(1...40))") }.begin()
    }
    #expect(log == ["true"])
  }

  @Test("nothing asked for is answered with nothing")
  func empty() {
    #expect(run { controller, note in
      ControllerTurns<Int, Int>([], on: controller) { _, _ in note("called") } completion: { note("\($0)") }.begin()
    } == ["[]"])
  }

  @Test("who asks for one change waits for a turn of a request of a thousand, not for its end")
  func fairness() throws {
    let log = run { controller, note in
      ControllerTurns<Int, Int>(Array(0..<1000), on: controller) { item, answer in answer(item) } completion: { _ in
        note("thousand")
      }.begin()
      ControllerTurns<Int, Int>([1], on: controller) { item, answer in answer(item) } completion: { _ in note("one") }
        .begin()
    }
    #expect(log == ["one", "thousand"])
  }

  @Test("a request has only so many changes under way")
  func window() {
    let largest = NIOLockedValueBox(0)
    let log = run { controller, note in
      let underWay = NIOLockedValueBox(0)
      ControllerTurns<Int, Int>(Array(0..<200), on: controller) { item, answer in
        let now = underWay.withLockedValue { count in
          count += 1
          return count
        }
        largest.withLockedValue { $0 = max($0, now) }
        controller.run {
          underWay.withLockedValue { $0 -= 1 }
          answer(item)
        }
      } completion: { note("\($0.count)") }.begin()
    }
    #expect(log == ["200"])
    #expect(largest.withLockedValue { $0 } == TopicLimits.changesPerTurn)
  }
}
