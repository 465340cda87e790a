import KafkaRecords
import Testing

@testable import ArchiveFormat

@Suite struct ReaderTests {
  /// The answer to a fetch, worked out from the segment.
  private func expected(_ segment: TestSegment, from offset: Int64, max: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, offsets) in segment.batchOffsets.enumerated() where offsets.upperBound > offset {
      let end = index + 1 < segment.batchPositions.count ? segment.batchPositions[index + 1] : segment.bytes.count
      let batch = segment.bytes[segment.batchPositions[index]..<end]
      if !bytes.isEmpty, bytes.count + batch.count > max { break }
      bytes += batch
    }
    return bytes
  }

  @Test(arguments: [UInt64](1...8))
  func fetchReturnsWholeBatchesFromAnyOffset(seed: UInt64) throws {
    var shape = TestSegment.Shape()
    shape.batchCount = 120
    shape.wordCountMax = seed % 2 == 0 ? 400 : 30
    let segment = TestSegment(seed: seed, shape: shape)
    let object = try segment.archive(parts: 3)
    let source = CountingRangeSource(MemoryRangeSource(object))
    let reader = ArchiveReader(source: source, footer: object.footer)
    var random = SeededGenerator(seed: seed)
    for offset in stride(from: shape.firstOffset, to: segment.nextOffset, by: 7) {
      let max = [1, 1000, 100_000, 1 << 20, 1 << 30][random.below(5)]
      source.reset()
      let result = try reader.fetch(from: offset, byteCountMax: max)
      let start = reader.frameIndex(ofOffset: offset)
      // What one round of reads covers may end before max because frames are counted from their start.
      let whole = expected(segment, from: offset, max: max)
      #expect(!result.bytes.isEmpty && whole.starts(with: result.bytes), "seed \(seed) offset \(offset)")
      #expect(result.bytes == whole || result.bytes.count + object.footer.frames[start].rawByteCount >= max)
      #expect(source.roundCount <= 2)
      let last = segment.batchOffsets.last { $0.upperBound <= result.nextOffset }!.upperBound
      #expect(result.nextOffset == last || result.nextOffset == segment.nextOffset)
      let overlapping = segment.aborted.filter { $0.lastOffset >= offset && $0.firstOffset < result.nextOffset }
      #expect(result.abortedTransactions == overlapping)
    }
  }

  @Test func sequentialFetchesReturnTheSegment() throws {
    let segment = TestSegment(seed: 77)
    let reader = try ArchiveReader(segment.archive())
    var offset = reader.footer.range.baseOffset
    var bytes: [UInt8] = []
    while offset < reader.footer.range.nextOffset {
      let part = try reader.fetch(from: offset, byteCountMax: 4000)
      bytes += part.bytes
      offset = part.nextOffset
    }
    #expect(bytes == segment.bytes)
  }

  @Test func openingTakesOneRoundWithTheHotSizeAndTwoWithAShortGuess() throws {
    let object = try TestSegment(seed: 3).archive()
    let source = CountingRangeSource(MemoryRangeSource(object))
    let reader = try ArchiveReader(
      opening: source, objectByteCount: object.byteCount, hotByteCount: object.footer.hotByteCount)
    #expect(source.roundCount == 1 && source.byteCount == object.footer.hotByteCount)
    #expect(reader.footer == object.footer && reader.keyFilter != nil)
    source.reset()
    var short = try ArchiveReader(opening: source, objectByteCount: object.byteCount, hotByteCount: 32)
    #expect(source.roundCount == 2)
    #expect(short.footer == object.footer && short.keyFilter == nil)
    try short.loadKeyFilter()
    #expect(short.keyFilter != nil)
  }

  @Test(arguments: [UInt64](1...10))
  func timesKeysAndWordsAgreeWithAWalkOverTheRecords(seed: UInt64) throws {
    let segment = TestSegment(seed: seed, shape: .init(hasDamage: seed % 2 == 0))
    let object = try segment.archive()
    let reader = try ArchiveReader(object)
    let visible = zip(segment.records, segment.documents).filter { !$0.0.isAborted }
    for index in 0..<50 {
      let key = Array("key-\(index)".utf8)
      let last = visible.last { $0.0.key == key }?.0
      switch try reader.lookup(key: key) {
      case .absent: #expect(last == nil)
      case .found(let record):
        #expect(record.offset == last?.offset && record.value == last?.value && record.headers == last?.headers)
        #expect(record.timestamp == last?.timestamp)
      }
    }
    #expect(try reader.lookup(key: Array("no such key".utf8)) == .absent)
    var postings: [[UInt8]: [Int: Int]] = [:]
    for (record, document) in visible {
      for token in record.texts.flatMap(ReferenceLexer.tokens) {
        postings[token, default: [:]][document, default: 0] += 1
      }
    }
    for (token, documents) in postings {
      let list = try #require(try reader.postings(token: token))
      #expect(list.documents.map(Int.init) == documents.keys.sorted(), "seed \(seed)")
      if documents.count > 1 {
        #expect(list.frequencies.map(Int.init) == documents.keys.sorted().map { min(255, documents[$0]!) })
      }
    }
    #expect(try reader.postings(token: Array("absent".utf8)) == nil)
    if segment.undecodableCount == 0 { try checkTimes(segment, reader) }
  }

  private func checkTimes(_ segment: TestSegment, _ reader: ArchiveReader<MemoryRangeSource>) throws {
    let times = segment.records.map(\.timestamp)
    for time in stride(from: times.min()! - 5, through: times.max()! + 5, by: 997) {
      let found = try reader.firstOffset(withTimestamp: time)
      let expected = segment.records.first { $0.timestamp >= time }
      // Markers of transactions are records too, with the time of their batch.
      #expect((found?.offset ?? .max) <= (expected?.offset ?? .max))
      if let found { #expect(found.timestamp >= time) }
      if let expected, segment.aborted.isEmpty { #expect(found?.offset == expected.offset) }
    }
  }

  @Test func leaderEpochsAndAnObjectWithoutIndex() throws {
    let segment = TestSegment(seed: 5)
    let object = try segment.archive(index: .none)
    let reader = try ArchiveReader(object)
    #expect(
      reader.footer.epochs.map(\.leaderEpoch)
        == Array(Set(segment.batchOffsets.map { Int32($0.lowerBound / 500) })).sorted())
    #expect(reader.startOffset(afterEpoch: 2) == segment.batchOffsets.first { $0.lowerBound >= 1500 }?.lowerBound)
    #expect(throws: ArchiveError.notIndexed) { try reader.lookup(key: [1]) }
    let keys = try ArchiveReader(segment.archive(index: .keys))
    #expect(throws: ArchiveError.notIndexed) { try keys.postings(token: Array("error".utf8)) }
    #expect(
      try keys.lookup(key: Array("key-1".utf8)) == ArchiveReader(segment.archive()).lookup(key: Array("key-1".utf8)))
  }
}
