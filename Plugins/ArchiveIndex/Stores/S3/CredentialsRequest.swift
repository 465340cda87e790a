import FoundationEssentials
import TierKit

/// Requests to the services that hand out temporary credentials: small, within seconds, repeated a little.
struct CredentialsRequest {
  let transport: any HTTPTransport
  let host: HostServices

  /// Runs `body` until it answers or fails for good: `retriable` failures are tried again, in all for no longer than
  /// a bound of their own within `scope`.
  func repeated<R>(_ scope: CallScope, _ body: (CallScope) throws(TierError) -> R) throws(TierError) -> R {
    let scope = scope.limited(toNanoseconds: StoreLimits.credentialsFetchNanoseconds)
    let policy = RetryPolicy(retriesMax: StoreLimits.credentialsRetriesMax)
    var attempt = 0
    while true {
      do throws(TierError) {
        return try body(scope)
      } catch {
        let pause = policy.pause(
          afterAttempt: attempt, isThrottled: false, retryAfter: nil, random: host.random,
          remaining: scope.remainingNanoseconds / 1_000_000)
        guard error.code == .retriable, !scope.isCancelled, let pause else { throw error }
        S3Client.sleep(pause, scope)
        attempt += 1
      }
    }
  }

  enum Outcome {
    case answer(HTTPResponse)
    /// Nobody is there, or nobody answers.
    case nobody(String)
  }

  /// `who` begins the messages. Throws `retriable` for what broke on the way, `permanent` for TLS.
  func ask(
    _ who: String, _ method: String, _ url: String, _ headers: [(String, String)],
    _ body: [UnsafeRawBufferPointer] = [],
    isLocal: Bool, _ scope: CallScope
  ) throws(TierError) -> Outcome {
    let remaining = max(1, scope.remainingNanoseconds / 1_000_000)
    let request = HTTPRequest(
      method: method, url: url, headers: headers, body: body,
      timeoutMilliseconds: Int(min(StoreLimits.credentialsRequestMilliseconds, remaining)),
      connectTimeoutMilliseconds: Int(min(StoreLimits.credentialsConnectMilliseconds, remaining)), isLocal: isLocal)
    switch transport.perform([request], scope)[0] {
    case .success(let response): return .answer(response)
    case .failure(.unreachable(let text)): return .nobody(text)
    case .failure(.timedOut): return .nobody("no answer in time")
    case .failure(.tls(let problem, let text)):
      throw TierError(.permanent, "\(who): \(text) (\(problem.advice))")
    case .failure(let failure):
      try scope.check("asking \(who) for credentials")
      throw TierError(.retriable, "\(who) cannot be asked for credentials: \(failure)")
    }
  }

  /// What the metadata services of instances and containers answer.
  private struct Answer: Decodable {
    var Code: String?
    var Message: String?
    var AccessKeyId: String?
    var SecretAccessKey: String?
    var Token: String?
    var Expiration: String?
  }

  func decoded(_ body: [UInt8], _ who: String) throws(TierError) -> DatedCredentials {
    let answer: Answer
    do {
      answer = try JSONDecoder().decode(Answer.self, from: Data(body))
    } catch {
      throw TierError(.retriable, "\(who) answered with something that is no credentials")
    }
    if let code = answer.Code, code != "Success" {
      throw TierError(.retriable, "\(who) has no credentials: \(code.prefix(100)) \(answer.Message?.prefix(200) ?? "")")
    }
    return try dated(answer.AccessKeyId, answer.SecretAccessKey, answer.Token, end: answer.Expiration, who)
  }

  func dated(
    _ id: String?, _ secret: String?, _ token: String?, end: String?, _ who: String
  ) throws(TierError) -> DatedCredentials {
    let found = Credentials(
      accessKeyID: id ?? "", secretAccessKey: secret ?? "", sessionToken: token.flatMap { $0.isEmpty ? nil : $0 })
    guard found.isWellFormed else {
      throw TierError(.retriable, "\(who) answered with something that is no credentials")
    }
    guard let end = end.flatMap(Timestamp.iso8601) else {
      throw TierError(.retriable, "\(who) gave an end of credentials that is no time")
    }
    return DatedCredentials(found, end: end, now: host.wallClockMilliseconds)
  }
}
