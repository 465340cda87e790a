/// How often a failure that comes back with every request is logged: a full disk must not be filled with log lines, nor
/// the line that explains it be pushed out by its repetitions. Pure.
struct FailureReports {
  /// Milliseconds between two lines about the same thing.
  static let interval: Int64 = 10_000

  private var last: Int64?
  private var quietCount = 0

  /// A failure at `now`, in ms. Returns how many were not logged since the last line; nil: this one is not either.
  mutating func admit(at now: Int64) -> Int? {
    // A clock that was set back must not silence anything for longer.
    if let last, now >= last, now - last < Self.interval {
      quietCount += 1
      return nil
    }
    last = now
    defer { quietCount = 0 }
    return quietCount
  }
}
