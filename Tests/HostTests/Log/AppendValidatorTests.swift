import KafkaProtocol
import KafkaRecords
import Testing

@testable import Host

/// What a topic demands of each record, and what a producer is told about the records at fault.
@Suite("Validation of produced records")
struct AppendValidatorTests {
  private let now: Int64 = 1_700_000_000_000

  private func validator(
    requiresKeys: Bool = false, timestampAfterMax: Int64? = nil, codec: Compression? = nil
  ) -> AppendValidator {
    AppendValidator(
      batchByteCountMax: 1 << 20, requiresKeys: requiresKeys, timestampBeforeMax: nil,
      timestampAfterMax: timestampAfterMax, usesLogAppendTime: false, codec: codec)
  }

  private func batch(keys: [String?], timestamps: [Int64]) -> [UInt8] {
    var builder = RecordBatchBuilder()
    for (key, timestamp) in zip(keys, timestamps) {
      builder.append(timestamp: timestamp, key: key.map { Array($0.utf8) }, value: [1])
    }
    return builder.build()
  }

  private func refusal(_ bytes: [UInt8], _ validator: AppendValidator) -> AppendRefusal? {
    do throws(AppendRefusal) {
      _ = try bytes.withUnsafeBytesTyped { (frame) throws(AppendRefusal) in
        try validator.validate(0..<bytes.count, in: frame, now: now)
      }
      return nil
    } catch {
      return error
    }
  }

  @Test("every keyless record of a batch for a compacted topic is named, not only the first")
  func missingKeys() {
    let bytes = batch(keys: ["a", nil, "b", nil], timestamps: [now, now, now, now])
    let refused = refusal(bytes, validator(requiresKeys: true))
    #expect(refused?.code == .invalidRecord)
    #expect(refused?.records.map(\.index) == [1, 3])
    #expect(refused?.records.allSatisfy { $0.defect == .missingKey } == true)
    #expect(refusal(bytes, validator()) == nil)
  }

  @Test("every record from too far in the future is named")
  func timestamps() {
    let bytes = batch(keys: ["a", "b", "c"], timestamps: [now + 100_000, now, now + 200_000])
    let refused = refusal(bytes, validator(timestampAfterMax: 1000))
    #expect(refused?.code == .invalidTimestamp)
    #expect(refused?.records.map(\.index) == [0, 2])
  }

  @Test("a batch that is damaged as a whole names no records")
  func damage() {
    var bytes = batch(keys: ["a"], timestamps: [now])
    bytes[bytes.count - 1] ^= 1
    let refused = refusal(bytes, validator(requiresKeys: true))
    #expect(refused?.code == .corruptMessage)
    #expect(refused?.records.isEmpty == true)
  }

  /// One record of 8 MiB of zeros, compressed.
  private func bomb(key: String?) -> [UInt8] {
    var builder = RecordBatchBuilder(compression: .gzip)
    builder.append(timestamp: now, key: key.map { Array($0.utf8) }, value: [UInt8](repeating: 0, count: 8 << 20))
    return builder.build()
  }

  @Test("records beyond the allowance are left for later, whatever they are")
  func allowance() throws {
    for key in ["k", nil] {
      let bytes = bomb(key: key)
      #expect(bytes.count < 16_384)
      var allowance = 1 << 18
      let batches = try bytes.withUnsafeBytes {
        try validator(requiresKeys: true).validate(0..<bytes.count, in: $0, now: now, allowance: &allowance)
      }
      #expect(batches == nil && allowance == 0)
      #expect(refusal(bytes, validator(requiresKeys: true))?.code == (key == nil ? .invalidRecord : nil))
    }
  }

  @Test("an allowance counts what was decoded, and nothing where the records are not looked at")
  func spending() throws {
    let bytes = batch(keys: ["a"], timestamps: [now]) + batch(keys: ["b"], timestamps: [now])
    var allowance = 2 * AppendValidator.inspectionByteCountMin
    func validate(requiresKeys: Bool) throws -> Int? {
      try bytes.withUnsafeBytes {
        try validator(requiresKeys: requiresKeys).validate(0..<bytes.count, in: $0, now: now, allowance: &allowance)?
          .count
      }
    }
    #expect(try validate(requiresKeys: false) == 2)
    #expect(allowance == 2 * AppendValidator.inspectionByteCountMin)
    #expect(try validate(requiresKeys: true) == 2)
    #expect(allowance == 0)
    #expect(try validate(requiresKeys: true) == nil)
    #expect(try validate(requiresKeys: false) == 2)
  }

  @Test("records that must change their codec are looked at, and cost their allowance; others are not")
  func changedCodec() throws {
    let bytes = bomb(key: nil)
    for (codec, left) in [(nil, 16 << 20), (.gzip, 16 << 20), (.lz4, 8 << 20)] as [(Compression?, Int)] {
      var allowance = 16 << 20
      let batches = try bytes.withUnsafeBytes {
        try validator(codec: codec).validate(0..<bytes.count, in: $0, now: now, allowance: &allowance)
      }
      #expect(batches?.count == 1)
      #expect(allowance <= left && allowance > left - 30)
    }
    var small = 1 << 20
    let batches = try bytes.withUnsafeBytes {
      try validator(codec: .zstd).validate(0..<bytes.count, in: $0, now: now, allowance: &small)
    }
    #expect(batches == nil && small == 0)
  }

  @Test("a batch whose codec changes gets the largest timestamp that its records have")
  func changedMaxTimestamp() throws {
    var bytes = batch(keys: ["a", "b"], timestamps: [now - 5, now - 7])
    bytes.withUnsafeMutableBytes { RecordBatch.setMaxTimestamp(now, in: $0) }
    let stays = try bytes.withUnsafeBytes { try validator().validate(0..<bytes.count, in: $0, now: now) }
    #expect(stays.map(\.header.maxTimestamp) == [now])
    let changes = try bytes.withUnsafeBytes { try validator(codec: .zstd).validate(0..<bytes.count, in: $0, now: now) }
    #expect(changes.map(\.header.maxTimestamp) == [now - 5])
  }

  @Test("many bombs in one request end with its allowance, and with whoever waits for it")
  func manyBombs() throws {
    let one = bomb(key: "k")
    let bytes = [[UInt8]](repeating: one, count: 5).flatMap { $0 }
    func looks(allowance: Int, atMost looksMax: Int) throws -> (looks: Int, isAccepted: Bool) {
      var looks = 0
      var allowance = allowance
      let batches = try bytes.withUnsafeBytes {
        try validator(requiresKeys: true).validate(0..<bytes.count, in: $0, now: now, allowance: &allowance) {
          looks += 1
          return looks <= looksMax
        }
      }
      return (looks, batches != nil)
    }
    // Each takes its 8 MiB and a few bytes: the third does not fit into 24 MiB.
    #expect(try looks(allowance: 24 << 20, atMost: .max) == (3, false))
    #expect(try looks(allowance: .max, atMost: 2) == (3, false))
    #expect(try looks(allowance: .max, atMost: .max) == (5, true))
  }

  @Test("a request may have one batch of the largest size decoded, and a large one sixteen times its size")
  func requestAllowance() {
    #expect(AppendValidator.requestAllowance(frameByteCount: 100) == 268_435_456)
    #expect(AppendValidator.requestAllowance(frameByteCount: 100 << 20) == 1_677_721_600)
  }

  @Test("a refusal names as many records as a response can bear")
  func namedRecords() {
    let count = AppendValidator.namedRecordsMax + 500
    let bytes = batch(keys: Array(repeating: nil, count: count), timestamps: Array(repeating: now, count: count))
    #expect(refusal(bytes, validator(requiresKeys: true))?.records.map(\.index) == Array(0..<1000))
  }

  @Test("a largest timestamp that the producer left empty comes from the records")
  func emptyMaxTimestamp() throws {
    var bytes = batch(keys: ["a", "b", "c"], timestamps: [now, now + 7, now + 3])
    bytes.withUnsafeMutableBytes { RecordBatch.setMaxTimestamp(-1, in: $0) }
    let batches = try bytes.withUnsafeBytes { try validator().validate(0..<bytes.count, in: $0, now: now) }
    #expect(batches.map(\.header.maxTimestamp) == [now + 7])
    #expect(batches.map(\.repairsMaxTimestamp) == [true])
    bytes.withUnsafeMutableBytes { RecordBatch.setMaxTimestamp(now + 7, in: $0) }
    let header = try bytes.withUnsafeBytes { try RecordBatch.validate($0) }
    #expect(header.maxTimestamp == now + 7, "the CRC covers the repaired field")
    let right = try bytes.withUnsafeBytes { try validator().validate(0..<bytes.count, in: $0, now: now) }
    #expect(right.map(\.repairsMaxTimestamp) == [false])
  }
}

extension Array where Element == UInt8 {
  fileprivate func withUnsafeBytesTyped<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in try body(UnsafeRawBufferPointer(buffer)) }
  }
}
