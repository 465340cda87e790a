import DequeModule
import NIOConcurrencyHelpers

/// Lets pieces of work through one at a time without a lock held while they run: who comes while one runs leaves its
/// work to that thread and goes on.
final class SerialGate: Sendable {
  private struct State: Sendable {
    var isBusy = false
    var queue: Deque<@Sendable () -> Void> = []
  }
  private let state = NIOLockedValueBox(State())

  /// Runs `work` now, or leaves it to the thread whose work is running.
  func run(_ work: @escaping @Sendable () -> Void) {
    let isFree = state.withLockedValue { state in
      if state.isBusy { state.queue.append(work) }
      defer { state.isBusy = true }
      return !state.isBusy
    }
    guard isFree else { return }
    work()
    drain()
  }

  /// Runs `work` when its turn has come, on this thread or on the one whose work is running, and returns what it
  /// returned. Blocks; never on an event loop, nor from inside a piece of work of this gate.
  func runAndWait<Result: Sendable>(_ work: @escaping @Sendable () -> Result) -> Result {
    let result = NIOLockedValueBox<Result?>(nil)
    let done = ConditionLock(value: 0)
    run {
      let value = work()
      result.withLockedValue { $0 = value }
      done.lock()
      done.unlock(withValue: 1)
    }
    done.lock(whenValue: 1)
    done.unlock()
    return result.withLockedValue { $0! }
  }

  /// Runs `work` now; nil when another piece is running.
  func runIfFree<Result>(_ work: () -> Result) -> Result? {
    let isFree = state.withLockedValue { state in
      defer { state.isBusy = true }
      return !state.isBusy
    }
    guard isFree else { return nil }
    defer { drain() }
    return work()
  }

  private func drain() {
    while true {
      let next = state.withLockedValue { state -> (@Sendable () -> Void)? in
        if let next = state.queue.popFirst() { return next }
        state.isBusy = false
        return nil
      }
      guard let next else { return }
      next()
    }
  }
}
