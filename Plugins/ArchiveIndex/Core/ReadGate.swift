import TierKit

/// Lets in so many reads at a time, in the order in which they came, read-ahead only to a part of the places and only
/// while nobody waits.
///
/// Thread-safe.
final class ReadGate: Sendable {
  private struct State {
    var free = Limits.parallelReadsMax
    var freeForReadAhead = Limits.parallelReadAheadMax
    var nextTicket = 0
    var waiting: [Int] = []
  }
  private let state = Guarded(State())

  /// Waits for a place as long as the call may last. `leave` gives it back.
  func enter(_ call: StoreCall, _ host: HostServices) throws(TierError) {
    let ticket = state.withLock { state in
      state.nextTicket += 1
      state.waiting.append(state.nextTicket)
      return state.nextTicket
    }
    // Also when giving up: the next in line may find a place.
    defer { state.change { state in state.waiting.removeAll { $0 == ticket } } }
    try state.wait(call, host) { state -> Void? in
      guard state.free > 0, state.waiting.first == ticket else { return nil }
      state.free -= 1
      state.waiting.removeFirst()
      return ()
    }
  }

  /// False when there is no place. Does not wait: who reads ahead has claimed pages that readers wait for.
  func tryToEnterForReadAhead() -> Bool {
    state.withLock { state in
      guard state.freeForReadAhead > 0, state.free > 0, state.waiting.isEmpty else { return false }
      state.freeForReadAhead -= 1
      state.free -= 1
      return true
    }
  }

  func leave(isReadAhead: Bool) {
    state.change { state in
      state.free += 1
      if isReadAhead { state.freeForReadAhead += 1 }
    }
  }
}

extension Guarded {
  /// As `wait`, until the call is over: throws `cancelled` when it is cancelled, `retriable` behind its deadline. Both
  /// are looked at every `Limits.waitStep`.
  func wait<R>(_ call: StoreCall, _ host: HostServices, _ body: (inout State) -> R?) throws(TierError) -> R {
    while true {
      if let result = wait(nanoseconds: Limits.waitStep, body) { return result }
      if call.isCancelled() { throw TierError(.cancelled, "the read was cancelled while it waited for its turn") }
      if host.monotonicNanoseconds >= call.deadline {
        throw TierError(.retriable, "the read waited for its turn, or for what others read, until its deadline")
      }
    }
  }
}
