/// What `RecordBatch.validateRecords` demands beyond the format.
public struct RecordRules: Sendable, Equatable {
  /// The most bytes the records may decompress to.
  public var decompressedByteCountMax: Int
  /// Offset deltas are 0, 1, 2 … and end at lastOffsetDelta: true for a producer's batch, not for a compacted one.
  public var requiresDenseOffsets: Bool
  /// Every record has a key: topics with `cleanup.policy=compact`. Control records are exempt.
  public var requiresKeys: Bool
  /// Header keys are UTF-8. Kafka does not look; clients that decode them do.
  public var requiresUTF8HeaderKeys: Bool
  /// Timestamps allowed, in milliseconds since 1970; −1 (none) is always allowed. Nil allows all.
  public var timestamps: ClosedRange<Int64>?

  public init(
    decompressedByteCountMax: Int, requiresDenseOffsets: Bool = true, requiresKeys: Bool = false,
    requiresUTF8HeaderKeys: Bool = false, timestamps: ClosedRange<Int64>? = nil
  ) {
    self.decompressedByteCountMax = decompressedByteCountMax
    self.requiresDenseOffsets = requiresDenseOffsets
    self.requiresKeys = requiresKeys
    self.requiresUTF8HeaderKeys = requiresUTF8HeaderKeys
    self.timestamps = timestamps
  }
}

/// What a walk over all records of a batch found.
public struct RecordSummary: Sendable, Equatable {
  public var header: RecordBatchHeader
  /// Bytes of the records after decompression.
  public var decompressedByteCount: Int
  /// Smallest and largest timestamp, in milliseconds since 1970; nil without records. The batch's own maxTimestamp
  /// may differ: it is what the producer wrote.
  public var minTimestamp: Int64?
  public var maxTimestamp: Int64?
  /// Offset of the first record with the largest timestamp, nil without records.
  public var offsetOfMaxTimestamp: Int64?
  public var tombstoneCount: Int
}

/// One record that a topic does not accept.
public struct DefectiveRecord: Sendable, Equatable {
  /// Its number in the batch, from 0.
  public var index: Int
  public var defect: RecordDefect

  public init(index: Int, defect: RecordDefect) {
    self.index = index
    self.defect = defect
  }
}

extension RecordBatch {
  /// Validates the batch at the start of `bytes` down to the last record: everything `validate` checks, then
  /// decompresses, decodes every record and applies `rules`. Offset deltas must increase and stay within
  /// lastOffsetDelta in any case.
  ///
  /// Throws what `validate` and `Compression.decompress` throw, `lastOffsetDeltaMismatch` and `invalidRecordCount`
  /// (when dense offsets are required), `malformedRecord` or `trailingBytes`.
  public static func validateRecords(
    _ bytes: UnsafeRawBufferPointer, rules: RecordRules
  ) throws(RecordBatchError) -> RecordSummary {
    let header = try validate(bytes)
    if rules.requiresDenseOffsets { try header.checkDenseOffsets() }
    let reader = try RecordBatchReader(bytes, limit: rules.decompressedByteCountMax)
    var summary = RecordSummary(
      header: header, decompressedByteCount: reader.decompressedByteCount, tombstoneCount: 0)
    try reader.withCursor { (cursor) throws(RecordBatchError) in
      var previousDelta: Int32 = -1
      while let record = try cursor.next() {
        let index = cursor.index - 1
        if let defect = defect(in: record, index: index, after: previousDelta, header: header, rules: rules) {
          throw .malformedRecord(index: index, reason: defect)
        }
        previousDelta = record.offsetDelta
        summary.add(record)
      }
    }
    return summary
  }

  /// Every record of a batch that breaks `rules`, by index, for a producer that wants to know which ones: what
  /// `validateRecords` stops at first. Records behind one that cannot be decoded are not looked at.
  public static func defectiveRecords(_ bytes: UnsafeRawBufferPointer, rules: RecordRules) -> [DefectiveRecord] {
    var defective: [DefectiveRecord] = []
    do throws(RecordBatchError) {
      let header = try validate(bytes)
      let reader = try RecordBatchReader(bytes, limit: rules.decompressedByteCountMax)
      try reader.withCursor { (cursor) throws(RecordBatchError) in
        var previousDelta: Int32 = -1
        while let record = try cursor.next() {
          let index = cursor.index - 1
          if let defect = defect(in: record, index: index, after: previousDelta, header: header, rules: rules) {
            defective.append(DefectiveRecord(index: index, defect: defect))
          }
          previousDelta = record.offsetDelta
        }
      }
    } catch {
      if case .malformedRecord(let index, let defect) = error {
        defective.append(DefectiveRecord(index: index, defect: defect))
      }
    }
    return defective
  }

  private static func defect(
    in record: RecordView, index: Int, after previousDelta: Int32, header: RecordBatchHeader, rules: RecordRules
  ) -> RecordDefect? {
    if rules.requiresDenseOffsets, Int(record.offsetDelta) != index { return .offsetDeltaNotDense }
    if record.offsetDelta < 0 || record.offsetDelta > header.lastOffsetDelta { return .offsetDeltaOutOfRange }
    if record.offsetDelta <= previousDelta { return .offsetDeltaOutOfOrder }
    if rules.requiresKeys, record.key == nil, !header.isControl { return .missingKey }
    if let allowed = rules.timestamps {
      let timestamp = header.timestamp(delta: record.timestampDelta)
      if timestamp != -1, !allowed.contains(timestamp) { return .timestampOutOfRange }
    }
    if rules.requiresUTF8HeaderKeys {
      for header in record.headers where String(validating: header.key, as: UTF8.self) == nil {
        return .headerKeyNotUTF8
      }
    }
    return nil
  }
}

extension RecordSummary {
  fileprivate mutating func add(_ record: RecordView) {
    let timestamp = header.timestamp(delta: record.timestampDelta)
    minTimestamp = min(minTimestamp ?? timestamp, timestamp)
    if maxTimestamp.map({ timestamp > $0 }) ?? true {
      maxTimestamp = timestamp
      offsetOfMaxTimestamp = header.baseOffset &+ Int64(record.offsetDelta)
    }
    if record.isTombstone { tombstoneCount += 1 }
  }
}
