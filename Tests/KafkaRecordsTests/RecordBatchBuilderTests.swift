import KafkaRecords
import Testing

@Suite("Building batches")
struct RecordBatchBuilderTests {
  static let records: [(Int64, [UInt8]?, [UInt8]?, [RecordHeader])] = [
    (5000, [1, 2], [3], [RecordHeader("a", [9]), RecordHeader("a", nil), RecordHeader("", [])]),
    (4000, nil, [], []),
    (9000, [], nil, []),
    (9000, [UInt8](repeating: 7, count: 5000), [UInt8](repeating: 8, count: 70_000), []),
  ]

  private func fill(_ builder: inout RecordBatchBuilder) {
    for (timestamp, key, value, headers) in Self.records {
      builder.append(timestamp: timestamp, key: key, value: value, headers: headers)
    }
  }

  @Test("records survive every codec, nulls and empties apart", arguments: Compression.allCases)
  func everyCodec(codec: Compression) throws {
    var builder = RecordBatchBuilder(
      baseOffset: 1000, compression: codec, isTransactional: true, producerID: 77, producerEpoch: 5,
      baseSequence: Int32.max - 1, partitionLeaderEpoch: 12)
    fill(&builder)
    #expect(builder.recordCount == 4)
    let bytes = builder.build()
    let header = try bytes.validated()
    #expect(header.compression == codec)
    #expect(header.lastOffset == 1003)
    #expect(header.baseTimestamp == 5000 && header.maxTimestamp == 9000)
    #expect(header.isTransactional && !header.isControl)
    #expect(header.producerID == 77 && header.producerEpoch == 5 && header.partitionLeaderEpoch == 12)
    // MAX-1, MAX, 0, 1
    #expect(header.lastSequence == 1 && header.nextSequence == 2)
    let records = try bytes.records()
    for (record, given) in zip(records, Self.records) {
      #expect(record.key == given.1 && record.value == given.2 && record.headers == given.3)
      #expect(header.timestamp(delta: record.timestampDelta) == given.0)
    }
    #expect(records.map(\.offsetDelta) == [0, 1, 2, 3])
  }

  @Test("rewriting keeps offsets, producer and the last offset while records go, as compaction needs")
  func compaction() throws {
    var builder = RecordBatchBuilder(
      baseOffset: 500, compression: .zstd, producerID: 9, producerEpoch: 1, baseSequence: 40)
    fill(&builder)
    let original = builder.build()
    let kept = try original.withBytes { bytes in
      let reader = try RecordBatchReader(bytes, limit: generousLimit)
      var builder = RecordBatchBuilder(rewriting: reader.header)
      try reader.forEach { if $0.offsetDelta == 1 { builder.append($0) } }
      return builder.build()
    }
    let before = try original.validated()
    let header = try kept.validated()
    #expect(header.recordCount == 1)
    #expect(header.lastOffset == before.lastOffset && header.lastSequence == before.lastSequence)
    #expect(header.compression == .zstd && header.producerID == 9)
    #expect(header.maxTimestamp == 4000)
    #expect(try kept.records() == [original.records()[1]])
    #expect(throws: Never.self) {
      try kept.validatedRecords(RecordRules(decompressedByteCountMax: 1 << 20, requiresDenseOffsets: false))
    }
  }

  @Test("a batch that lost all records keeps its place and drops its codec", arguments: Compression.allCases)
  func emptied(codec: Compression) throws {
    var builder = RecordBatchBuilder(baseOffset: 500, compression: codec)
    fill(&builder)
    let before = try builder.build().validated()
    let empty = RecordBatchBuilder(rewriting: before).build()
    #expect(empty.count == 61)
    let header = try empty.validated()
    #expect(header.recordCount == 0 && header.nextOffset == 504)
    #expect(header.compression == Compression.none)
    #expect(header.maxTimestamp == before.maxTimestamp)
    #expect(try empty.records().isEmpty)
  }

  @Test("borrowed keys and values encode as owned ones")
  func borrowed() {
    var owned = RecordBatchBuilder()
    var borrowed = RecordBatchBuilder()
    for (timestamp, key, value, _) in Self.records {
      owned.append(timestamp: timestamp, key: key, value: value)
      (key ?? []).withBytes { k in
        (value ?? []).withBytes { v in
          borrowed.append(timestamp: timestamp, key: key == nil ? nil : k, value: value == nil ? nil : v)
        }
      }
    }
    #expect(owned.uncompressedByteCount == borrowed.uncompressedByteCount)
    #expect(owned.build() == borrowed.build())
  }

  @Test("sequence numbers wrap from the largest to zero")
  func sequences() {
    #expect(RecordBatchHeader.sequence(0, advancedBy: 5) == 5)
    #expect(RecordBatchHeader.sequence(Int32.max, advancedBy: 0) == Int32.max)
    #expect(RecordBatchHeader.sequence(Int32.max, advancedBy: 1) == 0)
    #expect(RecordBatchHeader.sequence(Int32.max - 2, advancedBy: 5) == 2)
    let without = RecordBatchHeader(lastOffsetDelta: 5, baseSequence: -1, recordCount: 6)
    #expect(without.lastSequence == -1 && without.nextSequence == -1)
  }

  @Test("attribute bits mean what the format says")
  func attributes() {
    func header(_ attributes: Int16) -> RecordBatchHeader {
      RecordBatchHeader(attributes: attributes, baseTimestamp: 7)
    }
    #expect(header(0x08).timestampType == .logAppendTime)
    #expect(header(0x10).isTransactional && !header(0x10).isControl)
    #expect(header(0x20).isControl && !header(0x20).isTransactional)
    #expect(header(0x40).hasDeleteHorizon && header(0x40).deleteHorizon == 7)
    #expect(header(0).deleteHorizon == nil)
    #expect((0...7).map { header($0).compression } == [.some(.none), .gzip, .snappy, .lz4, .zstd, nil, nil, nil])
  }

  @Test("a hostile base offset wraps instead of trapping")
  func hostileOffsets() {
    let header = RecordBatchHeader(baseOffset: .max, lastOffsetDelta: .max, baseTimestamp: .max)
    #expect(header.nextOffset < 0)
    #expect(header.timestamp(delta: .max) == -2)
  }
}
