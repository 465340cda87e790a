import Testing
import TierKit

@testable import LocalSegmentsCore

/// One instance of the tier on a simulated disk.
final class Rig {
  let disk: SimulatedDisk
  let host = FakeHost()
  let tier: LocalSegmentsTier
  var configuration: Configuration

  static let orders = PartitionID(topic: "orders", topicID: Array(0..<16), partition: 3)
  static let directory = "/data/orders-3"

  init(_ disk: SimulatedDisk = SimulatedDisk(), _ change: (inout Configuration) -> Void = { _ in }) throws {
    self.disk = disk
    configuration = Configuration()
    configuration.flushThreads = 0
    configuration.checkpointInterval = 1 << 40
    configuration.commitLogByteCount = 128 * 1024
    configuration.keptFreeByteCount = 0
    change(&configuration)
    tier = try LocalSegmentsTier(
      fileSystem: disk, host: host.services, configuration: configuration, dataDirectory: "/data")
    try tier.start()
  }

  func open(
    _ id: PartitionID = Rig.orders, segmentBytes: Int64 = 1 << 20, interval: Int64 = 200, milliseconds: Int64 = -1,
    at offset: Int64 = 0
  ) throws -> PartitionLog {
    try tier.open(
      id,
      settings: PartitionSettings(
        segmentBytes: segmentBytes, segmentMilliseconds: milliseconds, indexIntervalBytes: interval),
      initialOffset: offset)
  }

  /// Partition `number` of a topic of many.
  static func many(_ number: Int32, topicID: UInt8 = 1) -> PartitionID {
    PartitionID(topic: "many", topicID: Array(repeating: topicID, count: 16), partition: number)
  }

  /// Opens partitions 0..<count of that topic, has the commit log's files made and nothing left to flush.
  func openMany(_ count: Int32 = 6, segmentBytes: Int64 = 1 << 20) throws -> [PartitionLog] {
    let logs = try (0..<count).map { try open(Rig.many($0), segmentBytes: segmentBytes) }
    for log in logs { try log.append(series(1)) }
    try flush(logs)
    return logs
  }

  /// Flushes together; every partition must answer with its end.
  func flush(_ logs: [PartitionLog]) throws {
    for (log, result) in zip(logs, tier.flush(logs: logs)) { #expect(try result.get() == log.currentState.endOffset) }
  }

  func log(_ name: Int64) -> String { "\(Rig.directory)/" + file(name, "log") }
}

func file(_ base: Int64, _ kind: String) -> String {
  let digits = String(base)
  return String(repeating: "0", count: 20 - digits.count) + digits + "." + kind
}

/// `count` batches of one record each from `offset` on, told apart by their payload.
func series(_ count: Int, from offset: Int64 = 0, size: Int = 40, epoch: Int32 = 0, tag: UInt8 = 0) -> [TestBatch] {
  (0..<count).map { index in
    let at = offset + Int64(index)
    return TestBatch(
      at: at, payload: (0..<size).map { UInt8(truncatingIfNeeded: Int(at) &* 7 &+ $0) ^ tag },
      timestamp: 1_000 + at, epoch: epoch)
  }
}

func bytes(_ batches: some Sequence<TestBatch>) -> [UInt8] { batches.flatMap(\.bytes) }
