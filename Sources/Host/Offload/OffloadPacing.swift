/// How long a partition that failed is left alone. Pure.
struct OffloadBackoff: Sendable, Equatable {
  private(set) var failureCount = 0
  /// On the monotonic clock, ns.
  private(set) var notBefore: Int64 = .min

  static let first: Int64 = 1_000_000_000
  static let longest: Int64 = 300_000_000_000

  /// Doubles from one second to five minutes; `random` spreads the repetitions of many partitions over a quarter of it.
  mutating func failed(now: Int64, random: UInt64) {
    let doubled = Self.first << Int64(min(failureCount, 16))
    let pause = min(doubled, Self.longest)
    failureCount += 1
    notBefore = now + pause + Int64(random % UInt64(pause / 4))
  }

  mutating func succeeded() { self = OffloadBackoff() }
}

/// The bandwidth limit: tokens are bytes. Pure.
///
/// A copy takes its bytes at once and may overdraw; the next one waits until the debt is paid.
struct TokenBucket: Sendable {
  /// 0: no limit. What was overdrawn stays so when it changes.
  var bytesPerSecond: Int64
  private var balance: Double
  private var lastTime: Int64?

  init(bytesPerSecond: Int64) {
    self.bytesPerSecond = bytesPerSecond
    balance = Double(bytesPerSecond)
  }

  /// Nanoseconds to wait before the next copy may begin; 0 when it may now.
  mutating func wait(now: Int64) -> Int64 {
    guard bytesPerSecond > 0 else { return 0 }
    let elapsed = max(0, now - (lastTime ?? now))
    lastTime = now
    balance = min(Double(bytesPerSecond), balance + Double(elapsed) / 1e9 * Double(bytesPerSecond))
    return balance > 0 ? 0 : Int64((1 - balance) / Double(bytesPerSecond) * 1e9) + 1
  }

  mutating func take(_ byteCount: Int64) {
    guard bytesPerSecond > 0 else { return }
    balance -= Double(byteCount)
  }
}
