import Glibc
import LocalSegmentsCore
import TierAPI
import TierKit

/// Fetching page-cached data: a nonblocking read finds the region of the next MiB through the index, and `sendfile`
/// hands it to a loopback socket. Raw is `sendfile` of the same file, MiB by MiB.
final class ReadBench {
  private let tier: LocalSegmentsTier
  private let log: PartitionLog
  private let path: String
  private let byteCount: Int
  private let end: Int64
  private let passes: Int

  private static let fetchByteCount = 1 << 20

  /// Writes `byteCount` bytes in batches of `batch` and reads them `passes` times per run.
  init(directory: String, batch: Int, byteCount: Int = 256 << 20, passes: Int = 16) throws {
    try clear(directory)
    tier = try makeTier(directory)
    log = try tier.open(partition(0), settings: PartitionSettings(segmentBytes: 1 << 30), initialOffset: 0)
    let source = BatchSource(byteCount: batch)
    let count = byteCount / batch
    for _ in 0..<count { try source.append(to: log) }
    _ = try log.flush().get()
    path = "\(directory)/bench-0/00000000000000000000.log"
    self.byteCount = count * batch
    end = Int64(count)
    self.passes = passes
  }

  func own() throws -> Measurement {
    try measure { connection in
      var offset: Int64 = 0
      while offset < end {
        let request = ReadRequest(
          offset: offset, endOffset: .max, maxBytes: Self.fetchByteCount, minOneBatch: true, nonblocking: true)
        var region: FileRegion?
        let (outcome, slice) = try log.read(request, limit: 1) { region = $0 }
        guard case .ok = outcome, let region, slice.nextOffset > offset else {
          throw TierError(.permanent, "a read at \(offset) of cached data answered \(outcome)")
        }
        try connection.send(region.descriptor, at: region.position, byteCount: region.byteCount)
        offset = slice.nextOffset
      }
    }
  }

  func raw() throws -> Measurement {
    let descriptor = try PosixFileSystem().open(path, .existing)
    defer { PosixFileSystem().close(descriptor) }
    return try measure { connection in
      for position in stride(from: 0, to: byteCount, by: Self.fetchByteCount) {
        try connection.send(
          descriptor, at: Int64(position), byteCount: min(Self.fetchByteCount, byteCount - position))
      }
    }
  }

  private func measure(_ pass: (DrainedConnection) throws -> Void) throws -> Measurement {
    let connection = try DrainedConnection()
    var arrived = 0
    let meter = try Meter.of {
      for _ in 0..<passes { try pass(connection) }
      arrived = try connection.finish()
    }
    guard arrived == byteCount * passes else {
      throw TierError(.permanent, "\(arrived) bytes arrived of \(byteCount * passes)")
    }
    return Measurement(meter, amount: Double(arrived) / 1e9, byteCount: arrived)
  }

  /// Processor nanoseconds of one nonblocking read of `fetchByteCount` bytes without sending, in order and at random.
  func lookups() throws -> Figure {
    func read(_ offset: Int64) throws -> Int64 {
      let request = ReadRequest(
        offset: offset, endOffset: .max, maxBytes: Self.fetchByteCount, minOneBatch: true, nonblocking: true)
      let (outcome, slice) = try log.read(request, limit: 1) { _ in }
      guard case .ok = outcome else { throw TierError(.permanent, "a read at \(offset) answered \(outcome)") }
      return slice.nextOffset
    }
    var reads = 0
    let inOrder = try Meter.of {
      for _ in 0..<4 {
        var offset: Int64 = 0
        while offset < end {
          offset = try read(offset)
          reads += 1
        }
      }
    }
    let atRandom = try Meter.of { for _ in 0..<10_000 { _ = try read(Int64.random(in: 0..<end)) } }
    return Figure(
      name: "  one read, batches of \(byteCount / Int(end))",
      values: [
        ("in order", inOrder.processor.total / Double(reads) * 1e9, "ns"),
        ("at random", atRandom.processor.total / 10_000 * 1e9, "ns"),
      ])
  }

  func stop() { tier.stop() }
}
