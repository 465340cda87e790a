// A record batch, message format version 2. All fixed-width numbers are big-endian; v32 and v64 are zigzag varints.
//
//   byte  field                  type    notes
//  ┌────────────────────────────────────────────────────────────────────────────────────────────────┐
//  │  0   baseOffset             int64   assigned by the log, outside the CRC                         │
//  │  8   batchLength            int32   bytes from 12 to the end of the batch                        │
//  │ 12   partitionLeaderEpoch   int32   assigned by the log, outside the CRC                         │
//  │ 16   magic                  int8    2                                                            │
//  │ 17   crc                    uint32  CRC-32C of bytes 21 … end                                    │
//  ├───── covered by the CRC ────────────────────────────────────────────────────────────────────────┤
//  │ 21   attributes             int16   bits 0–2 compression (0 none 1 gzip 2 snappy 3 lz4 4 zstd),  │
//  │                                     3 log-append time, 4 transactional, 5 control,               │
//  │                                     6 baseTimestamp is the delete horizon, others 0              │
//  │ 23   lastOffsetDelta        int32   count − 1 from a producer; kept when compaction drops records│
//  │ 27   baseTimestamp          int64   milliseconds since 1970                                      │
//  │ 35   maxTimestamp           int64   milliseconds since 1970                                      │
//  │ 43   producerID             int64   −1 without idempotence                                       │
//  │ 51   producerEpoch          int16                                                                │
//  │ 53   baseSequence           int32   −1 without idempotence                                       │
//  │ 57   recordCount            int32                                                                │
//  │ 61   records                        `recordCount` records, compressed as one blob if at all      │
//  └────────────────────────────────────────────────────────────────────────────────────────────────┘
//
//  One record:                                        One header of a record:
//    length          v32  bytes behind this field       keyLength    v32   ≥ 0
//    attributes      int8 unused, 0                     key                UTF-8
//    timestampDelta  v64  from baseTimestamp            valueLength  v32   −1 is null
//    offsetDelta     v32  from baseOffset               value
//    keyLength       v32  −1 is null
//    key
//    valueLength     v32  −1 is null
//    value
//    headerCount     v32  ≥ 0
//    headers
//
// The bytes are the truth: nothing on the serve path decodes and encodes again, since compressed output is not
// reproducible. What the log changes are bytes 0–7 and 12–15, which the CRC leaves out for that purpose.

/// Operations on the bytes of one batch.
public enum RecordBatch {
  /// The only message format this broker stores.
  public static let currentMagic: Int8 = 2

  /// Byte positions of the header fields.
  public enum Layout {
    public static let baseOffset = 0
    public static let batchLength = 8
    public static let partitionLeaderEpoch = 12
    public static let magic = 16
    public static let crc = 17
    public static let attributes = 21
    public static let lastOffsetDelta = 23
    public static let baseTimestamp = 27
    public static let maxTimestamp = 35
    public static let producerID = 43
    public static let producerEpoch = 51
    public static let baseSequence = 53
    public static let recordCount = 57
    public static let records = 61
    /// The first byte the CRC covers.
    public static let crcStart = 21
  }

  /// The fewest bytes a record takes: length, attributes, two deltas, two lengths and a header count.
  static let recordByteCountMin = 7

  /// Checks the batch at the start of `bytes`, which may be followed by more: header, length, CRC, and that an
  /// uncompressed batch has room for its record count. Never decompresses, never allocates.
  ///
  /// Throws what `RecordBatchHeader.init(parsing:)` throws, `truncated`, `crcMismatch`, `unknownCompression` or
  /// `invalidRecordCount`. A compacted batch (gaps, or no records at all) passes; `checkDenseOffsets()` of the header
  /// adds what a producer owes.
  public static func validate(_ bytes: UnsafeRawBufferPointer) throws(RecordBatchError) -> RecordBatchHeader {
    try checkChecksum(bytes)
    let header = try RecordBatchHeader(parsing: bytes)
    guard let compression = header.compression else { throw .unknownCompression(header.compressionID) }
    if compression == .none, Int(header.recordCount) > header.recordsByteCount / recordByteCountMin {
      throw .invalidRecordCount(header.recordCount)
    }
    return header
  }

  /// The checksum comes before the fields it covers: a damaged field must be reported as damage, not as a lie of the
  /// producer. Only magic and length, which say where the checksum is and what it covers, come first.
  private static func checkChecksum(_ bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
    guard let base = bytes.baseAddress, bytes.count >= RecordBatchHeader.byteCount else {
      _ = try RecordBatchHeader(parsing: bytes)
      throw .truncated(needed: RecordBatchHeader.byteCount, available: bytes.count)
    }
    let magic = base.loadBigEndian(Layout.magic, as: Int8.self)
    guard magic == currentMagic else { throw .unsupportedMagic(magic) }
    let length = base.loadBigEndian(Layout.batchLength, as: Int32.self)
    let end = RecordBatchHeader.byteCountBeforeLengthEnd + Int(length)
    guard end >= RecordBatchHeader.byteCount else { throw .lengthOutOfRange(length) }
    guard end <= bytes.count else { throw .truncated(needed: end, available: bytes.count) }
    let stored = base.loadBigEndian(Layout.crc, as: UInt32.self)
    let computed = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[Layout.crcStart..<end]))
    guard computed == stored else { throw .crcMismatch(stored: stored, computed: computed) }
  }

  /// Writes the base offset (bytes 0–7) and the leader epoch (bytes 12–15) and nothing else; the CRC stays valid.
  ///
  /// `batch` points at the first byte of a batch whose header is in memory.
  public static func assign(baseOffset: Int64, leaderEpoch: Int32, in batch: UnsafeMutableRawPointer) {
    batch.storeBigEndian(baseOffset, at: Layout.baseOffset)
    batch.storeBigEndian(leaderEpoch, at: Layout.partitionLeaderEpoch)
  }

  /// Makes `milliseconds` since 1970 the timestamp of every record, as `message.timestamp.type=LogAppendTime` asks:
  /// sets the attribute bit and maxTimestamp and computes the CRC again. The records themselves stay as they are.
  ///
  /// `batch` starts with a batch that `validate` accepted and holds all of it.
  public static func setLogAppendTime(_ milliseconds: Int64, in batch: UnsafeMutableRawBufferPointer) {
    let attributes = UnsafeRawBufferPointer(batch).loadUnaligned(fromByteOffset: Layout.attributes, as: Int16.self)
      .bigEndian
    setMaxTimestamp(milliseconds, attributes: attributes | RecordBatchHeader.AttributeBit.logAppendTime, in: batch)
  }

  /// Puts right the largest timestamp of a producer that did not fill it in, and computes the CRC again.
  ///
  /// `batch` as for `setLogAppendTime`.
  public static func setMaxTimestamp(_ milliseconds: Int64, in batch: UnsafeMutableRawBufferPointer) {
    let attributes = UnsafeRawBufferPointer(batch).loadUnaligned(fromByteOffset: Layout.attributes, as: Int16.self)
      .bigEndian
    setMaxTimestamp(milliseconds, attributes: attributes, in: batch)
  }

  private static func setMaxTimestamp(
    _ milliseconds: Int64, attributes: Int16, in batch: UnsafeMutableRawBufferPointer
  ) {
    precondition(batch.count >= RecordBatchHeader.byteCount, "batch header not in memory")
    let base = batch.baseAddress!
    let length = UnsafeRawPointer(base).loadBigEndian(Layout.batchLength, as: Int32.self)
    let end = RecordBatchHeader.byteCountBeforeLengthEnd + Int(length)
    precondition(end >= RecordBatchHeader.byteCount && end <= batch.count, "batch not validated")
    base.storeBigEndian(attributes, at: Layout.attributes)
    base.storeBigEndian(milliseconds, at: Layout.maxTimestamp)
    let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(batch)[Layout.crcStart..<end]))
    base.storeBigEndian(crc, at: Layout.crc)
  }
}
