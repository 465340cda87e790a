import KafkaRecords
import Testing

@Suite("Deep validation of records")
struct RecordValidationTests {
  let produced = RecordRules(decompressedByteCountMax: generousLimit)
  let stored = RecordRules(decompressedByteCountMax: generousLimit, requiresDenseOffsets: false)

  /// A batch whose header fits records that need not be well formed.
  private func batch(records: [UInt8], count: Int32, lastOffsetDelta: Int32, attributes: Int16 = 0) -> [UInt8] {
    let header = RecordBatchHeader(
      batchLength: Int32(49 + records.count), attributes: attributes, lastOffsetDelta: lastOffsetDelta,
      baseTimestamp: 1000, maxTimestamp: 1000, recordCount: count)
    var bytes = [UInt8](repeating: 0, count: 61)
    bytes.withUnsafeMutableBytes { header.write(to: $0.baseAddress!) }
    return (bytes + records).withFreshChecksum()
  }

  /// length 7, attributes, timestamp delta 0, offset delta, key "k", value null, no headers.
  private func record(offsetDelta: UInt8) -> [UInt8] { [14, 0, 0, offsetDelta * 2, 2, 0x6B, 1, 0] }

  private func defect(
    _ expected: RecordDefect, index: Int = 0, _ records: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let bytes = batch(records: records, count: 1, lastOffsetDelta: 0)
    #expect(throws: RecordBatchError.malformedRecord(index: index, reason: expected), sourceLocation: sourceLocation) {
      try bytes.validatedRecords(produced)
    }
  }

  @Test("each way a record can be malformed has its name")
  func defects() {
    let padding = [UInt8](repeating: 0, count: 8)
    defect(.truncated, [20, 0, 0, 0, 2, 0x6B, 1, 0])
    defect(.negativeLength, [1] + padding)
    defect(.overlongVarint, [0xFF, 0xFF, 0xFF, 0xFF, 0x7F] + padding)
    defect(.overlongVarint, [30, 0] + [UInt8](repeating: 0xFF, count: 14))
    defect(.truncated, [0] + padding)
    defect(.lengthMismatch, [16, 0, 0, 0, 2, 0x6B, 1, 0, 0])
    defect(.invalidKeyLength, [14, 0, 0, 0, 3, 0x6B, 1, 0])
    defect(.invalidKeyLength, [14, 0, 0, 0, 60, 0x6B, 1, 0])
    defect(.invalidValueLength, [14, 0, 0, 0, 2, 0x6B, 40, 0])
    defect(.invalidValueLength, [14, 0, 0, 0, 2, 0x6B, 5, 0])
    defect(.invalidHeaderCount, [14, 0, 0, 0, 2, 0x6B, 1, 1])
    defect(.invalidHeaderCount, [14, 0, 0, 0, 2, 0x6B, 1, 2])
    defect(.invalidHeaderKeyLength, [18, 0, 0, 0, 2, 0x6B, 1, 2, 1, 1])
    defect(.invalidHeaderKeyLength, [18, 0, 0, 0, 2, 0x6B, 1, 2, 40, 1])
    defect(.invalidHeaderValueLength, [18, 0, 0, 0, 2, 0x6B, 1, 2, 0, 3])
  }

  @Test("fewer or more bytes than the header announces are refused")
  func counts() {
    let two = record(offsetDelta: 0) + record(offsetDelta: 1)
    #expect(throws: Never.self) { try batch(records: two, count: 2, lastOffsetDelta: 1).validatedRecords(produced) }
    #expect(throws: RecordBatchError.trailingBytes(count: 8)) {
      try batch(records: two, count: 1, lastOffsetDelta: 0).validatedRecords(produced)
    }
    #expect(throws: RecordBatchError.trailingBytes(count: 8)) {
      try batch(records: two, count: 1, lastOffsetDelta: 0).records()
    }
    #expect(throws: RecordBatchError.invalidRecordCount(3)) {
      try batch(records: two, count: 3, lastOffsetDelta: 2).validatedRecords(produced)
    }
    let missing = two.compressed(.lz4)
    #expect(throws: RecordBatchError.malformedRecord(index: 2, reason: .truncated)) {
      try batch(records: missing, count: 3, lastOffsetDelta: 2, attributes: 3).validatedRecords(produced)
    }
    #expect(throws: RecordBatchError.lastOffsetDeltaMismatch(lastOffsetDelta: 5, recordCount: 2)) {
      try batch(records: two, count: 2, lastOffsetDelta: 5).validatedRecords(produced)
    }
    #expect(throws: RecordBatchError.invalidRecordCount(0)) {
      try batch(records: [], count: 0, lastOffsetDelta: 0).validatedRecords(produced)
    }
  }

  @Test("offsets of a compacted batch may have gaps but must increase within the batch")
  func compactedOffsets() throws {
    func check(_ deltas: [UInt8], last: Int32, _ rules: RecordRules) throws -> RecordSummary {
      try batch(records: deltas.flatMap(record), count: Int32(deltas.count), lastOffsetDelta: last)
        .validatedRecords(rules)
    }
    #expect(try check([2, 5], last: 9, stored).tombstoneCount == 2)
    #expect(try check([], last: 9, stored).maxTimestamp == nil)
    #expect(throws: RecordBatchError.malformedRecord(index: 1, reason: .offsetDeltaOutOfOrder)) {
      try check([2, 2], last: 9, stored)
    }
    #expect(throws: RecordBatchError.malformedRecord(index: 1, reason: .offsetDeltaOutOfRange)) {
      try check([2, 10], last: 9, stored)
    }
    #expect(throws: RecordBatchError.malformedRecord(index: 1, reason: .offsetDeltaNotDense)) {
      try check([0, 2], last: 1, produced)
    }
  }

  @Test("rules about keys and timestamps apply to each record")
  func rules() throws {
    let mixed = try Fixtures.captured("kafka-python-zstd-mixed.batch")
    var rules = produced
    rules.requiresKeys = true
    #expect(throws: RecordBatchError.malformedRecord(index: 1, reason: .missingKey)) {
      try mixed.validatedRecords(rules)
    }
    rules = produced
    rules.timestamps = 1_700_000_000_000...1_700_000_070_000
    #expect(throws: RecordBatchError.malformedRecord(index: 8, reason: .timestampOutOfRange)) {
      try mixed.validatedRecords(rules)
    }
    rules.timestamps = (1_700_000_000_000 - 86_400_000)...1_700_000_070_000
    #expect(throws: Never.self) { try mixed.validatedRecords(rules) }
  }

  @Test("records that decompress beyond the limit are refused")
  func decompressionLimit() throws {
    let bytes = try Fixtures.captured("aiokafka-gzip-many.batch")
    let plain = try Fixtures.captured("aiokafka-none-many.batch").count - 61
    #expect(try bytes.validatedRecords(RecordRules(decompressedByteCountMax: plain)).decompressedByteCount == plain)
    #expect(throws: RecordBatchError.decompressedTooLarge(limit: plain - 1)) {
      try bytes.validatedRecords(RecordRules(decompressedByteCountMax: plain - 1))
    }
  }

  @Test("random damage to records gives an error or records, never a crash; what decodes survives encoding")
  func fuzz() throws {
    let seed = fuzzSeed("RecordValidationTests.fuzz")
    var random = SeededRandom(seed: seed)
    let files = ["librdkafka-none-mixed.batch", "librdkafka-none-nulls.batch", "kafka-python-none-one.batch"]
    let originals = try files.map { try Fixtures.captured($0) }
    var decoded = 0
    for _ in 0..<20_000 {
      var bytes = originals.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: 61..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      bytes = bytes.withFreshChecksum()
      guard let records = try? bytes.records() else { continue }
      decoded += 1
      guard (try? bytes.validatedRecords(stored)) != nil else { continue }
      var builder = RecordBatchBuilder(rewriting: try bytes.validated())
      for record in records { builder.append(record) }
      #expect(try builder.build().records() == records, "seed \(seed)")
    }
    #expect(decoded > 0, "seed \(seed)")
  }

  @Test("random bytes as records never crash the cursor")
  func noise() {
    let seed = fuzzSeed("RecordValidationTests.noise")
    var random = SeededRandom(seed: seed)
    for _ in 0..<20_000 {
      let bytes = random.bytes(Int.random(in: 0...80, using: &random))
      bytes.withBytes { bytes in
        var cursor = RecordCursor(records: bytes, count: 5)
        while let record = try? cursor.next() { for header in record.headers { _ = header.key.count } }
        #expect(cursor.consumedByteCount <= bytes.count, "seed \(seed)")
      }
    }
  }
}
