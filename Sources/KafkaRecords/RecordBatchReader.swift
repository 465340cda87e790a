/// The records of one batch, decompressed once if the batch is compressed.
///
/// An uncompressed batch is read in place: the reader borrows the bytes it was made from, which must outlive it.
public struct RecordBatchReader {
  public let header: RecordBatchHeader
  private let storage: Storage

  private enum Storage {
    case borrowed(UnsafeRawBufferPointer)
    case owned([UInt8])
  }

  /// Reads the batch at the start of `bytes`, which may be followed by more; `header.byteCount` is where the next one
  /// starts. The CRC is not checked: `RecordBatch.validate` does that, once, where bytes enter.
  ///
  /// `limit` bounds the decompressed bytes. Throws what parsing the header and `Compression.decompress` throw,
  /// `truncated` or `unknownCompression`.
  public init(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(RecordBatchError) {
    header = try RecordBatchHeader(parsing: bytes)
    guard header.byteCount <= bytes.count else {
      throw .truncated(needed: header.byteCount, available: bytes.count)
    }
    guard let compression = header.compression else { throw .unknownCompression(header.compressionID) }
    let records = UnsafeRawBufferPointer(rebasing: bytes[RecordBatch.Layout.records..<header.byteCount])
    // An empty batch, as compaction leaves it, may have nothing where its compressed records would be.
    if compression == .none || (records.isEmpty && header.recordCount == 0) {
      storage = .borrowed(records)
    } else {
      storage = .owned(try compression.decompress(records, limit: limit))
    }
  }

  /// Bytes of the records after decompression.
  public var decompressedByteCount: Int {
    switch storage {
    case .borrowed(let records): records.count
    case .owned(let records): records.count
    }
  }

  /// Lends `body` a cursor over the records; nothing the cursor hands out may leave `body`.
  public func withCursor<Result, Failure: Error>(
    _ body: (inout RecordCursor) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch storage {
    case .borrowed(let records):
      var cursor = RecordCursor(records: records, count: Int(header.recordCount))
      return try body(&cursor)
    case .owned(let records):
      let count = Int(header.recordCount)
      return try records.withUnsafeBufferPointer { (records) throws(Failure) -> Result in
        var cursor = RecordCursor(records: UnsafeRawBufferPointer(records), count: count)
        return try body(&cursor)
      }
    }
  }

  /// Calls `body` for every record in order. Throws what `body` throws, and `RecordBatchError` for a malformed record
  /// or bytes behind the last one, after `body` has seen the records before it.
  public func forEach(_ body: (RecordView) throws -> Void) throws {
    try withCursor { cursor in
      while let record = try cursor.next() { try body(record) }
    }
  }

  /// Copies of all records.
  public func records() throws(RecordBatchError) -> [Record] {
    try withCursor { (cursor) throws(RecordBatchError) -> [Record] in
      var records: [Record] = []
      while let record = try cursor.next() { records.append(Record(copying: record)) }
      return records
    }
  }
}

/// Walks over decompressed records without allocating. Borrows the bytes it was made from.
public struct RecordCursor {
  private var fields: RecordFields
  private let count: Int
  /// Index of the record `next` will read.
  public private(set) var index = 0

  /// `records` are the decompressed records of a batch, `count` is what its header announces.
  public init(records: UnsafeRawBufferPointer, count: Int) {
    fields = RecordFields(records)
    self.count = count
  }

  /// Bytes read so far.
  public var consumedByteCount: Int { fields.position }

  /// The next record, nil behind the last. Throws `malformedRecord`, or `trailingBytes` when bytes remain behind the
  /// last record; not to be called again after an error.
  public mutating func next() throws(RecordBatchError) -> RecordView? {
    guard index < count else {
      guard fields.remaining == 0 else { throw .trailingBytes(count: fields.remaining) }
      return nil
    }
    do throws(RecordDefect) {
      let record = try fields.record()
      index += 1
      return record
    } catch {
      throw .malformedRecord(index: index, reason: error)
    }
  }
}
