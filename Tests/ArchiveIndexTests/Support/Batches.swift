import KafkaRecords
import TierAPI
import TierKit

@testable import ArchiveIndexCore

/// A batch and what the test knows of it.
struct TestBatch: Equatable, Sendable {
  var bytes: [UInt8]
  var baseOffset: Int64
  var nextOffset: Int64
  var maxTimestamp: Int64
}

/// A small generator with a printable seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator, Sendable {
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

/// `count` batches from `offset` on; timestamps are 1,000 more than offsets. `size` random bytes in each record, so
/// that nothing compresses away.
func batches(_ count: Int, from offset: Int64 = 0, size: Int = 200, records: Int = 2, seed: UInt64 = 1) -> [TestBatch] {
  var random = SeededGenerator(seed &+ UInt64(bitPattern: offset))
  var next = offset
  return (0..<count).map { _ in
    var builder = RecordBatchBuilder(baseOffset: next, partitionLeaderEpoch: 3)
    for index in 0..<records {
      var value: [UInt8] = []
      value.reserveCapacity(size + 8)
      while value.count < size {
        withUnsafeBytes(of: random.next() & 0x1F1F_1F1F_1F1F_1F1F | 0x4040_4040_4040_4040) { value += $0 }
      }
      value.removeLast(value.count - size)
      builder.append(timestamp: 1_000 + next + Int64(index), key: Array("key-\(next)".utf8), value: value)
    }
    let end = next + Int64(records)
    defer { next = end }
    return TestBatch(bytes: builder.build(), baseOffset: next, nextOffset: end, maxTimestamp: 1_000 + end - 1)
  }
}

func bytes(_ batches: some Sequence<TestBatch>) -> [UInt8] { batches.flatMap(\.bytes) }

extension ArchivePartition {
  /// Imports the batches as one segment in two extents of memory.
  func importSegment(
    _ batches: [TestBatch], offsets: Range<Int64>? = nil, isCancelled: () -> Bool = { false }
  ) throws(TierError) {
    let range = offsets ?? batches.first!.baseOffset..<batches.last!.nextOffset
    var segment = chronik_segment()
    segment.base_offset = range.lowerBound
    segment.next_offset = range.upperBound
    segment.last_leader_epoch = 3
    let parts = [bytes(batches[..<(batches.count / 2)]), bytes(batches[(batches.count / 2)...])]
    let copies = parts.map { part in
      let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: part.count)
      _ = copy.initialize(from: part)
      return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    let extents = copies.map { copy in
      var extent = chronik_extent()
      extent.kind = CHRONIK_EXTENT_MEMORY
      extent.fd = -1
      extent.ptr = UnsafePointer(copy.baseAddress)
      extent.len = copy.count
      return extent
    }
    let failure: TierError? = extents.withUnsafeBufferPointer { extents in
      do throws(TierError) {
        try importSegment(segment, extents, attempt: [UInt8](repeating: 1, count: 16), isCancelled: isCancelled)
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }
}

struct Answer: Equatable {
  var outcome: ReadOutcome
  var start: Int64 = -1
  var next: Int64 = -1
  var bytes: [UInt8] = []
}

extension TierPartition {
  func answer(
    _ offset: Int64, end: Int64 = .max, max: Int = 1 << 30, minOne: Bool = true, nonblocking: Bool = false,
    capacity: Int = 64
  ) throws -> Answer {
    let extents = UnsafeMutablePointer<chronik_extent>.allocate(capacity: capacity)
    defer { extents.deallocate() }
    var raw = chronik_read_result(
      struct_size: UInt32(MemoryLayout<chronik_read_result>.size), capacity: UInt32(capacity), extent_count: 0,
      reserved: 0, extents: extents, start_offset: -1, next_offset: -1, byte_count: 0)
    return try withUnsafeMutablePointer(to: &raw) { pointer in
      let result = ReadAnswer(pointer)
      let request = ReadRequest(
        offset: offset, endOffset: end, maxBytes: max, minOneBatch: minOne, nonblocking: nonblocking)
      let outcome = try read(request, into: result)
      var answer = Answer(outcome: outcome, start: pointer.pointee.start_offset, next: pointer.pointee.next_offset)
      for index in 0..<Int(pointer.pointee.extent_count) {
        let extent = extents[index]
        answer.bytes += Array(UnsafeBufferPointer(start: extent.ptr, count: extent.len))
        extent.release?(extent.owner)
      }
      return answer
    }
  }

  /// Everything from `offset` to the end, as a consumer gets it.
  func readAll(from offset: Int64, max: Int = 1 << 20) throws -> [UInt8] {
    var offset = offset
    var result: [UInt8] = []
    while true {
      let answer = try answer(offset, max: max)
      guard answer.outcome == .ok, !answer.bytes.isEmpty else { return result }
      result += answer.bytes
      offset = answer.next
    }
  }
}
