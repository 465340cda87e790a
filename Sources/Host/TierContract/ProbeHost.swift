import Glibc
import Synchronization
import TierAPI

/// The host's table for a tier under test: does what `host.h` says, remembers what rules ask about.
final class ProbeHost: @unchecked Sendable {
  let table: UnsafeMutablePointer<chronik_host>
  /// Bytes the tier says it holds.
  let accountedBytes = Atomic<Int>(0)
  private let wrongs = Mutex<[String]>([])

  /// The table is immortal, as is the object: a tier that calls after destroy is then seen instead of crashing.
  init() {
    table = .allocate(capacity: 1)
    table.initialize(to: Self.emptyTable)
    table.pointee.context = Unmanaged.passRetained(self).toOpaque()
  }

  /// What the tier did with the table that `host.h` does not allow.
  var misuses: [String] { wrongs.withLock { $0 } }

  private func note(_ wrong: String) { wrongs.withLock { if $0.count < 8 { $0.append(wrong) } } }

  private func checkName(_ name: chronik_bytes) {
    let legal = UnsafeBufferPointer(start: name.ptr, count: name.ptr == nil ? 0 : name.len).allSatisfy {
      ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 95
    }
    if name.len == 0 || !legal { note("a metric name is empty or not of [a-z0-9_]") }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> ProbeHost {
    Unmanaged<ProbeHost>.fromOpaque(context!).takeUnretainedValue()
  }

  private static var emptyTable: chronik_host {
    chronik_host(
      struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: CHRONIK_ABI_MAJOR, abi_minor: CHRONIK_ABI_MINOR,
      reserved: 0, context: nil,
      log: { context, level, text, _, _ in
        let me = ProbeHost.from(context)
        if level < CHRONIK_LOG_TRACE || level > CHRONIK_LOG_ERROR { me.note("log level \(level) does not exist") }
        if text.ptr == nil || text.len == 0 { me.note("a log line has no text") }
      },
      wall_clock_ms: { _ in clock(CLOCK_REALTIME) / 1_000_000 },
      monotonic_ns: { _ in clock(CLOCK_MONOTONIC) },
      random: { _ in UInt64.random(in: 0...UInt64.max) },
      counter_add: { context, name, _ in ProbeHost.from(context).checkName(name) },
      gauge_set: { context, name, _ in ProbeHost.from(context).checkName(name) },
      observe_seconds: { context, name, _ in ProbeHost.from(context).checkName(name) },
      account_memory: { context, delta in
        ProbeHost.from(context).accountedBytes.add(Int(delta), ordering: .relaxed)
      },
      run_blocking: { _, work, argument in
        let job = BlockingWork(work: work, argument: argument)
        startThread { job.work(job.argument) }
        return CHRONIK_OK
      },
      get_extension: { _, _ in nil })
  }
}

private struct BlockingWork: @unchecked Sendable {
  let work: @convention(c) (UnsafeMutableRawPointer?) -> Void
  let argument: UnsafeMutableRawPointer?
}

/// Nanoseconds.
private func clock(_ id: clockid_t) -> Int64 {
  var time = timespec()
  clock_gettime(id, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
