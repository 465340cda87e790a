import TierAPI

/// The host's table in Swift's terms. Every effect of a plugin that is not file or network I/O goes through it.
///
/// Thread rules: all functions may be called from any thread and none blocks.
public struct HostServices: @unchecked Sendable {
  private let table: UnsafePointer<chronik_host>

  /// The table stays valid until the instance was destroyed; the host promises that.
  public init(_ table: UnsafePointer<chronik_host>) { self.table = table }

  public enum LogLevel: Int32, Sendable { case trace = 0, debug, info, warning, error }

  /// Logs a constant sentence; what varies goes into `fields`.
  public func log(_ level: LogLevel, _ text: String, _ fields: [(String, String)] = []) {
    var storage: [UInt8] = []
    var ranges: [Range<Int>] = []
    for part in [text] + fields.flatMap({ [$0.0, $0.1] }) {
      let start = storage.count
      storage.append(contentsOf: part.utf8)
      ranges.append(start..<storage.count)
    }
    storage.withUnsafeBufferPointer { bytes in
      func piece(_ index: Int) -> chronik_bytes {
        chronik_bytes(ptr: bytes.baseAddress.map { $0 + ranges[index].lowerBound }, len: ranges[index].count)
      }
      let settings = fields.indices.map { chronik_setting(key: piece(1 + 2 * $0), value: piece(2 + 2 * $0)) }
      settings.withUnsafeBufferPointer { list in
        table.pointee.log(table.pointee.context, level.rawValue, piece(0), list.baseAddress, list.count)
      }
    }
  }

  /// Milliseconds since 1970-01-01 UTC.
  public var wallClockMilliseconds: Int64 { table.pointee.wall_clock_ms(table.pointee.context) }
  /// Nanoseconds of a clock that never goes back.
  public var monotonicNanoseconds: Int64 { table.pointee.monotonic_ns(table.pointee.context) }
  /// 64 random bits, not for secrets.
  public var random: UInt64 { table.pointee.random(table.pointee.context) }

  public func addToCounter(_ name: StaticString, _ delta: Int64) {
    table.pointee.counter_add(table.pointee.context, name.borrowed, delta)
  }

  public func setGauge(_ name: StaticString, _ value: Int64) {
    table.pointee.gauge_set(table.pointee.context, name.borrowed, value)
  }

  public func observe(_ name: StaticString, seconds: Double) {
    table.pointee.observe_seconds(table.pointee.context, name.borrowed, seconds)
  }

  /// Tells the host that the instance holds `delta` more bytes of memory (fewer when negative).
  public func accountMemory(_ delta: Int64) {
    table.pointee.account_memory(table.pointee.context, delta)
  }

  /// The host's table for an optional ability, or nil.
  func hostExtension(_ id: String) -> UnsafeRawPointer? {
    id.withCString { table.pointee.get_extension(table.pointee.context, $0) }
  }

  /// Runs `work` once on the host's blocking pool; false when the pool refuses because its queue is full.
  public func runBlocking(_ work: @escaping @Sendable () -> Void) -> Bool {
    let box = Unmanaged.passRetained(WorkBox(work))
    let status = table.pointee.run_blocking(
      table.pointee.context, { argument in Unmanaged<WorkBox>.fromOpaque(argument!).takeRetainedValue().work() },
      box.toOpaque())
    if status != CHRONIK_OK { box.release() }
    return status == CHRONIK_OK
  }

  private final class WorkBox: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }
}

extension StaticString {
  fileprivate var borrowed: chronik_bytes { chronik_bytes(ptr: utf8Start, len: utf8CodeUnitCount) }
}
