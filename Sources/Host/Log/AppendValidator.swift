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
/// compacted topic, bounds on timestamps) and where the header's largest timestamp cannot be true.
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

  /// All batches of `records`, which is a range of `frame`; empty when there are none.
  func validate(_ records: Range<Int>, in frame: UnsafeRawBufferPointer, now: Int64) throws(AppendRefusal) -> [ValidatedBatch] {
    var batches: [ValidatedBatch] = []
    var position = records.lowerBound
    while position < records.upperBound {
      let rest = UnsafeRawBufferPointer(rebasing: frame[position..<records.upperBound])
      var header: RecordBatchHeader
      var repairsMaxTimestamp = false
      do throws(RecordBatchError) {
        header = try RecordBatch.validate(rest)
        try check(header, rest, now: now)
        // Old sarama sends -1. Left like that, no search by time would find the batch, and retention would not age it.
        if !usesLogAppendTime, header.maxTimestamp < header.baseTimestamp {
          let largest = try RecordBatch.validateRecords(rest, rules: recordRules(now: now)).maxTimestamp
          header.maxTimestamp = largest ?? header.baseTimestamp
          repairsMaxTimestamp = true
        }
      } catch {
        var refusal = Self.refusal(error)
        if case .malformedRecord = error {
          refusal.records = RecordBatch.defectiveRecords(rest, rules: recordRules(now: now))
        }
        throw refusal
      }
      guard header.byteCount <= batchByteCountMax else {
        throw AppendRefusal(
          code: .messageTooLarge,
          message: "The record batch size is \(header.byteCount) bytes, the topic allows max.message.bytes=\(batchByteCountMax).")
      }
      guard !header.isControl else {
        throw AppendRefusal(code: .invalidRecord, message: "Clients are not allowed to write control records.")
      }
      try checkProducer(header)
      batches.append(
        ValidatedBatch(
          range: position..<position + header.byteCount, header: header, repairsMaxTimestamp: repairsMaxTimestamp))
      position += header.byteCount
    }
    return batches
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

  private func check(_ header: RecordBatchHeader, _ bytes: UnsafeRawBufferPointer, now: Int64) throws(RecordBatchError) {
    try header.checkDenseOffsets()
    guard header.recordCount > 0 else { throw .invalidRecordCount(header.recordCount) }
    let bounds = timestampBounds(now: now)
    guard requiresKeys || bounds.map({ !$0.contains(header.maxTimestamp) || !$0.contains(header.baseTimestamp) }) ?? false
    else { return }
    _ = try RecordBatch.validateRecords(bytes, rules: recordRules(now: now))
  }

  private func recordRules(now: Int64) -> RecordRules {
    RecordRules(
      decompressedByteCountMax: Self.decodedByteCountMax, requiresKeys: requiresKeys,
      timestamps: timestampBounds(now: now))
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
