import NIOConcurrencyHelpers

/// Bounds the request bytes that were read and not yet answered, over all connections.
///
/// A connection asks before it begins a frame; when the budget is used up it stops reading and is told when it may go
/// on. A frame that has begun may finish, so two halves can never wait for each other. Any thread.
final class InFlightBudget: Sendable {
  private struct State {
    var used = 0
    var paused: [@Sendable () -> Void] = []
  }

  let byteCountMax: Int
  private let state = NIOLockedValueBox(State())

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Bytes charged now.
  var used: Int { state.withLockedValue { $0.used } }

  /// Charges a request; refunded once by ``release(_:)``.
  func charge(_ byteCount: Int) { state.withLockedValue { $0.used += byteCount } }

  func release(_ byteCount: Int) {
    let resumed = state.withLockedValue { state -> [@Sendable () -> Void] in
      state.used -= byteCount
      guard state.used < byteCountMax, !state.paused.isEmpty else { return [] }
      defer { state.paused.removeAll() }
      return state.paused
    }
    for resume in resumed { resume() }
  }

  /// True when a new frame may begin; otherwise `resume` is called once, from any thread, when there is room again.
  func mayBegin(orElse resume: @escaping @Sendable () -> Void) -> Bool {
    state.withLockedValue { state in
      if state.used < byteCountMax { return true }
      state.paused.append(resume)
      return false
    }
  }
}
