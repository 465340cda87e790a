import Glibc
import Synchronization
import TierAPI
import TierKit

/// A host with the machine's monotonic clock that remembers what it was told.
final class TestHost: @unchecked Sendable {
  struct Seen {
    var counters: [String: Int64] = [:]
    var log: [String] = []
    var random: UInt64
  }
  let seen: Mutex<Seen>
  /// Milliseconds since 1970 that the wall clock is off.
  let wallClockOffset = Atomic<Int64>(0)
  private let table = UnsafeMutablePointer<chronik_host>.allocate(capacity: 1)
  /// The answer to CHRONIK_HOST_OBJECT_STORE.
  private let offered = UnsafeMutablePointer<chronik_host_object_store>.allocate(capacity: 1)

  init(seed: UInt64 = 4, store: UnsafePointer<chronik_object_store>? = nil, instance: UnsafeMutableRawPointer? = nil) {
    seen = Mutex(Seen(random: seed))
    table.initialize(
      to: chronik_host(
        struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: CHRONIK_ABI_MAJOR,
        abi_minor: CHRONIK_ABI_MINOR, reserved: 0, context: nil,
        log: { context, _, text, fields, count in
          let list = UnsafeBufferPointer(start: fields, count: count)
          let line = String(text) + list.map { " \(String($0.key))=\(String($0.value))" }.joined()
          TestHost.from(context).seen.withLock { $0.log.append(line) }
        },
        wall_clock_ms: {
          TestHost.read(CLOCK_REALTIME) / 1_000_000 + TestHost.from($0).wallClockOffset.load(ordering: .relaxed)
        },
        monotonic_ns: { _ in TestHost.read(CLOCK_MONOTONIC) },
        random: { TestHost.from($0).nextRandom() },
        counter_add: { context, name, delta in
          TestHost.from(context).seen.withLock { $0.counters[String(name), default: 0] += delta }
        },
        gauge_set: { _, _, _ in }, observe_seconds: { _, _, _ in }, account_memory: { _, _ in },
        run_blocking: { _, _, _ in CHRONIK_THROTTLED },
        get_extension: { context, id in
          let me = TestHost.from(context)
          guard String(cString: id) == CHRONIK_HOST_OBJECT_STORE, me.hasStore else { return nil }
          return UnsafeRawPointer(me.offered)
        }))
    // A host outlives its plugins, and a test has no place to say so: it lives to the end of the run.
    table.pointee.context = Unmanaged.passRetained(self).toOpaque()
    hasStore = store != nil
    if let store, let instance {
      offered.initialize(
        to: chronik_host_object_store(
          struct_size: UInt32(MemoryLayout<chronik_host_object_store>.size), reserved: 0, store: store,
          instance: instance))
    }
  }

  private var hasStore = false
  var services: HostServices { HostServices(table) }
  var pointer: UnsafePointer<chronik_host> { UnsafePointer(table) }
  func counter(_ name: String) -> Int64 { seen.withLock { $0.counters[name] ?? 0 } }
  var log: [String] { seen.withLock { $0.log } }

  /// SplitMix64.
  private func nextRandom() -> UInt64 {
    seen.withLock { seen in
      seen.random &+= 0x9E37_79B9_7F4A_7C15
      var z = seen.random
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  static func from(_ context: UnsafeMutableRawPointer?) -> TestHost {
    Unmanaged<TestHost>.fromOpaque(context!).takeUnretainedValue()
  }
}
