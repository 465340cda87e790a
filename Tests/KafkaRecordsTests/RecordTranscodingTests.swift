import KafkaRecords
import Testing

@Suite("Batches that change their codec")
struct RecordTranscodingTests {
  private func transcode(
    _ batch: [UInt8], to codec: Compression, limit: Int = generousLimit, byteCountMax: Int = .max
  ) throws -> [UInt8]? {
    let header = try batch.validated()
    return try batch.withBytes { (bytes) throws(RecordBatchError) in
      try RecordBatch.transcode(
        bytes, header: header, to: codec, decompressedByteCountMax: limit, byteCountMax: byteCountMax)
    }
  }

  @Test("batches of real clients keep their records and their header in every codec", arguments: Fixtures.captured)
  func captured(captured: Fixtures.Captured) throws {
    let given = try #require(Fixtures.scenarios[captured.scenario])
    let expected = given.enumerated().map { $1.record(index: $0, baseTimestamp: given[0].timestamp) }
    let original = try captured.bytes.validated()
    for codec in Compression.allCases {
      let batch = try #require(try transcode(try captured.bytes, to: codec))
      var header = try batch.validated()
      #expect(header.byteCount == batch.count)
      #expect(header.compression == codec)
      #expect(try batch.records() == expected)
      (header.attributes, header.batchLength, header.crc) = (original.attributes, original.batchLength, original.crc)
      #expect(header == original, "only codec, length and checksum change")
    }
  }

  @Test("records of any size come out, wherever their pieces end", arguments: Compression.allCases)
  func sizes(codec: Compression) throws {
    var random = SeededRandom(seed: 11)
    // A value of this size has eleven bytes around it: the records end around the borders of the pieces.
    let borders = [65_536, 131_072].flatMap { [$0 - 12, $0 - 11, $0 - 10] }
    for valueByteCount in [0] + borders {
      var builder = RecordBatchBuilder(baseTimestamp: 5)
      let value = random.bytes(valueByteCount)
      builder.append(timestamp: 6, key: nil, value: value)
      let plain = builder.build()
      if borders.contains(valueByteCount) { #expect(plain.count == 61 + valueByteCount + 11) }
      let packed = try #require(try transcode(plain, to: codec))
      for target in Compression.allCases {
        let batch = try #require(try transcode(packed, to: target))
        #expect(try batch.records().first?.value == value, "\(codec) to \(target), \(valueByteCount) bytes")
      }
      #expect(try transcode(packed, to: .none) == plain)
    }
  }

  @Test("what would be larger than allowed is given up, what is exactly as large is not", arguments: Compression.allCases)
  func tooLarge(codec: Compression) throws {
    var random = SeededRandom(seed: 12)
    var builder = RecordBatchBuilder(compression: .lz4)
    builder.append(timestamp: 0, key: nil, value: random.bytes(200_000))
    let batch = builder.build()
    let whole = try #require(try transcode(batch, to: codec))
    #expect(try transcode(batch, to: codec, byteCountMax: whole.count) == whole)
    #expect(try transcode(batch, to: codec, byteCountMax: whole.count - 1) == nil)
  }

  @Test("a bomb ends at either limit", arguments: CompressionTests.codecs)
  func bomb(codec: Compression) throws {
    var builder = RecordBatchBuilder(compression: codec)
    builder.append(timestamp: 0, key: nil, value: [UInt8](repeating: 0, count: 4 << 20))
    let bomb = builder.build()
    #expect(try transcode(bomb, to: .none, byteCountMax: 1 << 20) == nil)
    for target in Compression.allCases {
      #expect(throws: RecordBatchError.decompressedTooLarge(limit: 1 << 20)) {
        try transcode(bomb, to: target, limit: 1 << 20)
      }
    }
  }

  @Test("a stream that is damaged or ends early is refused", arguments: CompressionTests.codecs)
  func damaged(codec: Compression) throws {
    var builder = RecordBatchBuilder(compression: codec)
    for index in 0..<3000 { builder.append(timestamp: 0, key: nil, value: Array("value \(index)".utf8)) }
    var batch = builder.build()
    batch.removeLast(9)
    for (index, byte) in UInt32(batch.count - 12).bigEndianBytes.enumerated() { batch[8 + index] = byte }
    let short = batch.withFreshChecksum()
    #expect(throws: RecordBatchError.self) { try transcode(short, to: .none) }
  }
}

extension UInt32 {
  fileprivate var bigEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> UInt32(24 - 8 * $0)) } }
}
