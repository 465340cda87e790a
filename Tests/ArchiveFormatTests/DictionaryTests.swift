import KafkaRecords
import Testing

@testable import ArchiveFormat

/// Terms that are easy to get wrong beside each other.
@Suite struct DictionaryTests {
  /// A token of more than 16 bytes that begins with `start` and whose hash's lowest bytes, which stand first, are zero.
  private func token(_ start: String, zeros: UInt32) -> String {
    var number = 0
    while true {
      let token = "\(start)isthebeginning\(number)"
      let hash = Array(token.utf8).withUnsafeBytes { H64.hash($0) }
      if UInt32(truncatingIfNeeded: hash) & (1 << (8 * zeros) - 1) == 0 { return token }
      number += 1
    }
  }

  @Test(arguments: [UInt32](1...2))
  func aHashThatBeginsWithZerosFollowsTheTokenOfItsFirstEightBytes(zeros: UInt32) throws {
    let texts = ["abcdefgh", token("abcdefgh", zeros: zeros), "abcdefghi", "abcdefg"]
    var builder = RecordBatchBuilder(baseOffset: 0)
    for text in texts { builder.append(timestamp: 1, key: nil, value: Array(text.utf8)) }
    let batch = builder.build()
    let object = try batch.withUnsafeBytes {
      try ArchiveWriter().write(ArchiveSegment(identity: TestSegment.identity, batches: [$0]))
    }
    let reader = try ArchiveReader(object)
    try reader.verify()
    for (document, text) in texts.enumerated() {
      #expect(try reader.postings(token: Array(text.utf8))?.documents == [UInt32(document)], "\(text)")
    }
  }
}
