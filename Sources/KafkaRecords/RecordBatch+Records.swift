/// What `RecordBatch.inspectRecords` demands beyond the format.
public struct RecordRules: Sendable, Equatable {
  /// The most bytes the records may decompress to.
  public var decompressedByteCountMax: Int
  /// Offset deltas are 0, 1, 2 … and end at lastOffsetDelta: true for a producer's batch, not for a compacted one.
  public var requiresDenseOffsets: Bool
  /// Every record has a key: topics with `cleanup.policy=compact`. Control records are exempt.
  public var requiresKeys: Bool
  /// Timestamps allowed, in milliseconds since 1970; −1 (none) is always allowed. Nil allows all.
  public var timestamps: ClosedRange<Int64>?

  public init(
    decompressedByteCountMax: Int, requiresDenseOffsets: Bool = true, requiresKeys: Bool = false,
    timestamps: ClosedRange<Int64>? = nil
  ) {
    self.decompressedByteCountMax = decompressedByteCountMax
    self.requiresDenseOffsets = requiresDenseOffsets
    self.requiresKeys = requiresKeys
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

/// What was found in the records of a batch.
public struct RecordInspection: Sendable, Equatable {
  /// Of all records, or of those up to the last in `defects` when that is what ended the walk.
  public var summary: RecordSummary
  /// In order. Empty: the batch keeps all rules.
  public var defects: [DefectiveRecord]
}

extension RecordBatch {
  /// Validates the batch at the start of `bytes` down to the last record: everything `validate` checks, then
  /// `inspectRecords`, which stops at the first defect.
  ///
  /// Throws what these throw, `lastOffsetDeltaMismatch` and `invalidRecordCount` (when dense offsets are required), and
  /// `malformedRecord`.
  public static func validateRecords(
    _ bytes: UnsafeRawBufferPointer, rules: RecordRules
  ) throws(RecordBatchError) -> RecordSummary {
    let header = try validate(bytes)
    if rules.requiresDenseOffsets { try header.checkDenseOffsets() }
    let found = try inspectRecords(bytes, header: header, rules: rules, defectCountMax: 1)
    if let first = found.defects.first { throw .malformedRecord(index: first.index, reason: first.defect) }
    return found.summary
  }

  /// Decompresses the batch that `validate` has accepted, decodes every record and applies `rules`. Offset deltas must
  /// increase and stay within lastOffsetDelta in any case. The walk ends with the `defectCountMax`th defect, or with a
  /// record that cannot be decoded.
  ///
  /// Compressed records pass by in pieces of `RecordStream.windowByteCountMax` bytes, so memory is bounded by that and
  /// by what the codec keeps: zstd's window, and a whole block of snappy.
  ///
  /// Throws what `Compression.decompress` throws, with `rules.decompressedByteCountMax` as the limit, and
  /// `trailingBytes`.
  public static func inspectRecords(
    _ bytes: UnsafeRawBufferPointer, header: RecordBatchHeader, rules: RecordRules, defectCountMax: Int
  ) throws(RecordBatchError) -> RecordInspection {
    guard let compression = header.compression else { throw .unknownCompression(header.compressionID) }
    let records = UnsafeRawBufferPointer(rebasing: bytes[Layout.records..<header.byteCount])
    var walk = RecordWalk(header: header, rules: rules, defectCountMax: defectCountMax)
    // An empty batch, as compaction leaves it, may have nothing where its compressed records would be.
    let isEmpty = records.isEmpty && header.recordCount == 0
    if !isEmpty, let decompressor = try compression.decompressor(records, limit: rules.decompressedByteCountMax) {
      var stream = RecordStream(
        decompressor, compressedByteCount: records.count, count: Int(header.recordCount),
        limit: rules.decompressedByteCountMax)
      do throws(RecordBatchError) {
        while walk.goesOn, let record = try stream.next() { walk.take(record) }
      } catch {
        try walk.end(with: error)
      }
      walk.inspection.summary.decompressedByteCount = stream.decompressedByteCount
    } else {
      var cursor = RecordCursor(records: records, count: Int(header.recordCount))
      do throws(RecordBatchError) {
        while walk.goesOn, let record = try cursor.next() { walk.take(RecordFacts(record)) }
      } catch {
        try walk.end(with: error)
      }
      walk.inspection.summary.decompressedByteCount = records.count
    }
    return walk.inspection
  }
}

/// The records of one batch, compared with the rules one by one.
private struct RecordWalk {
  let header: RecordBatchHeader
  let rules: RecordRules
  let defectCountMax: Int
  var inspection: RecordInspection
  private var index = 0
  private var previousDelta: Int32 = -1

  init(header: RecordBatchHeader, rules: RecordRules, defectCountMax: Int) {
    precondition(defectCountMax > 0)
    self.header = header
    self.rules = rules
    self.defectCountMax = defectCountMax
    inspection = RecordInspection(
      summary: RecordSummary(header: header, decompressedByteCount: 0, tombstoneCount: 0), defects: [])
  }

  var goesOn: Bool { inspection.defects.count < defectCountMax }

  // Once per record: inlined into the two loops.
  @inline(__always)
  mutating func take(_ record: RecordFacts) {
    if let defect = defect(in: record) {
      inspection.defects.append(DefectiveRecord(index: index, defect: defect))
    } else {
      inspection.summary.add(record)
    }
    previousDelta = record.offsetDelta
    index += 1
  }

  /// A record that cannot be decoded ends the walk like any other defect; what is wrong with the batch as a whole is
  /// thrown.
  mutating func end(with error: RecordBatchError) throws(RecordBatchError) {
    switch error {
    case .malformedRecord(let index, let defect):
      inspection.defects.append(DefectiveRecord(index: index, defect: defect))
    case .trailingBytes where !inspection.defects.isEmpty: return
    default: throw error
    }
  }

  @inline(__always)
  private func defect(in record: RecordFacts) -> RecordDefect? {
    if rules.requiresDenseOffsets, Int(record.offsetDelta) != index { return .offsetDeltaNotDense }
    if record.offsetDelta < 0 || record.offsetDelta > header.lastOffsetDelta { return .offsetDeltaOutOfRange }
    if record.offsetDelta <= previousDelta { return .offsetDeltaOutOfOrder }
    if rules.requiresKeys, !record.hasKey, !header.isControl { return .missingKey }
    if let allowed = rules.timestamps {
      let timestamp = header.timestamp(delta: record.timestampDelta)
      if timestamp != -1, !allowed.contains(timestamp) { return .timestampOutOfRange }
    }
    return nil
  }
}

extension RecordSummary {
  @inline(__always)
  fileprivate mutating func add(_ record: RecordFacts) {
    let timestamp = header.timestamp(delta: record.timestampDelta)
    minTimestamp = min(minTimestamp ?? timestamp, timestamp)
    if maxTimestamp.map({ timestamp > $0 }) ?? true {
      maxTimestamp = timestamp
      offsetOfMaxTimestamp = header.baseOffset &+ Int64(record.offsetDelta)
    }
    if record.isTombstone { tombstoneCount += 1 }
  }
}
