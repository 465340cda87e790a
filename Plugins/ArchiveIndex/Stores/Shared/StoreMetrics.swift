import TierKit

/// The calls that are counted. Metric names and what they count are in this file only.
enum StoreOperation: Int, CaseIterable, Sendable {
  case put, read, head, list, remove

  /// Calls that began.
  var requests: StaticString {
    switch self {
    case .put: "store_put_requests"
    case .read: "store_read_requests"
    case .head: "store_head_requests"
    case .list: "store_list_requests"
    case .remove: "store_remove_requests"
    }
  }

  /// Calls that failed; a missing object is no failure of head.
  var errors: StaticString {
    switch self {
    case .put: "store_put_errors"
    case .read: "store_read_errors"
    case .head: "store_head_errors"
    case .list: "store_list_errors"
    case .remove: "store_remove_errors"
    }
  }

  /// How long calls took.
  var seconds: StaticString {
    switch self {
    case .put: "store_put_seconds"
    case .read: "store_read_seconds"
    case .head: "store_head_seconds"
    case .list: "store_list_seconds"
    case .remove: "store_remove_seconds"
    }
  }
}

/// Counts and times calls through the host. Thread-safe.
struct StoreMetrics: Sendable {
  let host: HostServices

  func measure<R>(_ operation: StoreOperation, _ body: () throws(TierError) -> R) throws(TierError) -> R {
    let start = host.monotonicNanoseconds
    host.addToCounter(operation.requests, 1)
    defer { host.observe(operation.seconds, seconds: Double(host.monotonicNanoseconds - start) / 1e9) }
    do throws(TierError) {
      return try body()
    } catch {
      host.addToCounter(operation.errors, 1)
      throw error
    }
  }

  /// Bytes of objects written and acknowledged.
  func wrote(_ byteCount: Int) { host.addToCounter("store_put_bytes", Int64(byteCount)) }
  /// Bytes of objects delivered.
  func readBytes(_ byteCount: Int) { host.addToCounter("store_read_bytes", Int64(byteCount)) }
  /// HTTP requests sent again.
  func retried() { host.addToCounter("store_retries", 1) }
  /// Answers in which the service asked to be called less often.
  func throttled() { host.addToCounter("store_throttled", 1) }
}
