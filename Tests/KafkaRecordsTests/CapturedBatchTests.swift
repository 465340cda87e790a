import KafkaRecords
import Testing

@Suite("Batches captured from real clients")
struct CapturedBatchTests {
  @Test("the header says what the client was asked for", arguments: Fixtures.captured)
  func header(captured: Fixtures.Captured) throws {
    let bytes = try captured.bytes
    let given = try #require(Fixtures.scenarios[captured.scenario])
    let header = try bytes.validated()
    #expect(header.byteCount == bytes.count)
    #expect(header.magic == 2)
    #expect(header.baseOffset == 0)
    #expect(header.recordCount == Int32(given.count))
    #expect(header.lastOffsetDelta == Int32(given.count - 1))
    #expect(header.nextOffset == Int64(given.count))
    // librdkafka and kafka-python send a batch as it is when compression does not pay.
    let codec = try #require(header.compression)
    #expect(codec.name == captured.codec || (codec == .none && captured.client != "aiokafka"))
    #expect(header.baseTimestamp == given[0].timestamp)
    #expect(header.maxTimestamp == given.map(\.timestamp).max())
    #expect(header.timestampType == .createTime)
    #expect(header.producerID == captured.producerID)
    #expect(header.producerEpoch == captured.producerEpoch)
    #expect(header.baseSequence == captured.baseSequence)
    #expect(header.isTransactional == captured.isTransactional)
    #expect(!header.isControl && !header.hasDeleteHorizon)
    try header.checkDenseOffsets()
  }

  @Test("the records are those the client was given", arguments: Fixtures.captured)
  func records(captured: Fixtures.Captured) throws {
    let given = try #require(Fixtures.scenarios[captured.scenario])
    let expected = given.enumerated().map { $1.record(index: $0, baseTimestamp: given[0].timestamp) }
    let records = try captured.bytes.records()
    #expect(records.count == expected.count)
    for (record, expected) in zip(records, expected) where record != expected {
      Issue.record("\(captured.file): offset delta \(expected.offsetDelta) differs: \(record)")
    }
  }

  @Test("deep validation accepts them and reports their timestamps", arguments: Fixtures.captured)
  func deepValidation(captured: Fixtures.Captured) throws {
    let given = try #require(Fixtures.scenarios[captured.scenario])
    let summary = try captured.bytes.validatedRecords(RecordRules(decompressedByteCountMax: generousLimit))
    #expect(summary.minTimestamp == given.map(\.timestamp).min())
    #expect(summary.maxTimestamp == given.map(\.timestamp).max())
    let latest = try #require(given.map(\.timestamp).max())
    #expect(summary.offsetOfMaxTimestamp == given.firstIndex { $0.timestamp == latest }.map { Int64($0) })
    #expect(summary.tombstoneCount == given.count { $0.value == nil })
  }

  @Test("decoding and encoding an uncompressed batch gives the same bytes", arguments: Fixtures.captured)
  func reencode(captured: Fixtures.Captured) throws {
    let bytes = try captured.bytes
    let header = try bytes.validated()
    guard header.compression == Compression.none else { return }
    var fromCopies = RecordBatchBuilder(rewriting: header)
    for record in try bytes.records() { fromCopies.append(record) }
    let copied = fromCopies.build() == bytes
    #expect(copied)
    let fromViews = try bytes.withBytes { bytes in
      var builder = RecordBatchBuilder(rewriting: header)
      try RecordBatchReader(bytes, limit: 0).forEach { builder.append($0) }
      return builder.build()
    }
    let viewed = fromViews == bytes
    #expect(viewed)
  }

  @Test("a new batch from the same records has the bytes the client made", arguments: Fixtures.captured)
  func encodeFromScratch(captured: Fixtures.Captured) throws {
    let bytes = try captured.bytes
    let header = try bytes.validated()
    guard header.compression == Compression.none else { return }
    var builder = RecordBatchBuilder(
      isTransactional: captured.isTransactional, producerID: captured.producerID,
      producerEpoch: captured.producerEpoch, baseSequence: captured.baseSequence,
      partitionLeaderEpoch: header.partitionLeaderEpoch)
    for given in try #require(Fixtures.scenarios[captured.scenario]) {
      builder.append(
        timestamp: given.timestamp, key: given.key.map { [UInt8]($0) }, value: given.value.map { [UInt8]($0) },
        headers: given.headers.map { RecordHeader($0.key, $0.value.map { [UInt8]($0) }) })
    }
    // Compared outside the macro, which would print every byte.
    let same = builder.build() == bytes
    #expect(same)
  }

  @Test("the fixtures hold every codec of every client, really compressed")
  func coverage() throws {
    var seen: Set<String> = []
    for captured in Fixtures.captured {
      let codec = try #require(try captured.bytes.validated().compression)
      seen.insert("\(captured.client) \(codec.name)")
    }
    for client in ["librdkafka", "kafka-python", "aiokafka"] {
      for codec in Compression.allCases { #expect(seen.contains("\(client) \(codec.name)")) }
    }
  }

  @Test("concatenated batches are all found, and the bytes consumed are theirs")
  func concatenated() throws {
    let joined = try Fixtures.captured.flatMap { try $0.bytes }
    try joined.withBytes { joined in
      var cursor = RecordBatchCursor(joined)
      var position = 0
      for captured in Fixtures.captured {
        let batch = try #require(try cursor.next())
        #expect(batch.position == position)
        #expect([UInt8](batch.bytes) == (try captured.bytes))
        position += batch.bytes.count
        #expect(cursor.consumedByteCount == position)
      }
      let end = try cursor.next()
      #expect(end == nil)
    }
  }

  @Test("a batch cut off behind whole ones is reported, the whole ones are not lost")
  func partialTail() throws {
    let whole = try Fixtures.captured("librdkafka-zstd-many.batch")
    for check in [RecordBatchCursor.Check.checksum, .lengthOnly] {
      for kept in [1, 16, 17, 60, 61, whole.count - 1] {
        (whole + whole[..<kept]).withBytes { bytes in
          var cursor = RecordBatchCursor(bytes, check: check)
          #expect(throws: Never.self) { try cursor.next() }
          #expect(throws: RecordBatchError.truncated(needed: kept < 61 ? 61 : whole.count, available: kept)) {
            try cursor.next()
          }
          #expect(cursor.consumedByteCount == whole.count)
        }
      }
    }
  }
}
