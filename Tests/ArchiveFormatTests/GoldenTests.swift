import Foundation
import KafkaRecords
import Testing

@testable import ArchiveFormat

/// An object of format version 1 as it was written when the format was settled: later code must read it.
///
/// Fixtures/format-1.kar holds `GoldenSegment`. It is never written again; to look at what today's writer makes of the
/// segment, run the tests with ARCHIVE_GOLDEN_OUT=<file>.
enum GoldenSegment {
  static let aborted = [AbortedTransaction(producerID: 77, firstOffset: 110, lastOffset: 111)]

  /// 300 records in three batches (offsets 0…299 but for 110…111, an aborted transaction), every tenth with a null
  /// value.
  static func bytes() -> [UInt8] {
    func batch(_ offsets: Range<Int64>, _ codec: Compression) -> [UInt8] {
      var builder = RecordBatchBuilder(baseOffset: offsets.lowerBound, compression: codec, partitionLeaderEpoch: 5)
      for offset in offsets {
        let value = offset % 10 == 0 ? nil : "level:\(offset % 3 == 0 ? "ERROR" : "info") order \(offset) aus Köln 東京都"
        builder.append(
          timestamp: 1_700_000_000_000 + offset * 10, key: Array("k\(offset % 7)".utf8),
          value: value.map { Array($0.utf8) },
          headers: offset == 42
            ? [RecordHeader("trace", Array("deadbeefdeadbeefdeadbeef".utf8)), RecordHeader("none", nil)] : [])
      }
      return builder.build()
    }
    var lost = RecordBatchBuilder(
      baseOffset: 110, isTransactional: true, producerID: 77, producerEpoch: 0, baseSequence: 0, partitionLeaderEpoch: 6
    )
    lost.append(timestamp: 1_700_000_001_100, key: Array("k1".utf8), value: Array("order lost".utf8))
    var marker = ControlRecord.abort(coordinatorEpoch: 1)
      .endTransactionBatch(producerID: 77, producerEpoch: 0, timestamp: 1_700_000_001_110)
    marker.withUnsafeMutableBytes { RecordBatch.assign(baseOffset: 111, leaderEpoch: 6, in: $0.baseAddress!) }
    return batch(0..<110, .none) + lost.build() + marker + batch(112..<200, .none) + batch(200..<300, .gzip)
  }

  static func object() throws -> ArchivedObject {
    try bytes().withUnsafeBytes {
      var segment = ArchiveSegment(identity: TestSegment.identity, batches: [$0])
      segment.abortedTransactions = aborted
      segment.producerSnapshot = Array("producers".utf8)
      return try ArchiveWriter().write(segment)
    }
  }
}

@Suite struct GoldenTests {
  private func golden() throws -> MemoryRangeSource {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/format-1.kar")
    return MemoryRangeSource([UInt8](try Data(contentsOf: file)))
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["ARCHIVE_GOLDEN_OUT"] != nil))
  func writesAFile() throws {
    let path = ProcessInfo.processInfo.environment["ARCHIVE_GOLDEN_OUT"]!
    try GoldenSegment.object().withBytes { try Data($0).write(to: URL(fileURLWithPath: path)) }
  }

  /// What is expected follows from how the segment was made.
  @Test func theObjectOfFormatVersionOneIsRead() throws {
    let source = try golden()
    let reader = try ArchiveReader(opening: source, objectByteCount: source.bytes.count)
    #expect(reader.footer.range.baseOffset == 0 && reader.footer.range.nextOffset == 300)
    #expect(reader.footer.range.documentCount == 299)
    #expect(
      reader.footer.range.minTimestamp == 1_700_000_000_000 && reader.footer.range.maxTimestamp == 1_700_000_002_990)
    #expect(
      reader.footer.epochs == [
        EpochStart(leaderEpoch: 5, startOffset: 0), EpochStart(leaderEpoch: 6, startOffset: 110),
        EpochStart(leaderEpoch: 5, startOffset: 112),
      ])
    #expect(reader.footer.producerSnapshot == Array("producers".utf8))
    #expect(reader.abortedTransactions(in: 111..<112) == GoldenSegment.aborted)
    // zlib's output differs from version to version; the uncompressed batches are compared as they are.
    let bytes = try reader.fetch(from: 0, byteCountMax: 1 << 20).bytes
    let expected = GoldenSegment.bytes()
    let gzipStart = try reader.fetch(from: 0, byteCountMax: 1).bytes.count
    #expect(bytes[..<gzipStart] == expected[..<gzipStart])
    #expect(try reader.firstOffset(withTimestamp: 1_700_000_002_501)?.offset == 251)
    // The newest record of k1 is 295; the aborted one does not count.
    guard case .found(let record) = try reader.lookup(key: Array("k1".utf8)) else {
      Issue.record("k1 not found")
      return
    }
    #expect(record.offset == 295)
    func offsets(_ text: String) throws -> [Int64] {
      try ObjectSearch(reader, query: Query(parsing: text)).run().records.map(\.record.offset)
    }
    #expect(
      try offsets("level:error")
        == (0..<300).reversed().filter { $0 % 3 == 0 && $0 % 10 != 0 && $0 != 111 }.prefix(10).map(Int64.init))
    #expect(try offsets("\"order 217\" köln 東京都") == [217])
    #expect(try offsets("header.trace:DEADBEEFdeadbeefdeadbeef") == [42])
    #expect(try offsets("lost") == [])
  }

  @Test func todaysWriterMakesTheSameIndex() throws {
    let source = try golden()
    let old = try ArchiveReader(opening: source, objectByteCount: source.bytes.count)
    let new = try ArchiveReader(GoldenSegment.object())
    #expect(old.footer.range == new.footer.range && old.footer.analyzer == new.footer.analyzer)
    #expect(old.footer.termIndex.termCount == new.footer.termIndex.termCount)
    for word in ["order", "error", "köln", "東京", "京都", "deadbeefdeadbeefdeadbeef"] {
      let token = Array(word.utf8)
      #expect(try old.postings(token: token) == new.postings(token: token))
    }
  }
}
