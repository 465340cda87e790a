/// Spreads bytes over time. Pure: told the time, it says how long to wait.
struct CompactionPace: Sendable {
  var bytesPerSecond: Int
  /// Debts below this are collected: waiting for microseconds costs more than it gives.
  static let pauseMin = Duration.milliseconds(20)
  /// A longer rest gives no more credit than this: after it the disk is not flooded.
  private static let creditMax = Duration.milliseconds(100)

  /// When the bytes so far are paid for.
  private var paidUntil: ContinuousClock.Instant?

  init(bytesPerSecond: Int) { self.bytesPerSecond = bytesPerSecond }

  /// Counts bytes that were moved; how long to pause now.
  mutating func pause(after byteCount: Int, now: ContinuousClock.Instant) -> Duration {
    let from = max(paidUntil ?? now, now - Self.creditMax)
    let until = from + .nanoseconds(Int64(Double(byteCount) / Double(bytesPerSecond) * 1e9))
    paidUntil = until
    let debt = now.duration(to: until)
    return debt >= Self.pauseMin ? debt : .zero
  }
}
