/// The 61 bytes in front of the records of a batch; `RecordBatch.swift` has the picture.
///
/// A plain copy of the fields. Parsing allocates nothing and looks at the header only.
public struct RecordBatchHeader: Sendable, Equatable {
  /// Bytes of the header on the wire.
  public static let byteCount = 61
  /// Bytes that the batchLength field does not count: baseOffset and batchLength itself.
  public static let byteCountBeforeLengthEnd = 12

  /// Offset of the batch's first record position. Producers send 0; the log assigns it.
  public var baseOffset: Int64
  /// Bytes of the batch behind this field, the 12 bytes up to here not counted.
  public var batchLength: Int32
  public var partitionLeaderEpoch: Int32
  public var magic: Int8
  /// CRC-32C over the attributes and all that follows.
  public var crc: UInt32
  public var attributes: Int16
  /// Distance from `baseOffset` to the last offset the batch stands for, which compaction preserves.
  public var lastOffsetDelta: Int32
  /// Milliseconds since 1970 that the records' deltas count from; the delete horizon when `hasDeleteHorizon`.
  public var baseTimestamp: Int64
  /// Milliseconds since 1970; −1 when there is none.
  public var maxTimestamp: Int64
  /// −1 without idempotence.
  public var producerID: Int64
  public var producerEpoch: Int16
  /// −1 without idempotence and in control batches.
  public var baseSequence: Int32
  public var recordCount: Int32

  public init(
    baseOffset: Int64 = 0, batchLength: Int32 = 49, partitionLeaderEpoch: Int32 = -1, magic: Int8 = 2,
    crc: UInt32 = 0, attributes: Int16 = 0, lastOffsetDelta: Int32 = 0, baseTimestamp: Int64 = -1,
    maxTimestamp: Int64 = -1, producerID: Int64 = -1, producerEpoch: Int16 = -1, baseSequence: Int32 = -1,
    recordCount: Int32 = 0
  ) {
    self.baseOffset = baseOffset
    self.batchLength = batchLength
    self.partitionLeaderEpoch = partitionLeaderEpoch
    self.magic = magic
    self.crc = crc
    self.attributes = attributes
    self.lastOffsetDelta = lastOffsetDelta
    self.baseTimestamp = baseTimestamp
    self.maxTimestamp = maxTimestamp
    self.producerID = producerID
    self.producerEpoch = producerEpoch
    self.baseSequence = baseSequence
    self.recordCount = recordCount
  }

  /// Parses the header at the start of `bytes`, which need not hold the whole batch.
  ///
  /// Throws `truncated` (fewer than 61 bytes), `unsupportedMagic`, `lengthOutOfRange`, `invalidRecordCount` (negative)
  /// or `lastOffsetDeltaMismatch` (negative delta). An old message set is recognised from 17 bytes on, before anything
  /// that its layout places elsewhere. The CRC is not checked here.
  public init(parsing bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
    guard let base = bytes.baseAddress, bytes.count > RecordBatch.Layout.magic else {
      throw .truncated(needed: Self.byteCount, available: bytes.count)
    }
    magic = base.loadBigEndian(RecordBatch.Layout.magic, as: Int8.self)
    guard magic == RecordBatch.currentMagic else { throw .unsupportedMagic(magic) }
    batchLength = base.loadBigEndian(RecordBatch.Layout.batchLength, as: Int32.self)
    guard batchLength >= Int32(Self.byteCount - Self.byteCountBeforeLengthEnd) else {
      throw .lengthOutOfRange(batchLength)
    }
    guard bytes.count >= Self.byteCount else {
      throw .truncated(needed: Self.byteCount, available: bytes.count)
    }
    baseOffset = base.loadBigEndian(RecordBatch.Layout.baseOffset, as: Int64.self)
    partitionLeaderEpoch = base.loadBigEndian(RecordBatch.Layout.partitionLeaderEpoch, as: Int32.self)
    crc = base.loadBigEndian(RecordBatch.Layout.crc, as: UInt32.self)
    attributes = base.loadBigEndian(RecordBatch.Layout.attributes, as: Int16.self)
    lastOffsetDelta = base.loadBigEndian(RecordBatch.Layout.lastOffsetDelta, as: Int32.self)
    baseTimestamp = base.loadBigEndian(RecordBatch.Layout.baseTimestamp, as: Int64.self)
    maxTimestamp = base.loadBigEndian(RecordBatch.Layout.maxTimestamp, as: Int64.self)
    producerID = base.loadBigEndian(RecordBatch.Layout.producerID, as: Int64.self)
    producerEpoch = base.loadBigEndian(RecordBatch.Layout.producerEpoch, as: Int16.self)
    baseSequence = base.loadBigEndian(RecordBatch.Layout.baseSequence, as: Int32.self)
    recordCount = base.loadBigEndian(RecordBatch.Layout.recordCount, as: Int32.self)
    guard recordCount >= 0 else { throw .invalidRecordCount(recordCount) }
    guard lastOffsetDelta >= 0 else {
      throw .lastOffsetDeltaMismatch(lastOffsetDelta: lastOffsetDelta, recordCount: recordCount)
    }
  }

  /// Writes all fields, `crc` as it stands. `target` must have room for `RecordBatchHeader.byteCount` bytes.
  public func write(to target: UnsafeMutableRawPointer) {
    target.storeBigEndian(baseOffset, at: RecordBatch.Layout.baseOffset)
    target.storeBigEndian(batchLength, at: RecordBatch.Layout.batchLength)
    target.storeBigEndian(partitionLeaderEpoch, at: RecordBatch.Layout.partitionLeaderEpoch)
    target.storeBigEndian(magic, at: RecordBatch.Layout.magic)
    target.storeBigEndian(crc, at: RecordBatch.Layout.crc)
    target.storeBigEndian(attributes, at: RecordBatch.Layout.attributes)
    target.storeBigEndian(lastOffsetDelta, at: RecordBatch.Layout.lastOffsetDelta)
    target.storeBigEndian(baseTimestamp, at: RecordBatch.Layout.baseTimestamp)
    target.storeBigEndian(maxTimestamp, at: RecordBatch.Layout.maxTimestamp)
    target.storeBigEndian(producerID, at: RecordBatch.Layout.producerID)
    target.storeBigEndian(producerEpoch, at: RecordBatch.Layout.producerEpoch)
    target.storeBigEndian(baseSequence, at: RecordBatch.Layout.baseSequence)
    target.storeBigEndian(recordCount, at: RecordBatch.Layout.recordCount)
  }

  /// Writes the header in front of the records in `batch`, which is all of one batch, with the CRC of what it holds then.
  func seal(_ batch: inout [UInt8]) {
    batch.withUnsafeMutableBytes { bytes in
      write(to: bytes.baseAddress!)
      let covered = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[RecordBatch.Layout.crcStart...])
      bytes.baseAddress!.storeBigEndian(CRC32C.checksum(covered), at: RecordBatch.Layout.crc)
    }
  }
}
