import Synchronization
import TierKit

/// Signs requests, sends them and tries again what is worth it, within the bounds of the call.
final class S3Client: Sendable {
  /// What was learned from the service's answers.
  private struct Learned {
    var region: String
    /// Milliseconds that the service's clock is ahead of ours.
    var skew: Int64 = 0
  }

  let configuration: S3Configuration
  private let host: HostServices
  let transport: any HTTPTransport
  let provider: CredentialsProvider
  private let metrics: StoreMetrics
  private let policy: RetryPolicy
  private let pause: @Sendable (Int64, CallScope) -> Void
  private let learned: Mutex<Learned>

  init(
    _ configuration: S3Configuration, _ host: HostServices, _ transport: any HTTPTransport,
    _ provider: CredentialsProvider, pause: @escaping @Sendable (Int64, CallScope) -> Void = S3Client.sleep
  ) {
    self.configuration = configuration
    self.host = host
    self.transport = transport
    self.provider = provider
    self.pause = pause
    metrics = StoreMetrics(host: host)
    policy = RetryPolicy(retriesMax: configuration.retriesMax)
    learned = Mutex(Learned(region: configuration.region))
  }

  func stop() { transport.stop() }

  func send(_ request: S3Request, _ scope: CallScope) throws(TierError) -> HTTPResponse {
    try send([request], scope)[0].get()
  }

  /// Sends all, in parallel as far as the connections allow. The answers have the order of the requests.
  func send(_ requests: [S3Request], _ scope: CallScope) -> [Result<HTTPResponse, TierError>] {
    var tries = requests.map { _ in Try() }
    while true {
      let pending = tries.indices.filter { tries[$0].result == nil }
      if pending.isEmpty { return tries.map { $0.result! } }
      round(requests, pending, &tries, scope)
      // One pause for all that failed in this round: the longest, so that nobody is asked too early.
      let wait = tries.compactMap { $0.result == nil ? $0.pause : nil }.max() ?? 0
      if wait > 0 { pause(wait, scope) }
    }
  }

  /// What became of one request so far.
  private struct Try {
    var result: Result<HTTPResponse, TierError>?
    var attempts = 0
    /// Answers that told us something about clock, region or credentials; each kind helps once or not at all.
    var corrections = 0
    var pause: Int64 = 0
    var last: TierError?
    /// What the service did not take; sending it again would change nothing.
    var refused: Credentials?
  }

  private func round(_ requests: [S3Request], _ pending: [Int], _ tries: inout [Try], _ scope: CallScope) {
    let credentials: Credentials
    do throws(TierError) {
      try scope.check("a request to s3://\(configuration.bucket)")
      credentials = try provider.credentials(transport, scope)
    } catch {
      for index in pending { tries[index].result = .failure(ended(tries[index], error)) }
      return
    }
    for index in pending where tries[index].refused == credentials {
      tries[index].result = .failure(tries[index].last ?? CredentialsChain.none("those there were are refused"))
    }
    let pending = pending.filter { tries[$0].result == nil }
    let known = learned.withLock { $0 }
    let now = host.wallClockMilliseconds
    let timeout = scope.remainingNanoseconds / 1_000_000
    let sent = pending.map {
      requests[$0].signed(
        configuration, credentials, region: known.region, time: now + known.skew, timeout: timeout)
    }
    let results = transport.perform(sent, scope)
    for (index, result) in zip(pending, results) {
      let request = requests[index]
      var verdict = S3Failure.verdict(
        result, request.what(configuration), accepted: request.accepted, now: host.wallClockMilliseconds)
      if case .answer(let response) = verdict, let wrong = request.check(response) {
        verdict = wrong.code == .retriable || wrong.code == .corrupt ? .again(wrong, retryAfter: nil) : .failed(wrong)
      }
      if case .failure(.ended) = result { verdict = .failed(ended(tries[index], nil, scope)) }
      apply(verdict, &tries[index], credentials, scope)
    }
  }

  private func apply(_ verdict: S3Verdict, _ current: inout Try, _ credentials: Credentials, _ scope: CallScope) {
    switch verdict {
    case .answer(let response): current.result = .success(response)
    case .failed(let error): current.result = .failure(error)
    case .again(let error, let retryAfter):
      if error.code == .throttled { metrics.throttled() }
      current.last = error
      let pause = policy.pause(
        afterAttempt: current.attempts, isThrottled: error.code == .throttled, retryAfter: retryAfter,
        random: host.random, remaining: scope.remainingNanoseconds / 1_000_000)
      guard let pause else { return current.result = .failure(error) }
      current.attempts += 1
      current.pause = pause
      metrics.retried()
    case .newCredentials(let error):
      provider.reject(credentials)
      current.refused = credentials
      correct(&current, error)
    case .newTime(let time, let error):
      let skew = time - host.wallClockMilliseconds
      learned.withLock { $0.skew = skew }
      host.log(.warning, "this machine's clock differs from the object store's; its time is used to sign", [
        ("milliseconds", "\(skew)")
      ])
      correct(&current, error)
    case .newRegion(let region, let error):
      let isNew = learned.withLock { known in
        defer { known.region = region }
        return known.region != region
      }
      if isNew {
        host.log(.warning, "the bucket is in another region than configured; requests go there", [("region", region)])
      }
      correct(&current, error)
    }
  }

  private func correct(_ current: inout Try, _ error: TierError) {
    current.corrections += 1
    current.pause = 0
    current.last = error
    if current.corrections > 3 { current.result = .failure(error) }
  }

  /// Why a request that the scope ended failed: what it last failed with says more than "too late".
  private func ended(_ current: Try, _ error: TierError?, _ scope: CallScope? = nil) -> TierError {
    let plain =
      error
      ?? (scope?.isCancelled == true
        ? TierError(.cancelled, "a request to s3://\(configuration.bucket) was cancelled")
        : TierError(.retriable, "a request to s3://\(configuration.bucket) was not answered before the deadline"))
    guard plain.code != .cancelled, let last = current.last else { return plain }
    return TierError(last.code, "\(last.message); then the deadline passed")
  }

  /// Waits, but not beyond the scope.
  static let sleep: @Sendable (Int64, CallScope) -> Void = { milliseconds, scope in
    let never = Monitor(false)
    var rest = milliseconds * 1_000_000
    while rest > 0, !scope.isCancelled, scope.remainingNanoseconds > 0 {
      let tick = min(rest, StoreLimits.cancellationTickNanoseconds)
      _ = never.wait(atMost: tick) { $0 ? true : nil }
      rest -= tick
    }
  }
}
