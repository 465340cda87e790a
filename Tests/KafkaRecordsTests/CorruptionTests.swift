import KafkaRecords
import Testing

@Suite("Damaged batches")
struct CorruptionTests {
  static let files = [
    "librdkafka-none-mixed.batch", "librdkafka-gzip-nulls.batch", "aiokafka-snappy-one.batch",
    "aiokafka-lz4-one.batch", "kafka-python-zstd-mixed.batch", "librdkafka-none-mixed-idempotent-1.batch",
  ]

  @Test("every flipped bit from the CRC on is detected", arguments: files)
  func bitFlips(file: String) throws {
    let bytes = try Fixtures.captured(file)
    for index in 17..<bytes.count {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << UInt8(bit)
        #expect(throws: RecordBatchError.self, "byte \(index), bit \(bit)") { try damaged.validated() }
      }
    }
  }

  @Test("every flipped bit of length and magic is detected", arguments: files)
  func lengthAndMagicFlips(file: String) throws {
    let bytes = try Fixtures.captured(file)
    for index in Array(8..<12) + [16] {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << UInt8(bit)
        #expect(throws: RecordBatchError.self, "byte \(index), bit \(bit)") { try damaged.validated() }
      }
    }
  }

  @Test("a batch cut anywhere is truncated", arguments: files)
  func truncation(file: String) throws {
    let bytes = try Fixtures.captured(file)
    for length in 0..<bytes.count {
      // A copy of exactly that size, so that an address sanitizer sees a read beyond it.
      let cut = Array(bytes[..<length])
      let needed = length < RecordBatchHeader.byteCount ? RecordBatchHeader.byteCount : bytes.count
      let expected = RecordBatchError.truncated(needed: needed, available: length)
      #expect(throws: expected) { try cut.validated() }
      #expect(throws: expected) { try cut.records() }
    }
  }

  @Test("damage is named")
  func namedErrors() throws {
    let bytes = try Fixtures.captured("librdkafka-none-mixed.batch")
    func damaged(_ index: Int, _ values: [UInt8]) -> [UInt8] {
      var copy = bytes
      copy.replaceSubrange(index..<(index + values.count), with: values)
      return copy
    }
    #expect(throws: RecordBatchError.unsupportedMagic(1)) { try damaged(16, [1]).validated() }
    #expect(throws: RecordBatchError.unsupportedMagic(-1)) { try damaged(16, [0xFF]).validated() }
    #expect(throws: RecordBatchError.lengthOutOfRange(48)) { try damaged(8, [0, 0, 0, 48]).validated() }
    #expect(throws: RecordBatchError.lengthOutOfRange(-1)) {
      try damaged(8, [0xFF, 0xFF, 0xFF, 0xFF]).validated()
    }
    #expect(throws: RecordBatchError.truncated(needed: 12 + Int(Int32.max), available: bytes.count)) {
      try damaged(8, [0x7F, 0xFF, 0xFF, 0xFF]).validated()
    }
    #expect(throws: RecordBatchError.invalidRecordCount(-1)) {
      try damaged(57, [0xFF, 0xFF, 0xFF, 0xFF]).withFreshChecksum().validated()
    }
    #expect(throws: RecordBatchError.lastOffsetDeltaMismatch(lastOffsetDelta: Int32.min, recordCount: 9)) {
      try damaged(23, [0x80, 0, 0, 0]).withFreshChecksum().validated()
    }
    // A flipped bit is damage, whatever the field then seems to say: every field behind the checksum, sign bits
    // included.
    for index in [21, 23, 27, 35, 43, 51, 53, 57] {
      let error = #expect(throws: RecordBatchError.self) { try damaged(index, [bytes[index] ^ 0x80]).validated() }
      guard case .crcMismatch? = error else { Issue.record("byte \(index): \(String(describing: error))"); continue }
    }
    let stored = try bytes.validated().crc
    #expect(throws: RecordBatchError.crcMismatch(stored: stored ^ 1, computed: stored)) {
      try damaged(20, [bytes[20] ^ 1]).validated()
    }
    #expect(throws: RecordBatchError.unknownCompression(7)) {
      try damaged(22, [7]).withFreshChecksum().validated()
    }
    #expect(throws: RecordBatchError.invalidRecordCount(1_000_000)) {
      try damaged(57, [0x00, 0x0F, 0x42, 0x40]).withFreshChecksum().validated()
    }
  }

  @Test("an old message set is recognised before its length is looked at")
  func oldMagic() {
    // Message format 1 as in the protocol guide: offset, size 22, crc, magic 1, attributes, timestamp, null key, null
    // value.
    let old: [UInt8] =
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 22, 1, 2, 3, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      + [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    #expect(throws: RecordBatchError.unsupportedMagic(1)) { try old.validated() }
  }

  @Test("base offset and leader epoch are outside the checksum, and assigning touches nothing else")
  func assign() throws {
    let bytes = try Fixtures.captured("librdkafka-zstd-many.batch")
    var assigned = bytes
    assigned.withUnsafeMutableBytes {
      RecordBatch.assign(baseOffset: 0x0102_0304_0506_0708, leaderEpoch: 0x0A0B_0C0D, in: $0.baseAddress!)
    }
    let changed = zip(bytes, assigned).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
    #expect(changed == Array(0..<8) + Array(12..<16))
    #expect(Array(assigned[0..<8]) == [1, 2, 3, 4, 5, 6, 7, 8])
    let header = try assigned.validated()
    #expect(header.baseOffset == 0x0102_0304_0506_0708)
    #expect(header.partitionLeaderEpoch == 0x0A0B_0C0D)
    #expect(header.lastOffset == 0x0102_0304_0506_0708 + 199)
  }

  @Test("log-append time changes the type bit, the time and the checksum, and holds for every record")
  func logAppendTime() throws {
    let bytes = try Fixtures.captured("librdkafka-none-mixed.batch")
    // Another batch behind it must not be touched, nor enter the checksum.
    var stamped = bytes + bytes
    stamped.withUnsafeMutableBytes { RecordBatch.setLogAppendTime(1_800_000_000_123, in: $0) }
    #expect(Array(stamped[bytes.count...]) == bytes)
    let header = try stamped.validated()
    #expect(header.timestampType == .logAppendTime)
    #expect(header.maxTimestamp == 1_800_000_000_123)
    #expect(header.timestamp(delta: 42) == 1_800_000_000_123)
    let allowed: Set<Int> = Set(Array(17..<23) + Array(35..<43))
    let changed = zip(bytes, stamped).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
    #expect(Set(changed).isSubset(of: allowed))
    #expect(try stamped.records() == bytes.records())
  }
}
