import TierKit

/// Keeps credentials and has them fetched again in time, by one call while the others go on with the old ones.
///
/// Old credentials are used as long as no new ones are to be had and the service takes them: only the service knows
/// when they really end.
final class CredentialsProvider: Sendable {
  private struct State {
    var known: DatedCredentials?
    /// What the service called expired or unknown.
    var refused: Credentials?
    var isFetching = false
    /// Fetches that failed so far, and how the last one did.
    var failureCount = 0
    var failure: TierError?

    /// Nil: there are none that may still be of use.
    var usable: DatedCredentials? { known.flatMap { $0.credentials == refused ? nil : $0 } }
  }

  private enum Step {
    case use(Credentials)
    case fetch
    case fail(TierError)
  }

  private let chain: CredentialsChain
  private let host: HostServices
  private let state = Monitor(State())

  init(_ configuration: S3Configuration, _ environment: [String: String], _ host: HostServices) {
    chain = CredentialsChain(configuration: configuration, environment: environment, host: host)
    self.host = host
  }

  /// Blocks while there are none. `invalidConfiguration`: no source has any.
  func credentials(_ transport: any HTTPTransport, _ scope: CallScope) throws(TierError) -> Credentials {
    let failuresBefore = state.withLock { $0.failureCount }
    while true {
      let now = host.wallClockMilliseconds
      let step: Step? = state.wait(atMost: StoreLimits.cancellationTickNanoseconds) { state in
        let usable = state.usable
        if let usable, usable.refresh.map({ now < $0 }) ?? true { return .use(usable.credentials) }
        if state.isFetching { return usable.map { .use($0.credentials) } }
        // Who waited for a fetch that failed does not begin the same one again.
        if usable == nil, state.failureCount > failuresBefore, let failure = state.failure { return .fail(failure) }
        state.isFetching = true
        return .fetch
      }
      switch step {
      case .use(let credentials): return credentials
      case .fetch: return try refresh(transport, scope)
      case .fail(let error): throw error
      case nil: try scope.check("waiting for credentials")
      }
    }
  }

  /// The service calls them expired or unknown: the next call fetches others, if they are still these.
  func reject(_ credentials: Credentials) {
    state.change { if $0.known?.credentials == credentials { $0.refused = credentials } }
  }

  private func refresh(_ transport: any HTTPTransport, _ scope: CallScope) throws(TierError) -> Credentials {
    // While there are others, waiting for new ones must leave this call the time for its own work.
    let hasOld = state.withLock { $0.usable != nil }
    let limited = hasOld ? scope.limited(toNanoseconds: scope.remainingNanoseconds / 4) : scope
    do throws(TierError) {
      let fetched = try chain.fetch(transport, limited)
      state.change { state in
        state.known = fetched
        state.isFetching = false
        // Whether they were refused for good, the service is asked once more with the next call.
        state.refused = nil
      }
      return fetched.credentials
    } catch {
      let isOwn = scope.isCancelled || scope.remainingNanoseconds == 0
      let again = host.wallClockMilliseconds + StoreLimits.credentialsRetryMilliseconds
      let old = state.change { state -> Credentials? in
        state.isFetching = false
        if state.usable != nil { state.known?.refresh = again }
        if !isOwn {
          state.failureCount += 1
          state.failure = error
        }
        return state.usable?.credentials
      }
      guard let old, !scope.isCancelled else { throw error }
      host.log(
        .warning, "credentials cannot be fetched again; the old ones are used meanwhile", [("error", error.message)])
      return old
    }
  }
}
