import Glibc
import Logging
import Metrics
import NIOConcurrencyHelpers
import PluginLoader
import TierAPI

/// What the broker offers one tier instance.
final class TierHost: PluginHost {
  private let instance: String
  private let logger: Logger
  private let blockingPool: BlockingPool
  private let names = NIOLockedValueBox<Set<String>>([])
  private let store: ObjectStoreHandle?
  private let memory = NIOLockedValueBox<Int64>(0)

  /// Distinct metric names that one instance may create; a plugin that puts data into names must not grow without end.
  private static let metricNamesMax = 64

  /// `store`: the one that a tier with the ability `CHRONIK_TIER_STORE` keeps its data in; it lives until the tier is
  /// gone.
  init(instance: String, logger: Logger, blockingPool: BlockingPool, store: ObjectStoreHandle? = nil) {
    self.store = store
    self.instance = instance
    self.blockingPool = blockingPool
    var named = logger
    named[metadataKey: "tier"] = "\(instance)"
    self.logger = named
  }

  func log(level: Int32, text: String, fields: [(String, String)]) {
    let metadata = Logger.Metadata(fields.map { ($0.0, .string($0.1)) }) { $1 }
    let levels: [Logger.Level] = [.trace, .debug, .info, .warning, .error]
    let chosen = level >= 0 && level < Int32(levels.count) ? levels[Int(level)] : .error
    logger.log(level: chosen, "\(text)", metadata: metadata)
  }

  var wallClockMilliseconds: Int64 { WallClock.milliseconds }

  var monotonicNanoseconds: Int64 { Self.monotonicNow }

  static var monotonicNow: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  var random: UInt64 { UInt64.random(in: .min ... .max) }

  func addToCounter(_ name: String, _ delta: Int64) {
    guard delta > 0, admits(name) else { return }
    Counter(label: "chronik_tier_\(name)", dimensions: [("tier", instance)]).increment(by: delta)
  }

  func setGauge(_ name: String, _ value: Int64) {
    guard admits(name) else { return }
    Gauge(label: "chronik_tier_\(name)", dimensions: [("tier", instance)]).record(value)
  }

  func observe(_ name: String, seconds: Double) {
    guard admits(name) else { return }
    Recorder(label: "chronik_tier_\(name)", dimensions: [("tier", instance)]).record(seconds)
  }

  func accountMemory(_ delta: Int64) {
    memory.withLockedValue { $0 += delta }
  }

  func runBlocking(_ work: @escaping @Sendable () -> Void) -> Bool {
    blockingPool.run(work)
    return true
  }

  func extensionTable(_ id: String) -> UnsafeRawPointer? {
    id == CHRONIK_HOST_OBJECT_STORE ? store?.extensionTable : nil
  }

  private func admits(_ name: String) -> Bool {
    names.withLockedValue { names in
      if names.contains(name) { return true }
      guard names.count < Self.metricNamesMax else { return false }
      names.insert(name)
      return true
    }
  }
}

/// The one place that asks the system for the time of day.
enum WallClock {
  /// Milliseconds since 1970-01-01 UTC.
  static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
