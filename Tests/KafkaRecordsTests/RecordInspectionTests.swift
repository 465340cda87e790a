import KafkaRecords
import Testing

/// Compressed records are read in pieces, uncompressed ones in place. The second is the oracle of the first.
@Suite("Inspection of compressed records")
struct RecordInspectionTests {
  private static let codecs = Compression.allCases.filter { $0 != .none }

  private func batch(_ records: [UInt8], count: Int, _ codec: Compression) -> [UInt8] {
    let stored = records.compressed(codec)
    let header = RecordBatchHeader(
      batchLength: Int32(49 + stored.count), attributes: Int16(codec.rawValue), lastOffsetDelta: Int32(count - 1),
      baseTimestamp: 1000, maxTimestamp: 1000, recordCount: Int32(count))
    var bytes = [UInt8](repeating: 0, count: 61)
    bytes.withUnsafeMutableBytes { header.write(to: $0.baseAddress!) }
    return (bytes + stored).withFreshChecksum()
  }

  /// What is found, or the error.
  private func outcome(_ bytes: [UInt8], _ rules: RecordRules) -> Result<[DefectiveRecord], RecordBatchError> {
    Result { () throws(RecordBatchError) in
      try bytes.withBytes { (bytes) throws(RecordBatchError) in
        let header = try RecordBatch.validate(bytes)
        return try RecordBatch.inspectRecords(bytes, header: header, rules: rules, defectCountMax: 5).defects
      }
    }
  }

  /// A large record that says it goes on behind the end of the stream may first be found to be wrong in itself: its end
  /// is not there yet when its fields are read.
  private func agree(
    _ found: Result<[DefectiveRecord], RecordBatchError>, _ expected: Result<[DefectiveRecord], RecordBatchError>
  ) -> Bool {
    guard case .success(let expected) = expected, case .success(let found) = found, expected.last?.defect == .truncated
    else { return found == expected }
    return found.dropLast() == expected.dropLast() && found.last?.index == expected.last?.index
  }

  private func records(_ sizes: [Int], keyless: Int?, using random: inout SeededRandom) -> [UInt8] {
    var builder = RecordBatchBuilder()
    for (index, size) in sizes.enumerated() {
      let key = index == keyless ? nil : random.bytes(index % 3 == 0 ? size : 3)
      let headers = index % 4 == 1 ? [RecordHeader("name", random.bytes(size / 2)), RecordHeader("none", nil)] : []
      builder.append(
        timestamp: 1000 + Int64(index), key: key, value: index % 5 == 4 ? nil : random.bytes(size), headers: headers)
    }
    return Array(builder.build()[61...])
  }

  @Test("records of any size are accepted and refused as in an uncompressed batch", arguments: codecs)
  func agreesWithReadingInPlace(codec: Compression) {
    let seed = fuzzSeed("RecordInspectionTests.agreesWithReadingInPlace(\(codec))")
    var random = SeededRandom(seed: seed)
    // Below, at and beyond the 65,536 bytes that are read at once.
    let sizes = [0, 1, 60, 700, 4095, 5000, 30_000, 65_500, 65_530, 65_536, 150_000]
    let rules = RecordRules(decompressedByteCountMax: generousLimit, requiresKeys: true)
    var refused = 0
    for _ in 0..<60 {
      let count = Int.random(in: 1...12, using: &random)
      let chosen = (0..<count).map { _ in sizes.randomElement(using: &random)! }
      let keyless = Bool.random(using: &random) ? Int.random(in: 0..<count, using: &random) : nil
      var plain = records(chosen, keyless: keyless, using: &random)
      // Damage to a length or a number is likely near the start of a record; the first one's is known.
      if Bool.random(using: &random) {
        plain[Int.random(in: 0..<min(12, plain.count), using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      if Bool.random(using: &random) { plain += [0, 0] }
      let expected = outcome(batch(plain, count: count, .none), rules)
      let found = outcome(batch(plain, count: count, codec), rules)
      #expect(agree(found, expected), "seed \(seed), sizes \(chosen): \(found), not \(expected)")
      if expected != .success([]) { refused += 1 }
    }
    #expect(refused > 5 && refused < 60, "seed \(seed): one kind hardly occurred")
  }

  @Test("a bomb stops at the limit and needs no memory for what it becomes", arguments: codecs)
  func bomb(codec: Compression) {
    // One record of 64 MiB: its length as a zigzag varint, five numbers, a key of one byte, and zeros.
    var builder = RecordBatchBuilder()
    builder.append(timestamp: 1000, key: [1], value: [UInt8](repeating: 0, count: 64 << 20))
    let plain = Array(builder.build()[61...])
    let bytes = batch(plain, count: 1, codec)
    for limit in [1000, 1 << 18, plain.count - 1] {
      let rules = RecordRules(decompressedByteCountMax: limit, requiresKeys: true)
      #expect(outcome(bytes, rules) == .failure(.decompressedTooLarge(limit: limit)))
    }
    #expect(outcome(bytes, RecordRules(decompressedByteCountMax: plain.count, requiresKeys: true)) == .success([]))
  }

  @Test("no more records are named than were asked for, and the walk ends there")
  func namedRecords() {
    var builder = RecordBatchBuilder()
    for index in 0..<100 { builder.append(timestamp: 1000 + Int64(index), key: nil, value: [1]) }
    let plain = Array(builder.build()[61...])
    let rules = RecordRules(decompressedByteCountMax: generousLimit, requiresKeys: true)
    let expected = (0..<5).map { DefectiveRecord(index: $0, defect: .missingKey) }
    #expect(outcome(batch(plain, count: 100, .zstd), rules) == .success(expected))
  }
}
