import Glibc
import LocalSegmentsCore
import TierKit

/// Sequential appends into the page cache, as with acks=1. About 128 MiB stay on disk, so that pages are used again;
/// syncing and removing old segments is outside the timing.
struct AppendBench {
  let directory: String
  /// Bytes of a batch.
  let batch: Int
  let count: Int
  let isPreallocated: Bool

  private static let segmentByteCount = 64 << 20
  private var perSegment: Int { Self.segmentByteCount / batch }

  func own() throws -> Measurement {
    try clear(directory)
    let tier = try makeTier(directory, preallocate: isPreallocated ? Int64(Self.segmentByteCount) : 0)
    defer { tier.stopWithoutFlush() }
    let settings = PartitionSettings(segmentBytes: Int64(Self.segmentByteCount))
    let log = try tier.open(partition(0), settings: settings, initialOffset: 0)
    let source = BatchSource(byteCount: batch)
    var meter = Meter()
    var index = 0
    while index < count {
      meter.start()
      for _ in 0..<perSegment / 4 { try source.append(to: log) }
      index += perSegment / 4
      if isPreallocated { log.reserve() }
      meter.stop()
      if index % perSegment == 0 {
        _ = try log.flush().get()
        try log.evict(before: Int64(index - perSegment))
      }
    }
    return Measurement(meter, amount: Double(batch * index) / 1e9, byteCount: batch * index)
  }

  /// The same pattern with plain system calls.
  func raw() throws -> Measurement {
    try clear(directory)
    let source = BatchSource(byteCount: batch)
    var meter = Meter()
    var index = 0
    while index < count {
      meter.start()
      let file = try RawFile("\(directory)/\(index)")
      if isPreallocated {
        try PosixFileSystem().allocate(file.descriptor, at: 0, byteCount: Int64(Self.segmentByteCount))
      }
      for position in 0..<perSegment { try source.write(to: file, at: position * batch) }
      index += perSegment
      meter.stop()
      try file.sync()
      if index >= 3 * perSegment { try PosixFileSystem().remove("\(directory)/\(index - 3 * perSegment)") }
    }
    return Measurement(meter, amount: Double(batch * index) / 1e9, byteCount: batch * index)
  }
}
