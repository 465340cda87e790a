import Foundation
import Synchronization
@testable import MemoryBufferCore
import TierAPI
import TierKit

/// Counts what the plugin tells its host; the table lives as long as the object.
final class FakeHost: @unchecked Sendable {
  let accountedBytes = Atomic<Int>(0)
  let counters = Locked<[String: Int]>([:])
  private let table = UnsafeMutablePointer<chronik_host>.allocate(capacity: 1)

  init() {
    table.initialize(
      to: chronik_host(
        struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: CHRONIK_ABI_MAJOR,
        abi_minor: CHRONIK_ABI_MINOR, reserved: 0, context: nil, log: { _, _, _, _, _ in },
        wall_clock_ms: { _ in 0 }, monotonic_ns: { _ in 0 }, random: { _ in 4 },
        counter_add: { context, name, delta in
          FakeHost.from(context).counters.withLock { $0[String(name), default: 0] += Int(delta) }
        },
        gauge_set: { _, _, _ in }, observe_seconds: { _, _, _ in },
        account_memory: { FakeHost.from($0).accountedBytes.add(Int($1), ordering: .relaxed) },
        run_blocking: { _, _, _ in CHRONIK_THROTTLED }, get_extension: { _, _ in nil }))
    table.pointee.context = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit { table.deallocate() }

  var services: HostServices { HostServices(table) }
  func counter(_ name: String) -> Int { counters.withLock { $0[name] ?? 0 } }

  private static func from(_ context: UnsafeMutableRawPointer?) -> FakeHost {
    Unmanaged<FakeHost>.fromOpaque(context!).takeUnretainedValue()
  }
}

/// The allocations whose slices the plugin was given: which it keeps, and how much that is.
final class Ledger: Sendable {
  let retains = Atomic<Int>(0)
  let releases = Atomic<Int>(0)
  /// Sum of storage_bytes of the allocations that the plugin keeps alive.
  let keptBytes = Atomic<Int>(0)
  var balance: Int { retains.load(ordering: .relaxed) - releases.load(ordering: .relaxed) }
}

/// One allocation of the host. It is scribbled over and freed when the last reference goes, so that a plugin that reads
/// on is caught by the byte checks.
final class FakeStorage: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  private let ledger: Ledger
  private let kept = Atomic<Int>(0)

  init(byteCount: Int, ledger: Ledger) {
    bytes = .allocate(byteCount: byteCount, alignment: 16)
    self.ledger = ledger
  }

  deinit {
    bytes.initializeMemory(as: UInt8.self, repeating: 0xDD)
    bytes.deallocate()
  }

  func slice(_ range: Range<Int>) -> chronik_slice {
    chronik_slice(
      ptr: UnsafePointer((bytes.baseAddress! + range.lowerBound).assumingMemoryBound(to: UInt8.self)),
      len: range.count, storage_bytes: bytes.count, owner: Unmanaged.passUnretained(self).toOpaque(),
      retain: { owner in
        let storage = Unmanaged<FakeStorage>.fromOpaque(owner!).retain().takeUnretainedValue()
        storage.ledger.retains.add(1, ordering: .relaxed)
        if storage.kept.add(1, ordering: .relaxed).oldValue == 0 {
          storage.ledger.keptBytes.add(storage.bytes.count, ordering: .relaxed)
        }
      },
      release: { owner in
        let reference = Unmanaged<FakeStorage>.fromOpaque(owner!)
        let storage = reference.takeUnretainedValue()
        storage.ledger.releases.add(1, ordering: .relaxed)
        if storage.kept.subtract(1, ordering: .relaxed).newValue == 0 {
          storage.ledger.keptBytes.subtract(storage.bytes.count, ordering: .relaxed)
        }
        reference.release()
      })
  }
}

/// SplitMix64: a seed that is printed with a failure brings the same run back.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Runs every closure on its own thread and returns when all have ended.
func runOnThreads(_ bodies: [@Sendable () -> Void]) {
  let done = DispatchGroup()
  for body in bodies {
    done.enter()
    Thread.detachNewThread {
      body()
      done.leave()
    }
  }
  done.wait()
}
