import KafkaProtocol
import KafkaRecords

/// A batch of a produce request that passed every check that needs no log: where it is and what its header says.
struct ValidatedBatch: Sendable {
  /// Byte range in the frame.
  var range: Range<Int>
  var header: RecordBatchHeader
  /// The producer left maxTimestamp empty; `header` has what the records say, and the append writes it.
  var repairsMaxTimestamp = false
}

/// Why a partition's records are refused; carries what the client is told.
struct AppendRefusal: Error, Sendable {
  var code: ErrorCode
  var message: String
  /// The records at fault, when the rest of the batch would have been accepted (Produce v8).
  var records: [DefectiveRecord] = []
}

/// Checks the records that a producer sent for one partition. Pure.
///
/// The CRC is always checked. Records are decoded only where a topic demands something of each record (keys on a
/// compacted topic, bounds on timestamps, a codec of its own) and where the header's largest timestamp cannot be true. What
/// that costs is not known from the size of a compressed batch, so a caller that must not be held up sets an allowance.
struct AppendValidator: Sendable {
  /// `max.message.bytes`: the largest batch as it is on the wire.
  var batchByteCountMax: Int
  /// `cleanup.policy` contains `compact`: every record needs a key.
  var requiresKeys: Bool
  /// `message.timestamp.before.max.ms` and `…after.max.ms`, ms before and after the broker's clock; nil: no bound.
  var timestampBeforeMax: Int64?
  var timestampAfterMax: Int64?
  var usesLogAppendTime: Bool
  /// What the topic stores (`compression.type`); nil leaves the producer's choice.
  var codec: Compression? = nil
  /// Decompressed records of one batch may take this many bytes when they must be decoded here.
  static let decodedByteCountMax = 256 << 20
  /// Decoded bytes for each byte of its frame that a request may take on the decoding pool, beside one batch of the
  /// largest size. Text and JSON shrink to a tenth; and a batch of one small record, some 70 bytes, is charged
  /// ``inspectionByteCountMin``. Without an end, a frame of 100 MiB could hold terabytes, and a thread for hours.
  static let decodedByteCountPerFrameByte = 16
  /// What looking at a batch takes of an allowance at least: a decoder is set up in the time in which it decodes this
  /// much.
  static let inspectionByteCountMin = 1024
  /// Records of one batch that a refusal names. The producer fails all of them anyway, and a batch of a few kilobytes
  /// can hold millions.
  static let namedRecordsMax = 1000

  /// What a request of `frameByteCount` bytes may have decoded where nobody waits for the thread.
  static func requestAllowance(frameByteCount: Int) -> Int {
    max(decodedByteCountMax, decodedByteCountPerFrameByte * frameByteCount)
  }

  /// What the client is told of records for which its request's allowance was not enough.
  static let allowanceUsedUp = AppendRefusal(
    code: .invalidRecord,
    message: "The records of this request decompress to more than \(decodedByteCountMax) bytes and "
      + "\(decodedByteCountPerFrameByte) times its size; send fewer batches in a request.")

  /// All batches of `records`, which is a range of `frame`; empty when there are none.
  ///
  /// `allowance` is how many bytes of records may be decoded, and what was decoded is taken from it. Nil when that is
  /// not enough: nothing is known about the records then, and the allowance is used up. Nil too when `goesOn`, which is
  /// asked before each batch, says false.
  func validate(
    _ records: Range<Int>, in frame: UnsafeRawBufferPointer, now: Int64, allowance: inout Int,
    while goesOn: () -> Bool = { true }
  ) throws(AppendRefusal) -> [ValidatedBatch]? {
    var batches: [ValidatedBatch] = []
    var position = records.lowerBound
    while position < records.upperBound {
      guard goesOn() else { return nil }
      let rest = UnsafeRawBufferPointer(rebasing: frame[position..<records.upperBound])
      let header: RecordBatchHeader
      do throws(RecordBatchError) {
        header = try RecordBatch.validate(rest)
        try header.checkDenseOffsets()
        guard header.recordCount > 0 else { throw .invalidRecordCount(header.recordCount) }
      } catch {
        throw Self.refusal(error)
      }
      try checkTopic(header)
      try checkProducer(header)
      var batch = ValidatedBatch(range: position..<position + header.byteCount, header: header)
      if looksAtRecords(header, now: now) {
        guard let summary = try inspect(rest, header, now: now, allowance: &allowance) else { return nil }
        // Old sarama sends -1. Left like that, no search by time would find the batch, and retention would not age it.
        // A batch that is compressed anew says what is true, too, as Kafka's does.
        if lacksMaxTimestamp(header) || changesCodec(header) && header.timestampType == .createTime {
          batch.header.maxTimestamp = summary.maxTimestamp ?? header.baseTimestamp
          batch.repairsMaxTimestamp = true
        }
      }
      batches.append(batch)
      position += header.byteCount
    }
    return batches
  }

  /// The same without an allowance; for records that are known not to be many.
  func validate(
    _ records: Range<Int>, in frame: UnsafeRawBufferPointer, now: Int64
  ) throws(AppendRefusal) -> [ValidatedBatch] {
    var unlimited = Int.max
    guard let batches = try validate(records, in: frame, now: now, allowance: &unlimited) else {
      preconditionFailure("an allowance without an end was used up")
    }
    return batches
  }

  private func lacksMaxTimestamp(_ header: RecordBatchHeader) -> Bool {
    !usesLogAppendTime && header.maxTimestamp < header.baseTimestamp
  }

  private func changesCodec(_ header: RecordBatchHeader) -> Bool { codec.map { header.compression != $0 } ?? false }

  private func looksAtRecords(_ header: RecordBatchHeader, now: Int64) -> Bool {
    if requiresKeys || lacksMaxTimestamp(header) || changesCodec(header) { return true }
    guard let bounds = timestampBounds(now: now) else { return false }
    return !bounds.contains(header.maxTimestamp) || !bounds.contains(header.baseTimestamp)
  }

  /// Decodes the records; nil when the allowance is too small.
  private func inspect(
    _ bytes: UnsafeRawBufferPointer, _ header: RecordBatchHeader, now: Int64, allowance: inout Int
  ) throws(AppendRefusal) -> RecordSummary? {
    let limit = min(allowance, Self.decodedByteCountMax)
    guard header.recordsByteCount <= allowance else {
      allowance = 0
      return nil
    }
    let rules = RecordRules(
      decompressedByteCountMax: limit, requiresKeys: requiresKeys, timestamps: timestampBounds(now: now))
    let found: RecordInspection
    do throws(RecordBatchError) {
      found = try RecordBatch.inspectRecords(
        bytes, header: header, rules: rules, defectCountMax: Self.namedRecordsMax)
    } catch {
      allowance -= limit
      if case .decompressedTooLarge = error, limit < Self.decodedByteCountMax { return nil }
      throw Self.refusal(error)
    }
    allowance = max(0, allowance - max(found.summary.decompressedByteCount, Self.inspectionByteCountMin))
    guard let first = found.defects.first else { return found.summary }
    var refusal = Self.refusal(.malformedRecord(index: first.index, reason: first.defect))
    refusal.records = found.defects
    throw refusal
  }

  private func checkTopic(_ header: RecordBatchHeader) throws(AppendRefusal) {
    guard header.byteCount <= batchByteCountMax else {
      throw AppendRefusal(
        code: .messageTooLarge,
        message:
          "The record batch size is \(header.byteCount) bytes, the topic allows max.message.bytes=\(batchByteCountMax)."
      )
    }
    guard !header.isControl else {
      throw AppendRefusal(code: .invalidRecord, message: "Clients are not allowed to write control records.")
    }
  }

  private func checkProducer(_ header: RecordBatchHeader) throws(AppendRefusal) {
    guard !header.isTransactional else {
      throw AppendRefusal(code: .invalidTxnState, message: "Transactions are not available on this broker.")
    }
    guard header.hasProducerID else { return }
    guard header.producerID >= 0, header.producerEpoch >= 0, header.baseSequence >= 0 else {
      throw AppendRefusal(
        code: .invalidRecord,
        message: "Producer \(header.producerID) sent the sequence number \(header.baseSequence) with epoch "
          + "\(header.producerEpoch); none of them may be negative.")
    }
  }

  private func timestampBounds(now: Int64) -> ClosedRange<Int64>? {
    guard !usesLogAppendTime, timestampBeforeMax != nil || timestampAfterMax != nil else { return nil }
    let lower = timestampBeforeMax.map { max(0, now &- $0) } ?? 0
    let (upper, overflow) = now.addingReportingOverflow(timestampAfterMax ?? .max)
    return lower...(overflow ? .max : max(lower, upper))
  }

  /// What the client is told about a batch that cannot be read.
  static func refusal(_ error: RecordBatchError) -> AppendRefusal {
    switch error {
    case .truncated, .lengthOutOfRange, .crcMismatch: AppendRefusal(code: .corruptMessage, message: "\(error)")
    case .unsupportedMagic: AppendRefusal(code: .unsupportedForMessageFormat, message: "\(error)")
    case .unknownCompression: AppendRefusal(code: .unsupportedCompressionType, message: "\(error)")
    case .malformedRecord(_, .timestampOutOfRange): AppendRefusal(code: .invalidTimestamp, message: "\(error)")
    case .malformedRecord(_, .missingKey):
      AppendRefusal(code: .invalidRecord, message: "Compacted topic cannot accept message without key: \(error)")
    case .invalidRecordCount, .lastOffsetDeltaMismatch, .malformedRecord, .trailingBytes, .decompressedTooLarge:
      AppendRefusal(code: .invalidRecord, message: "\(error)")
    case .decompressionFailed: AppendRefusal(code: .corruptMessage, message: "\(error)")
    }
  }
}
