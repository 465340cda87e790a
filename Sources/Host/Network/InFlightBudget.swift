import NIOConcurrencyHelpers

/// Bounds the request bytes that have arrived and are not answered, over all connections: `network.max_inflight_bytes`.
///
/// Bytes are charged as they arrive, also those of a frame that is not complete yet; what a size prefix announces costs
/// nothing. When the budget is used up every connection stops reading and TCP pushes back. All of it may then belong to
/// frames that wait for their rest, so **one** connection within a frame at a time reads on (it is exempt), which lets
/// frames end one after the other; the budget is exceeded by one frame at most, and by one read per connection that was
/// readable in that moment. An exempt connection that stalls is ended by `network.stall_timeout`.
///
/// Any thread.
final class InFlightBudget: Sendable {
  typealias ConnectionID = UInt64

  enum Answer: Equatable {
    case read
    /// Read although nothing is left; ``leave(_:)`` when the frame has ended.
    case readExempt
    /// `resume` will be called.
    case wait
  }

  private struct Waiter {
    var id: ConnectionID
    var isWithinFrame: Bool
    var resume: @Sendable () -> Void
  }

  private struct State {
    var used = 0
    var exempt: ConnectionID?
    var waiting: [Waiter] = []

    /// The oldest waiter that could be exempt, if nobody is.
    mutating func takeNextWithinFrame() -> [Waiter] {
      guard exempt == nil, let index = waiting.firstIndex(where: \.isWithinFrame) else { return [] }
      return [waiting.remove(at: index)]
    }
  }

  let byteCountMax: Int
  private let state = NIOLockedValueBox(State())

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Bytes charged now.
  var used: Int { state.withLockedValue { $0.used } }

  /// Bytes that are left; 0 when it is exceeded.
  var left: Int { max(0, byteCountMax - used) }

  /// Charges bytes that have arrived; refunded once by ``release(_:)``.
  func charge(_ byteCount: Int) { state.withLockedValue { $0.used += byteCount } }

  func release(_ byteCount: Int) {
    let resumed = state.withLockedValue { state -> [Waiter] in
      state.used -= byteCount
      guard state.used < byteCountMax, !state.waiting.isEmpty else { return [] }
      defer { state.waiting.removeAll() }
      return state.waiting
    }
    for waiter in resumed { waiter.resume() }
  }

  /// Whether a connection may go on reading. If not, `resume` is called once, from any thread, when it should ask
  /// again; until then it does not ask.
  func mayRead(
    _ id: ConnectionID, isWithinFrame: Bool, orElse resume: @escaping @Sendable () -> Void
  ) -> Answer {
    state.withLockedValue { state in
      if state.used < byteCountMax { return .read }
      if isWithinFrame, state.exempt == nil || state.exempt == id {
        state.exempt = id
        return .readExempt
      }
      state.waiting.append(Waiter(id: id, isWithinFrame: isWithinFrame, resume: resume))
      return .wait
    }
  }

  /// The connection needs no exemption any more, and if it has ended no answer either: the next one gets the exemption.
  func leave(_ id: ConnectionID, hasEnded: Bool = false) {
    let resumed = state.withLockedValue { state -> [Waiter] in
      if state.exempt == id { state.exempt = nil }
      if hasEnded { state.waiting.removeAll { $0.id == id } }
      return state.takeNextWithinFrame()
    }
    for waiter in resumed { waiter.resume() }
  }
}
