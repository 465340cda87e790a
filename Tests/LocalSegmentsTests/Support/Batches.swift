import TierAPI
import TierKit

@testable import LocalSegmentsCore

/// A record batch made by the test from the format's description, with a checksum computed bit by bit: nothing of it
/// comes from the code under test.
struct TestBatch: Equatable, Sendable {
  var bytes: [UInt8]
  var baseOffset: Int64
  var nextOffset: Int64
  var maxTimestamp: Int64
  var leaderEpoch: Int32

  /// `payload` stands where records would be; its content is opaque to a log (codec 4).
  init(
    at baseOffset: Int64, count: Int32 = 1, payload: [UInt8] = [1, 2, 3], timestamp: Int64 = 1_000, epoch: Int32 = 0
  ) {
    var covered: [UInt8] = []
    covered += big(Int16(4)) + big(count - 1) + big(timestamp) + big(timestamp)
    covered += big(Int64(-1)) + big(Int16(-1)) + big(Int32(-1)) + big(count) + payload
    bytes = big(baseOffset) + big(Int32(covered.count + 9)) + big(epoch) + [2] + big(crc32c(covered)) + covered
    self.baseOffset = baseOffset
    nextOffset = baseOffset + Int64(count)
    maxTimestamp = timestamp
    leaderEpoch = epoch
  }

  /// Bytes of a batch with such a payload.
  static func byteCount(payload: Int) -> Int { 61 + payload }
}

func big<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

private let crcTable: [UInt32] = (0..<256).map { byte in
  (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
}

func crc32c(_ bytes: [UInt8]) -> UInt32 {
  ~bytes.reduce(~UInt32(0)) { crc, byte in (crc >> 8) ^ crcTable[Int((crc ^ UInt32(byte)) & 0xFF)] }
}

extension PartitionLog {
  /// Appends all in one call.
  @discardableResult
  func append(_ batches: [TestBatch], nonblocking: Bool = false) throws(TierError) -> ReadOutcome {
    let storage = batches.map { batch in
      let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: batch.bytes.count)
      _ = copy.initialize(from: batch.bytes)
      return copy
    }
    defer { for copy in storage { copy.deallocate() } }
    let raw = zip(batches, storage).map { batch, copy in
      chronik_batch(
        bytes: chronik_slice(
          ptr: UnsafePointer(copy.baseAddress), len: copy.count, storage_bytes: copy.count, owner: nil, retain: nil,
          release: nil),
        base_offset: batch.baseOffset, next_offset: batch.nextOffset, max_timestamp: batch.maxTimestamp,
        leader_epoch: batch.leaderEpoch, record_count: Int32(batch.nextOffset - batch.baseOffset), reserved: (0, 0))
    }
    let list = UnsafeMutableBufferPointer<chronik_batch>.allocate(capacity: raw.count)
    _ = list.initialize(from: raw)
    defer { list.deallocate() }
    return try append(UnsafeBufferPointer(list), nonblocking: nonblocking)
  }

  struct Answer: Equatable {
    var outcome: ReadOutcome
    var start: Int64
    var next: Int64
    var regions: Int
    var bytes: [UInt8]
  }

  /// Reads and fetches the bytes of the regions through the same file system.
  func answer(
    _ offset: Int64, end: Int64 = .max, max: Int = .max, minOne: Bool = true, nonblocking: Bool = false,
    limit: Int = 16
  ) throws -> Answer {
    var bytes: [UInt8] = []
    var regions: [FileRegion] = []
    let request = ReadRequest(
      offset: offset, endOffset: end, maxBytes: max, minOneBatch: minOne, nonblocking: nonblocking)
    let (outcome, slice) = try read(request, limit: limit) { regions.append($0) }
    for region in regions {
      var part = [UInt8](repeating: 0, count: region.byteCount)
      try part.withUnsafeMutableBytes { raw in
        try region.file.fileSystem.readFully(region.descriptor, at: region.position, into: raw)
      }
      bytes += part
    }
    return Answer(
      outcome: outcome, start: slice.startOffset, next: slice.nextOffset, regions: regions.count, bytes: bytes)
  }
}

/// Walks concatenated batches by their length fields alone.
func split(_ bytes: [UInt8]) -> [[UInt8]] {
  var result: [[UInt8]] = []
  var position = 0
  while position + 12 <= bytes.count {
    let length = bytes[(position + 8)..<(position + 12)].reduce(0) { $0 << 8 | Int($1) } + 12
    result.append(Array(bytes[position..<min(position + length, bytes.count)]))
    position += length
  }
  return result
}
