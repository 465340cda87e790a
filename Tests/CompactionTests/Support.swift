import KafkaRecords
import TierAPI
import TierKit

@testable import CompactionCore

/// A host with random numbers from a seed and nothing else.
final class FakeHost: @unchecked Sendable {
  private let table = UnsafeMutablePointer<chronik_host>.allocate(capacity: 1)
  var random = SplitMix(11)
  var memory: Int64 = 0
  var lines: [String] = []

  init() {
    table.initialize(
      to: chronik_host(
        struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: 1, abi_minor: 0, reserved: 0, context: nil,
        log: { context, _, text, _, _ in FakeHost.from(context).lines.append(String(text)) },
        wall_clock_ms: { _ in 0 }, monotonic_ns: { _ in 0 }, random: { FakeHost.from($0).random.next() },
        counter_add: { _, _, _ in }, gauge_set: { _, _, _ in }, observe_seconds: { _, _, _ in },
        account_memory: { FakeHost.from($0).memory += $1 }, run_blocking: { _, _, _ in CHRONIK_THROTTLED },
        get_extension: { _, _ in nil }))
    table.pointee.context = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit { table.deallocate() }

  var services: HostServices { HostServices(table) }

  private static func from(_ context: UnsafeMutableRawPointer?) -> FakeHost {
    Unmanaged<FakeHost>.fromOpaque(context!).takeUnretainedValue()
  }
}

/// A small generator with a printable seed.
struct SplitMix: RandomNumberGenerator, Sendable {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

let anyPartition = PartitionID(topic: "states", topicID: Array(0..<16), partition: 0)

/// A sealed segment, and the active one behind it.
func segment(
  _ base: Int64, _ next: Int64, bytes: Int64 = 1_000, newest: Int64 = 0, oldest: Int64 = 0, isSealed: Bool = true
) -> chronik_segment {
  chronik_segment(
    base_offset: base, next_offset: next, byte_count: bytes, max_timestamp: newest, min_timestamp: oldest,
    last_leader_epoch: 0, flags: isSealed ? CHRONIK_SEGMENT_SEALED : 0, reserved: (0, 0))
}

/// A record as a reader sees it: everything that compaction must not change.
struct SeenRecord: Equatable, Sendable {
  var offset: Int64
  var timestamp: Int64
  var key: [UInt8]?
  var value: [UInt8]?
  var headers: [RecordHeader]
}

/// Decodes a batch, checksum and all.
func records(of batch: [UInt8]) throws -> [SeenRecord] {
  try batch.withUnsafeBytes { bytes in
    let header = try RecordBatch.validate(bytes)
    return try RecordBatchReader(bytes, limit: 1 << 28).records().map { record in
      SeenRecord(
        offset: header.baseOffset + Int64(record.offsetDelta),
        timestamp: header.timestamp(delta: record.timestampDelta),
        key: record.key, value: record.value, headers: record.headers)
    }
  }
}

func header(of batch: [UInt8]) throws -> RecordBatchHeader {
  try batch.withUnsafeBytes { bytes in try RecordBatch.validate(bytes) }
}
