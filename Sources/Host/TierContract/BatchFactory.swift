import KafkaRecords

/// A valid record batch and what its header says.
struct ContractBatch: Sendable, Equatable {
  var baseOffset: Int64
  var nextOffset: Int64
  var maxTimestamp: Int64
  var leaderEpoch: Int32
  var recordCount: Int32
  var bytes: [UInt8]
}

/// Makes batches that differ from each other in size, shape and every value; the same seed makes the same ones.
struct BatchFactory: Sendable {
  var random: SeededGenerator
  private var clock: Int64 = 1_700_000_000_000

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  /// One batch of `records` records whose values have `valueByteCount` bytes.
  mutating func make(at offset: Int64, records: Int = 3, valueByteCount: Int = 20, epoch: Int32 = 4) -> ContractBatch {
    var builder = RecordBatchBuilder(baseOffset: offset, partitionLeaderEpoch: epoch)
    var newest = Int64.min
    for index in 0..<records {
      clock += Int64.random(in: -20...50, using: &random)
      newest = max(newest, clock)
      let value = random.bytes(valueByteCount)
      builder.append(timestamp: clock, key: Array("k\(index)".utf8), value: value)
    }
    return ContractBatch(
      baseOffset: offset, nextOffset: offset + Int64(records), maxTimestamp: newest, leaderEpoch: epoch,
      recordCount: Int32(records), bytes: builder.build())
  }

  /// `count` batches that follow each other, of one to five records and up to `valueByteCountMax` bytes each.
  mutating func run(from offset: Int64, count: Int, valueByteCountMax: Int = 300, epoch: Int32 = 4) -> [ContractBatch] {
    var next = offset
    return (0..<count).map { _ in
      let batch = make(
        at: next, records: Int.random(in: 1...5, using: &random),
        valueByteCount: Int.random(in: 0...valueByteCountMax, using: &random), epoch: epoch)
      next = batch.nextOffset
      return batch
    }
  }
}

/// SplitMix64: small, fast, and the printed seed brings the same run back.
struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count + 8) { buffer, initialized in
      let start = UnsafeMutableRawBufferPointer(buffer).baseAddress!
      for position in stride(from: 0, to: count, by: 8) {
        start.storeBytes(of: next(), toByteOffset: position, as: UInt64.self)
      }
      initialized = count
    }
  }
}

extension [ContractBatch] {
  var ranges: String { isEmpty ? "nothing" : map { "[\($0.baseOffset), \($0.nextOffset))" }.joined(separator: " ") }
  var allBytes: [UInt8] {
    var all: [UInt8] = []
    all.reserveCapacity(reduce(0) { $0 + $1.bytes.count })
    for batch in self { all += batch.bytes }
    return all
  }
}
