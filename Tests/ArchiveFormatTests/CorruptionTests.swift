import KafkaRecords
import Testing

@testable import ArchiveFormat

/// Damage is found or does not matter; it never changes an answer.
@Suite struct CorruptionTests {
  /// Five answers, each an error or a value that can be compared.
  private func answers(_ source: MemoryRangeSource, footer: Footer) -> [Answer] {
    let middle = footer.range.baseOffset + (footer.range.nextOffset - footer.range.baseOffset) / 2
    func opened() throws -> ArchiveReader<MemoryRangeSource> {
      try ArchiveReader(opening: source, objectByteCount: source.bytes.count, hotByteCount: footer.hotByteCount)
    }
    return [
      Answer { "\(try opened().fetch(from: middle, byteCountMax: 50_000))" },
      Answer { "\(String(describing: try opened().firstOffset(withTimestamp: footer.range.maxTimestamp - 2000)))" },
      Answer { "\(try opened().lookup(key: Array("key-7".utf8)))" },
      Answer { "\(String(describing: try opened().postings(token: Array("error".utf8))))" },
      Answer { "\(String(describing: try opened().postings(token: Array("timeout".utf8))))" },
    ]
  }

  enum Answer: Equatable {
    case value(String)
    case error

    init(_ body: () throws -> String) {
      do {
        self = .value(try body())
      } catch {
        #expect(error is ArchiveError, "\(error)")
        self = .error
      }
    }
  }

  private func damaged(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var copy = bytes
    switch random.below(4) {
    case 0: copy[random.below(copy.count)] ^= 1 << UInt8(random.below(8))
    case 1:
      let start = random.below(copy.count)
      for index in start..<min(copy.count, start + 1 + random.below(64)) { copy[index] = UInt8(random.below(256)) }
    case 2: copy.removeLast(1 + random.below(copy.count - 1))
    default:
      let start = random.below(copy.count)
      for index in start..<min(copy.count, start + 512) { copy[index] = 0 }
    }
    return copy
  }

  @Test func damagedCopiesAreDetectedOrAnswerAsBefore() throws {
    var shape = TestSegment.Shape()
    shape.batchCount = 150
    let object = try TestSegment(seed: 123, shape: shape).archive()
    let good = MemoryRangeSource(object)
    let expected = answers(good, footer: object.footer)
    #expect(!expected.contains(.error))
    var detected = 0
    for seed in UInt64(1)...150 {
      var random = SeededGenerator(seed: seed)
      let copy = MemoryRangeSource(damaged(good.bytes, &random))
      for (answer, expected) in zip(answers(copy, footer: object.footer), expected) {
        if answer == .error { detected += 1 } else { #expect(answer == expected, "seed \(seed)") }
      }
    }
    #expect(detected > 100)
  }

  /// Beyond checksums: a footer, or a posting list, that somebody made wrong on purpose.
  @Test func footersWithRandomContentAreRefusedOrHarmless() throws {
    let object = try TestSegment(seed: 124).archive()
    let good = MemoryRangeSource(object).bytes
    let foot = object.footer.position..<object.byteCount - ArchiveObject.trailByteCount
    for seed in UInt64(1)...400 {
      var random = SeededGenerator(seed: seed)
      var copy = good
      for _ in 0...random.below(3) { copy[foot.lowerBound + random.below(foot.count)] = UInt8(random.below(256)) }
      copy.withUnsafeMutableBytes { bytes in
        let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[foot]))
        bytes.storeBytes(of: crc.littleEndian, toByteOffset: foot.upperBound + 12, as: UInt32.self)
      }
      // Not to crash is all that can be asked.
      _ = answers(MemoryRangeSource(copy), footer: object.footer)
    }
  }

  @Test func dictionaryBlocksAndBatchesOfRandomBytesDoNotCrash() {
    let compressor = FrameCompressor(level: 1)
    for seed in UInt64(1)...400 {
      var random = SeededGenerator(seed: seed)
      let bytes = (0..<random.below(300)).map { _ in UInt8(random.chance(60) ? random.below(4) : random.below(256)) }
      let output = ByteOutput()
      bytes.withUnsafeBytes { _ = compressor.append($0, to: output) }
      do throws(InputDefect) {
        let block = try DictionaryBlock(
          output.bytes, documentCount: 1 + random.below(5000), decompressor: FrameDecompressor())
        try block.forEach { _, _ in true }
      } catch {}
      do throws(InputDefect) {
        _ = try bytes.withBytes { (bytes) throws(InputDefect) in
          try PostingCoder.decodeLong(bytes, count: 128 + Int(seed), documentCount: 10_000)
        }
      } catch {}
    }
  }

  /// A flipped bit anywhere is found by `verify`, unless it is one that zstd's format gives no meaning.
  @Test func everyFlippedBitIsFoundByVerifying() throws {
    let segment = TestSegment(seed: 125)
    let object = try segment.archive()
    let good = MemoryRangeSource(object).bytes
    try ArchiveReader(object).verify()
    var missed = 0
    for seed in UInt64(1)...300 {
      var random = SeededGenerator(seed: seed)
      var copy = good
      // The first ones go where no checksum is: into the headers of the skippable frames.
      let header = object.footer.frames.last!.bytes.upperBound
      let position = seed <= 24 ? (seed <= 16 ? Int(seed) - 1 : header + Int(seed) - 17) : random.below(copy.count)
      copy[position] ^= 1 << UInt8(random.below(8))
      do {
        let reader = try ArchiveReader(opening: MemoryRangeSource(copy), objectByteCount: copy.count)
        try reader.verify()
        missed += 1
        #expect(try reader.fetch(from: 0, byteCountMax: .max).bytes == segment.bytes, "seed \(seed)")
      } catch {
        #expect(error is ArchiveError, "seed \(seed): \(error)")
      }
    }
    #expect(missed <= 2)
  }
}
