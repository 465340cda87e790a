import KafkaRecords
import Testing

@Suite("Compression")
struct CompressionTests {
  static let codecs = Compression.allCases.filter { $0 != .none }

  @Test("data of other implementations decompresses", arguments: Fixtures.codecCases)
  func foreignData(fixture: Fixtures.CodecCase) throws {
    let codec = try #require(Compression(name: fixture.codec))
    let compressed = [UInt8](fixture.compressed)
    let plain = fixture.plain
    #expect(plain.count == fixture.byteCount)
    #expect(try compressed.decompressed(codec, limit: plain.count) == plain)
    guard plain.count > 0 else { return }
    #expect(throws: RecordBatchError.decompressedTooLarge(limit: plain.count - 1)) {
      try compressed.decompressed(codec, limit: plain.count - 1)
    }
  }

  @Test("data cut short is refused at every length, and bytes behind it too", arguments: Fixtures.codecCases)
  func cutShort(fixture: Fixtures.CodecCase) throws {
    let codec = try #require(Compression(name: fixture.codec))
    let compressed = [UInt8](fixture.compressed)
    let plain = fixture.plain
    for length in 0..<min(compressed.count, 700) {
      // Cutting between two frames, members or framed blocks leaves a complete stream of less.
      if let output = try? Array(compressed[..<length]).decompressed(codec) {
        #expect(output.count < plain.count && plain.starts(with: output), "\(length)")
      }
    }
    #expect(throws: RecordBatchError.self) { try (compressed + [0, 1, 2]).decompressed(codec) }
  }

  @Test("what is compressed here decompresses to the same, at every level", arguments: codecs)
  func roundTrip(codec: Compression) throws {
    var random = SeededRandom(seed: 5)
    let inputs = [
      [], [7], [UInt8](repeating: 1, count: 100_000), random.bytes(200_000),
      (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 1000) },
    ]
    for input in inputs {
      for level in [nil, -100, 1, 9, 1000] as [Int?] where level == nil || input.count < 150_000 {
        #expect(try input.compressed(codec, level: level).decompressed(codec, limit: input.count) == input)
      }
    }
  }

  @Test("no compression is a copy, and bounded as well")
  func none() throws {
    #expect(try [1, 2, 3].decompressed(.none, limit: 3) == [1, 2, 3])
    #expect(throws: RecordBatchError.decompressedTooLarge(limit: 2)) { try [1, 2, 3].decompressed(.none, limit: 2) }
  }

  @Test("a decompression bomb stops at the limit", arguments: codecs)
  func bomb(codec: Compression) {
    let bomb = [UInt8](repeating: 0, count: 64 << 20).compressed(codec)
    for limit in [0, 1, 4095, 4096, 1 << 20] {
      #expect(throws: RecordBatchError.decompressedTooLarge(limit: limit)) {
        try bomb.decompressed(codec, limit: limit)
      }
    }
  }

  @Test("snappy framing is the one the Java client reads")
  func xerialFraming() throws {
    let compressed = [UInt8](repeating: 3, count: 70_000).compressed(.snappy)
    #expect(Array(compressed[..<16]) == [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
    var blocks = 0
    var position = 16
    while position < compressed.count {
      position += 4 + compressed[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
      blocks += 1
    }
    #expect(position == compressed.count)
    #expect(blocks == 3)
  }

  @Test("snappy lengths are not believed")
  func snappyLies() {
    // A raw block that announces 2^31 bytes and holds a literal of one.
    let raw: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0x08, 0x00, 0x41]
    #expect(throws: RecordBatchError.decompressionFailed(.snappy, .impossibleLength)) {
      try raw.decompressed(.snappy, limit: .max)
    }
    let header: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    #expect(throws: RecordBatchError.decompressionFailed(.snappy, .endsEarly)) {
      try (header + [0x7F, 0xFF, 0xFF, 0xFF, 0]).decompressed(.snappy)
    }
    #expect(throws: RecordBatchError.decompressionFailed(.snappy, .corrupt)) {
      try (header + [0xFF, 0xFF, 0xFF, 0xFF, 0]).decompressed(.snappy)
    }
    var future = header
    future[15] = 2
    #expect(throws: RecordBatchError.decompressionFailed(.snappy, .unsupportedFraming)) {
      try future.decompressed(.snappy)
    }
  }

  @Test("damaged streams give an error or other bytes, never a crash", arguments: codecs)
  func fuzz(codec: Compression) throws {
    let seed = fuzzSeed("CompressionTests.fuzz(\(codec))")
    var random = SeededRandom(seed: seed)
    let text = [UInt8]("all work and no play makes jack a dull boy ".utf8)
    let plain = (0..<40).flatMap { _ in text }
    let compressed = plain.compressed(codec)
    for _ in 0..<3000 {
      var damaged = compressed
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if let output = try? damaged.decompressed(codec, limit: 10_000) {
        #expect(output.count <= 10_000, "seed \(seed)")
      }
    }
  }
}
