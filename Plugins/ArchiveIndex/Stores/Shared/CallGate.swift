import TierKit

/// Lets calls in until the store is stopped, and lets `stop` wait for those that are inside.
final class CallGate: Sendable {
  private struct State {
    var inside = 0
    var isStopping = false
  }
  private let state = Monitor(State())

  var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Runs `body` unless the store was stopped; `cancelled` then.
  func enter<R>(_ body: () throws(TierError) -> R) throws(TierError) -> R {
    let admitted = state.withLock { state in
      if !state.isStopping { state.inside += 1 }
      return !state.isStopping
    }
    guard admitted else { throw TierError(.cancelled, "the object store was stopped") }
    defer { state.change { $0.inside -= 1 } }
    return try body()
  }

  /// Refuses new calls and returns when the last one has left. Calls inside ask `isStopping` at least every second.
  func close() {
    state.change { $0.isStopping = true }
    while state.wait(atMost: 1_000_000_000, for: { $0.inside == 0 ? true : nil }) == nil {}
  }
}

/// What bounds one call: its deadline, the caller's wish to end it, and the store being stopped.
struct CallScope: Sendable {
  /// Nanoseconds on the host's monotonic clock.
  let deadline: Int64
  private let call: StoreCall
  private let gate: CallGate
  private let host: HostServices

  init(_ call: StoreCall, _ gate: CallGate, _ host: HostServices) {
    self.call = call
    self.gate = gate
    self.host = host
    deadline =
      call.deadline == .max ? host.monotonicNanoseconds + StoreLimits.defaultDeadlineNanoseconds : call.deadline
  }

  /// The same call, but for so many nanoseconds at most.
  func limited(toNanoseconds limit: Int64) -> CallScope {
    CallScope(copy: self, deadline: min(deadline, host.monotonicNanoseconds + limit))
  }

  private init(copy: CallScope, deadline: Int64) {
    call = copy.call
    gate = copy.gate
    host = copy.host
    self.deadline = deadline
  }

  /// Never negative.
  var remainingNanoseconds: Int64 {
    let (rest, overflow) = deadline.subtractingReportingOverflow(host.monotonicNanoseconds)
    return overflow ? 0 : max(0, rest)
  }

  var isCancelled: Bool { gate.isStopping || call.isCancelled() }

  /// Throws `cancelled`, or `retriable` when the deadline has passed.
  func check(_ what: @autoclosure () -> String) throws(TierError) {
    if isCancelled { throw TierError(.cancelled, "\(what()) was cancelled") }
    if remainingNanoseconds == 0 { throw TierError(.retriable, "\(what()) was not done before its deadline") }
  }
}
