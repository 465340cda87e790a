/// The one encoder of record batches in this code base.
///
/// Records are encoded as they are appended; `build` compresses, fills in the header and computes the CRC. A builder
/// made from a header (`init(rewriting:)`) keeps the batch's identity, which is how compaction drops records and how
/// decode → encode returns the very same bytes for an uncompressed batch.
///
/// Limits are the caller's business: a batch that outgrows its 31-bit length field is a bug and stops the process.
public struct RecordBatchBuilder {
  /// Fields that go into the header as they are. `batchLength`, `crc`, `recordCount`, `maxTimestamp` and
  /// `lastOffsetDelta` are computed; `baseTimestamp` is the first record's timestamp unless it was given.
  private var header: RecordBatchHeader
  private var baseTimestamp: Int64?
  /// The header of the batch being rewritten.
  private let original: RecordBatchHeader?
  private var level: Int?
  /// 61 bytes for the header, then the encoded records.
  private var output = EncodedRecords(reservedByteCount: RecordBatchHeader.byteCount)
  private var maxRecordTimestamp: Int64?
  private var lastDelta: Int32 = -1

  /// A new batch. `level` is the codec's compression level, nil for its default.
  ///
  /// The producer fields and `baseSequence` stay −1 without idempotence. `baseTimestamp` in milliseconds since 1970;
  /// nil takes the first record's.
  public init(
    baseOffset: Int64 = 0, compression: Compression = .none, level: Int? = nil, isTransactional: Bool = false,
    isControl: Bool = false, producerID: Int64 = -1, producerEpoch: Int16 = -1, baseSequence: Int32 = -1,
    partitionLeaderEpoch: Int32 = -1, baseTimestamp: Int64? = nil
  ) {
    var attributes = Int16(compression.rawValue)
    if isTransactional { attributes |= RecordBatchHeader.AttributeBit.transactional }
    if isControl { attributes |= RecordBatchHeader.AttributeBit.control }
    header = RecordBatchHeader(
      baseOffset: baseOffset, partitionLeaderEpoch: partitionLeaderEpoch, attributes: attributes,
      producerID: producerID, producerEpoch: producerEpoch, baseSequence: baseSequence)
    self.baseTimestamp = baseTimestamp
    self.level = level
    original = nil
  }

  /// A batch that takes over everything from `header`: offsets, producer, epoch, attributes, timestamps' base. Append
  /// the records to keep with `append(_:)`, which takes their deltas as they are.
  ///
  /// lastOffsetDelta stays, so that the offsets of dropped records are not given out again; maxTimestamp becomes the
  /// largest of the kept records, and stays for log-append time or when none is kept. `compression` nil keeps the
  /// codec; `header.compression` must then be a known one.
  public init(rewriting header: RecordBatchHeader, compression: Compression? = nil, level: Int? = nil) {
    self.header = header
    if let compression {
      let mask = RecordBatchHeader.AttributeBit.compressionMask
      self.header.attributes = (header.attributes & ~mask) | Int16(compression.rawValue)
    }
    precondition(self.header.compression != nil, "unknown compression cannot be written")
    baseTimestamp = header.baseTimestamp
    original = header
    self.level = level
  }

  public private(set) var recordCount = 0

  /// Bytes of the batch if it is built uncompressed now.
  public var uncompressedByteCount: Int { output.byteCount }

  /// Appends a record at the next offset. `timestamp` in milliseconds since 1970.
  public mutating func append(
    timestamp: Int64, key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader] = []
  ) {
    let record = Record(
      timestampDelta: delta(of: timestamp), offsetDelta: lastDelta + 1, key: key, value: value, headers: headers)
    append(record)
  }

  /// Appends a record at the next offset, its key and value borrowed for the call.
  public mutating func append(
    timestamp: Int64, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
  ) {
    let shape = RecordShape(
      attributes: 0, timestampDelta: delta(of: timestamp), offsetDelta: lastDelta + 1, keyByteCount: key?.count,
      valueByteCount: value?.count, headerCount: 0, headersByteCount: 0)
    note(shape)
    output.append(shape) { writer in
      writer.put(nullable: key)
      writer.put(nullable: value)
      writer.put(varint: 0)
    }
  }

  /// Appends a record with its deltas as they are; offset deltas must increase. The first record of a batch without
  /// a base timestamp counts from 0.
  public mutating func append(_ record: Record) {
    var headersByteCount = 0
    for header in record.headers {
      headersByteCount += RecordShape.byteCount(nullable: header.key.count)
      headersByteCount += RecordShape.byteCount(nullable: header.value?.count)
    }
    let shape = RecordShape(
      attributes: record.attributes, timestampDelta: record.timestampDelta, offsetDelta: record.offsetDelta,
      keyByteCount: record.key?.count, valueByteCount: record.value?.count, headerCount: record.headers.count,
      headersByteCount: headersByteCount)
    note(shape)
    output.append(shape) { writer in
      writer.put(nullable: record.key)
      writer.put(nullable: record.value)
      writer.put(varint: record.headers.count)
      for header in record.headers {
        writer.put(nullable: header.key)
        writer.put(nullable: header.value)
      }
    }
  }

  /// Appends a copy of a borrowed record with its deltas as they are; offset deltas must increase.
  public mutating func append(_ record: RecordView) { append(record, timestampDelta: record.timestampDelta) }

  /// The same with another distance from the batch's base timestamp, ms: for a batch whose base has moved.
  public mutating func append(_ record: RecordView, timestampDelta: Int64) {
    let shape = RecordShape(
      attributes: record.attributes, timestampDelta: timestampDelta, offsetDelta: record.offsetDelta,
      keyByteCount: record.key?.count, valueByteCount: record.value?.count, headerCount: record.headers.count,
      headersByteCount: record.headers.bytes.count)
    note(shape)
    output.append(shape) { writer in
      writer.put(nullable: record.key)
      writer.put(nullable: record.value)
      writer.put(varint: record.headers.count)
      writer.put(record.headers.bytes)
    }
  }

  private mutating func delta(of timestamp: Int64) -> Int64 {
    if let baseTimestamp { return timestamp - baseTimestamp }
    baseTimestamp = timestamp
    return 0
  }

  private mutating func note(_ shape: RecordShape) {
    precondition(shape.offsetDelta > lastDelta, "offset deltas must increase")
    let base = baseTimestamp ?? 0
    baseTimestamp = base
    let timestamp = base &+ shape.timestampDelta
    maxRecordTimestamp = max(maxRecordTimestamp ?? timestamp, timestamp)
    lastDelta = shape.offsetDelta
    recordCount += 1
  }

  /// The finished batch. The bytes are the caller's; without compression they are the builder's own, not a copy, when
  /// the builder is not used again.
  public consuming func build() -> [UInt8] {
    // Nothing to compress: Kafka, too, writes an empty batch without a codec.
    if recordCount == 0 { header.attributes &= ~RecordBatchHeader.AttributeBit.compressionMask }
    let compression = header.compression!
    var bytes = output.finish()
    if compression != .none {
      bytes = bytes.withUnsafeBytes { uncompressed in
        let records = UnsafeRawBufferPointer(rebasing: uncompressed[RecordBatchHeader.byteCount...])
        return [UInt8](repeating: 0, count: RecordBatchHeader.byteCount) + compression.compress(records, level: level)
      }
    }
    precondition(bytes.count <= Int(Int32.max), "record batch larger than its length field")
    header.magic = RecordBatch.currentMagic
    header.batchLength = Int32(bytes.count - RecordBatchHeader.byteCountBeforeLengthEnd)
    header.recordCount = Int32(recordCount)
    header.baseTimestamp = baseTimestamp ?? -1
    header.lastOffsetDelta = max(lastDelta, original?.lastOffsetDelta ?? 0)
    if header.timestampType == .createTime { header.maxTimestamp = maxRecordTimestamp ?? header.maxTimestamp }
    header.seal(&bytes)
    return bytes
  }
}
