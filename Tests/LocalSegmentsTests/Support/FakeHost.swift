import Synchronization
import TierAPI
import TierKit

@testable import LocalSegmentsCore

/// A host whose clock stands still, whose random numbers come from a seed and that keeps every log line.
final class FakeHost: @unchecked Sendable {
  struct Line: Sendable {
    var level: Int32
    var text: String
    var fields: [String: String]
  }

  private let lines = Guarded<[Line]>([])
  private let generator = Guarded(SplitMix(7))
  let clock = Atomic<Int64>(1)
  /// Takes no work for other threads; otherwise it is done at once.
  let isBusy = Atomic<Bool>(false)
  private let table = UnsafeMutablePointer<chronik_host>.allocate(capacity: 1)

  init() {
    table.initialize(
      to: chronik_host(
        struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: 1, abi_minor: 0, reserved: 0, context: nil,
        log: { context, level, text, fields, count in
          FakeHost.from(context).note(level, text, UnsafeBufferPointer(start: fields, count: count))
        },
        wall_clock_ms: { _ in 1_700_000_000_000 },
        monotonic_ns: { FakeHost.from($0).clock.load(ordering: .relaxed) },
        random: { context in FakeHost.from(context).generator.withLock { $0.next() } },
        counter_add: { _, _, _ in }, gauge_set: { _, _, _ in }, observe_seconds: { _, _, _ in },
        account_memory: { _, _ in },
        run_blocking: { context, work, argument in
          if FakeHost.from(context).isBusy.load(ordering: .relaxed) { return CHRONIK_RETRIABLE }
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

  func linesAtLeast(_ level: HostServices.LogLevel) -> [Line] {
    lines.withLock { $0.filter { $0.level >= level.rawValue } }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> FakeHost {
    Unmanaged<FakeHost>.fromOpaque(context!).takeUnretainedValue()
  }

  private func note(_ level: Int32, _ text: chronik_bytes, _ fields: UnsafeBufferPointer<chronik_setting>) {
    let pairs = fields.map { (String($0.key), String($0.value)) }
    let line = Line(level: level, text: String(text), fields: Dictionary(pairs) { first, _ in first })
    lines.withLock { $0.append(line) }
  }
}
