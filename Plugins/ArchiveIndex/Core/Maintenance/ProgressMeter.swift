import TierKit

/// Tells the caller of a long call how far it has come, a few times a second at most.
struct ProgressMeter {
  private let host: HostServices
  private let report: (UInt64, UInt64) -> Bool
  private var last: Int64

  init(_ host: HostServices, _ report: @escaping (UInt64, UInt64) -> Bool) {
    self.host = host
    self.report = report
    last = .min
  }

  /// Throws `cancelled` when the caller wants it.
  mutating func note(_ done: Int, of total: Int) throws(TierError) {
    let now = host.monotonicNanoseconds
    guard last == .min || now - last >= 250_000_000 || (done == total && total > 0) else { return }
    last = now
    if !report(UInt64(done), UInt64(total)) { throw TierError(.cancelled, "the caller ended it") }
  }
}
