import Metrics

/// What offload tells about itself. Every name stands here.
struct OffloadMetrics: Sendable {
  enum Name {
    static let lagBytes = "chronik_offload_lag_bytes"
    static let lagSegments = "chronik_offload_lag_segments"
    static let copiedBytes = "chronik_offload_copied_bytes_total"
    static let copies = "chronik_offload_copies_total"
    static let failures = "chronik_offload_failures_total"
    static let evictedBytes = "chronik_offload_evicted_bytes_total"
    static let copySeconds = "chronik_offload_copy_seconds"
  }

  private let lagBytes: Gauge
  private let lagSegments: Gauge
  let copiedBytes: Counter
  let copies: Counter
  let failures: Counter
  let evictedBytes: Counter
  let copySeconds: Recorder

  /// `tier`: the instance that takes the copies.
  init(tier: String) {
    let dimensions = [("tier", tier)]
    lagBytes = Gauge(label: Name.lagBytes, dimensions: dimensions)
    lagSegments = Gauge(label: Name.lagSegments, dimensions: dimensions)
    copiedBytes = Counter(label: Name.copiedBytes, dimensions: dimensions)
    copies = Counter(label: Name.copies, dimensions: dimensions)
    failures = Counter(label: Name.failures, dimensions: dimensions)
    evictedBytes = Counter(label: Name.evictedBytes, dimensions: dimensions)
    copySeconds = Recorder(label: Name.copySeconds, dimensions: dimensions)
  }

  /// Over all partitions.
  func setLag(_ lag: OffloadPlanner.Lag) {
    lagBytes.record(lag.bytes)
    lagSegments.record(lag.segments)
  }
}
