/// How long to wait before a request is sent again: full jitter, so that many callers do not come back together. Pure.
struct RetryPolicy: Sendable {
  var retriesMax: Int
  /// Bounds of the first pause after a failure; doubled with each one.
  var failureBase: Int64 = 50
  var failureMax: Int64 = 5_000
  /// The same when the service asked to be called less often.
  var throttleBase: Int64 = 200
  var throttleMax: Int64 = 20_000

  /// Milliseconds to wait before try number `attempt` + 1, where `attempt` failed (from 0); nil: give up. `retryAfter`:
  /// milliseconds that the service asked for, at least. `random`: 64 random bits. `remaining`: milliseconds to the
  /// deadline.
  func pause(
    afterAttempt attempt: Int, isThrottled: Bool, retryAfter: Int64?, random: UInt64, remaining: Int64
  ) -> Int64? {
    guard attempt < retriesMax else { return nil }
    let (base, cap) = isThrottled ? (throttleBase, throttleMax) : (failureBase, failureMax)
    let bound = min(cap, base << Int64(min(attempt, 20)))
    let jitter = Int64(random % UInt64(bound + 1))
    // Behind what the service asked for as well: it asks everybody for the same.
    let pause = jitter + (retryAfter ?? 0)
    return pause < remaining ? pause : nil
  }

  /// Milliseconds; a Retry-After is a number of seconds or a date.
  static func retryAfter(_ text: String?, now: Int64) -> Int64? {
    guard let text else { return nil }
    if let seconds = Int64(text) { return seconds < 0 ? nil : min(seconds, 86_400) * 1000 }
    return Timestamp.http(text).map { max(0, $0 - now) }
  }
}
