/// Offsets that the store was just asked for in vain, so that a consumer who keeps asking does not become a storm of
/// listings. Pure; times are of the host's monotonic clock, nanoseconds.
struct NegativeAnswers {
  private var times: [Int64: Int64] = [:]

  func isFresh(_ offset: Int64, now: Int64) -> Bool {
    times[offset].map { now - $0 < Limits.negativeAnswerNanoseconds } ?? false
  }

  mutating func note(_ offset: Int64, now: Int64) {
    if times.count >= Limits.negativeAnswersMax {
      times = times.filter { now - $0.value < Limits.negativeAnswerNanoseconds }
      if times.count >= Limits.negativeAnswersMax { times = [:] }
    }
    times[offset] = now
  }

  mutating func removeAll() { times = [:] }
}
