import Foundation
import Testing

@testable import ArchiveFormat

/// The parts of the format that can be checked on their own, against the numbers in its text.
@Suite struct PartsTests {
  private func h64(_ text: String) -> UInt64 { Array(text.utf8).withUnsafeBytes { H64.hash($0) } }

  @Test func h64HasTheVectorsOfTheText() {
    #expect(h64("") == 0x0850_F979_4D51_08B4)
    #expect(h64("abc") == 0xDA90_9D74_ABEB_EE98)
    #expect(h64("orders-42") == 0x7882_DC3A_9193_9EB0)
  }

  @Test func theTermOfAKeyIsItsLowFortyBits() {
    let term = Term(keyHash: h64("orders-42"))
    #expect((0..<term.byteCount).map { term.byte($0) } == [0x01, 0xB0, 0x9E, 0x93, 0x91, 0x3A])
    #expect(term.keyHashLow40 == h64("orders-42") & 0xFF_FFFF_FFFF)
  }

  @Test func termsOfTokens() {
    func bytes(_ token: String) -> [UInt8] {
      let padded = Array(token.utf8) + [UInt8](repeating: 0xEE, count: 16)
      let term = padded.withUnsafeBufferPointer { Term(token: $0.baseAddress!, count: token.utf8.count) }
      return (0..<term.byteCount).map { term.byte($0) }
    }
    for length in 1...16 {
      let token = String("abcdefghijklmnop".prefix(length))
      #expect(bytes(token) == Array(token.utf8))
    }
    let long = "abcdefghijklmnopq"
    let hash = UInt32(truncatingIfNeeded: h64(long))
    let expected = (0..<4).map { UInt8(truncatingIfNeeded: hash >> UInt32(8 * $0)) }
    #expect(bytes(long) == Array("abcdefgh".utf8) + expected)
  }

  @Test func normsFollowTheFormula() {
    for count in Array(0..<100_000) + [1 << 20, 1 << 30, .max / 2] {
      let expected = count < 64 ? Double(count) : min(255, 64 + (16 * log2(Double(count) / 64)).rounded(.down))
      #expect(Double(Norms.quantise(count)) == expected, "\(count)")
    }
  }

  @Test(arguments: [128, 129, 255, 256, 1000, 5000])
  func longListsComeBack(count: Int) throws {
    var random = SeededGenerator(seed: UInt64(count))
    var list = PostingList()
    var document: UInt32 = 0
    for index in 0..<count {
      document += UInt32(index == 0 ? random.below(3) : 1 + random.below(random.chance(5) ? 100_000 : 4))
      list.documents.append(document)
      list.frequencies.append(random.chance(80) ? 1 : UInt8(1 + random.below(255)))
    }
    let output = ByteOutput()
    list.documents.withUnsafeBufferPointer { documents in
      list.frequencies.withUnsafeBufferPointer { frequencies in
        PostingCoder.encodeLong(
          documents.baseAddress!, frequencies.baseAddress!, count: count, to: output, scratch: ByteOutput())
      }
    }
    let decoded = try PostingCoder.decodeLong(output.bytes, count: count, documentCount: Int(document) + 1)
    #expect(decoded == list)
    #expect(throws: InputDefect.self) {
      try PostingCoder.decodeLong(output.bytes, count: count, documentCount: Int(document))
    }
    var copy = [UInt8](output.bytes)
    for position in stride(from: 0, to: copy.count, by: 7) {
      copy[position] ^= 0x10
      #expect(throws: InputDefect.self) {
        try copy.withBytes { (bytes) throws(InputDefect) in
          try PostingCoder.decodeLong(bytes, count: count, documentCount: Int(document) + 1)
        }
      }
      copy[position] ^= 0x10
    }
  }

  @Test func theKeyFilterHasNoFalseNegativeAndAboutOnePercentFalsePositives() throws {
    var random = SeededGenerator(seed: 9)
    let hashes = (0..<10_000).map { _ in random.next() }
    let output = ByteOutput()
    KeyFilter(hashes: hashes).encode(to: output)
    let filter = try KeyFilter(parsing: output.bytes, position: 0)
    for hash in hashes { #expect(filter.mayContain(hash: hash)) }
    let falsePositives = (0..<100_000).count { _ in filter.mayContain(hash: random.next()) }
    #expect(falsePositives < 2000)
  }
}
