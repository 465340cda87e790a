/// Where a record's timestamp comes from.
public enum TimestampType: Sendable, Equatable {
  /// The producer set it, per record.
  case createTime
  /// The broker set it when it appended the batch: `maxTimestamp` holds for every record.
  case logAppendTime
}

/// What the fields say.
extension RecordBatchHeader {
  public enum AttributeBit {
    public static let compressionMask: Int16 = 0x07
    public static let logAppendTime: Int16 = 0x08
    public static let transactional: Int16 = 0x10
    public static let control: Int16 = 0x20
    public static let deleteHorizon: Int16 = 0x40
  }

  /// Bytes of the whole batch on the wire, header included.
  @inlinable
  public var byteCount: Int { Self.byteCountBeforeLengthEnd + Int(batchLength) }

  /// Bytes behind the header: the records, compressed if the batch is.
  @inlinable
  public var recordsByteCount: Int { byteCount - Self.byteCount }

  /// The compression bits as they are, 0…7.
  public var compressionID: Int { Int(attributes & AttributeBit.compressionMask) }

  /// The codec, nil when the id is unknown.
  public var compression: Compression? { Compression(rawValue: Int8(compressionID)) }

  public var timestampType: TimestampType {
    attributes & AttributeBit.logAppendTime == 0 ? .createTime : .logAppendTime
  }

  public var isTransactional: Bool { attributes & AttributeBit.transactional != 0 }

  /// True for transaction markers and other records that consumers never see.
  public var isControl: Bool { attributes & AttributeBit.control != 0 }

  /// True when compaction has put the time at which tombstones may go into `baseTimestamp`.
  public var hasDeleteHorizon: Bool { attributes & AttributeBit.deleteHorizon != 0 }

  /// Milliseconds since 1970 from which compaction may drop the batch's tombstones; nil when not decided yet.
  public var deleteHorizon: Int64? { hasDeleteHorizon ? baseTimestamp : nil }

  public var hasProducerID: Bool { producerID != -1 }

  /// The last offset the batch stands for. Wraps instead of trapping when a hostile base offset is near `Int64.max`.
  @inlinable
  public var lastOffset: Int64 { baseOffset &+ Int64(lastOffsetDelta) }

  /// The offset behind the batch; wraps like `lastOffset`.
  @inlinable
  public var nextOffset: Int64 { lastOffset &+ 1 }

  /// The sequence number of the last record, −1 when the batch has none. After `Int32.max` comes 0.
  public var lastSequence: Int32 {
    baseSequence == -1 ? -1 : Self.sequence(baseSequence, advancedBy: lastOffsetDelta)
  }

  /// The sequence the producer's next batch must start with, −1 when the batch has none.
  public var nextSequence: Int32 {
    baseSequence == -1 ? -1 : Self.sequence(lastSequence, advancedBy: 1)
  }

  /// Sequence arithmetic as Kafka does it: 0…`Int32.max`, then 0 again. Neither argument may be negative; a negative
  /// sequence from the wire is passed through the same wrap and stays meaningless.
  public static func sequence(_ sequence: Int32, advancedBy count: Int32) -> Int32 {
    (sequence &+ count) & Int32.max
  }

  /// A record's timestamp in milliseconds since 1970 from its delta in milliseconds; wraps on hostile input.
  @inlinable
  public func timestamp(delta: Int64) -> Int64 {
    attributes & 0x08 == 0 ? baseTimestamp &+ delta : maxTimestamp
  }

  /// What a batch straight from a producer satisfies and a compacted one need not: at least one record, offsets dense.
  ///
  /// Throws `invalidRecordCount` or `lastOffsetDeltaMismatch`.
  public func checkDenseOffsets() throws(RecordBatchError) {
    guard recordCount > 0 else { throw .invalidRecordCount(recordCount) }
    guard lastOffsetDelta == recordCount - 1 else {
      throw .lastOffsetDeltaMismatch(lastOffsetDelta: lastOffsetDelta, recordCount: recordCount)
    }
  }
}
