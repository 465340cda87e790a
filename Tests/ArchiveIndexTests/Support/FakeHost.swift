import Synchronization
import TierAPI
import TierKit

@testable import ArchiveIndexCore

/// A host whose clock moves only when told, whose random numbers come from a seed and that keeps log lines, counters
/// and the memory it was told of.
final class FakeHost: @unchecked Sendable {
  struct Line: Sendable {
    var level: Int32
    var text: String
    var fields: [String: String]
  }

  private struct State {
    var lines: [Line] = []
    var counters: [String: Int64] = [:]
    var memory: Int64 = 0
  }

  private let state = Guarded(State())
  let clock = Atomic<Int64>(1)
  /// How often somebody asked for one of the host's own threads.
  let borrowedThreads = Atomic<Int>(0)
  private let table = UnsafeMutablePointer<chronik_host>.allocate(capacity: 1)

  init() {
    table.initialize(
      to: chronik_host(
        struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: 1, abi_minor: 0, reserved: 0, context: nil,
        log: { context, level, text, fields, count in
          FakeHost.from(context).note(level, text, UnsafeBufferPointer(start: fields, count: count))
        },
        wall_clock_ms: { _ in 1_700_000_000_000 },
        monotonic_ns: { FakeHost.from($0).clock.load(ordering: .relaxed) }, random: { _ in 4 },
        counter_add: { context, name, delta in
          let name = String(name)
          FakeHost.from(context).state.withLock { $0.counters[name, default: 0] += delta }
        },
        gauge_set: { _, _, _ in }, observe_seconds: { _, _, _ in },
        account_memory: { context, delta in FakeHost.from(context).state.withLock { $0.memory += delta } },
        run_blocking: { context, work, argument in
          FakeHost.from(context).borrowedThreads.add(1, ordering: .relaxed)
          work(argument)
          return CHRONIK_OK
        },
        get_extension: { _, _ in nil }))
    table.pointee.context = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit { table.deallocate() }

  /// Valid as long as the fake lives.
  var services: HostServices { HostServices(table) }
  var raw: UnsafePointer<chronik_host> { UnsafePointer(table) }
  var memory: Int64 { state.withLock { $0.memory } }
  func counter(_ name: String) -> Int64 { state.withLock { $0.counters[name] ?? 0 } }
  func lines(_ level: HostServices.LogLevel) -> [Line] {
    state.withLock { $0.lines.filter { $0.level >= level.rawValue } }
  }
  func advance(seconds: Int64) { clock.add(seconds * 1_000_000_000, ordering: .relaxed) }

  private static func from(_ context: UnsafeMutableRawPointer?) -> FakeHost {
    Unmanaged<FakeHost>.fromOpaque(context!).takeUnretainedValue()
  }

  private func note(_ level: Int32, _ text: chronik_bytes, _ fields: UnsafeBufferPointer<chronik_setting>) {
    let pairs = fields.map { (String($0.key), String($0.value)) }
    let line = Line(level: level, text: String(text), fields: Dictionary(pairs) { first, _ in first })
    state.withLock { $0.lines.append(line) }
  }
}
