import KafkaRecords

/// What becomes of one batch, given which of its records count. Pure; Kafka's `MemoryRecords.filterTo` and `Cleaner`.
///
/// A batch that loses nothing is kept byte for byte, with one exception: the first time a run keeps a tombstone of it,
/// the batch gets the time from which it may go (KIP-534). That is `now + delete.retention.ms`, written where the base
/// timestamp stands, with attribute bit 6 to say so and the records' distances recomputed.
struct BatchFilter {
  /// ms since 1970.
  let now: Int64
  /// ms.
  let deleteRetention: Int64
  /// False while older records of a key may lie where they cannot be taken out: a tombstone is all that hides them.
  var dropsTombstones = true

  enum Outcome: Equatable {
    case keep
    case drop
    case replace([UInt8])
  }

  /// `isNewest` says whether a record (key, offset) is the newest of its key, or not judged at all; a record without
  /// key never is. `mustStay`: the batch is kept even when no record is. Throws when the batch cannot be read.
  func filter(
    _ bytes: UnsafeRawBufferPointer, mustStay: Bool,
    isNewest: (_ key: UnsafeRawBufferPointer?, _ offset: Int64) -> Bool
  ) throws(RecordBatchError) -> (outcome: Outcome, recordsKept: Int) {
    let reader = try RecordBatchReader(bytes, limit: Limits.decompressedByteCountMax)
    let header = reader.header
    let horizon = header.deleteHorizon
    let keepsTombstones = !dropsTombstones || horizon.map { now < $0 } ?? true
    var kept: [Int32] = []
    var hasTombstone = false
    var seen = 0
    try reader.withCursor { (cursor) throws(RecordBatchError) in
      var last: Int32 = -1
      while let record = try cursor.next() {
        // Deltas that do not rise would trap the encoder; such a batch is kept as it is.
        guard record.offsetDelta > last, record.offsetDelta <= header.lastOffsetDelta else {
          throw .malformedRecord(index: seen, reason: .offsetDeltaOutOfOrder)
        }
        last = record.offsetDelta
        seen += 1
        let offset = header.baseOffset &+ Int64(record.offsetDelta)
        guard isNewest(record.key, offset), !record.isTombstone || keepsTombstones else { continue }
        kept.append(record.offsetDelta)
        if record.isTombstone { hasTombstone = true }
      }
    }
    if kept.isEmpty {
      if !mustStay { return (.drop, 0) }
      return seen == 0 ? (.keep, 0) : (.replace(Self.empty(header)), 0)
    }
    let newHorizon: Int64? = hasTombstone && horizon == nil ? now &+ deleteRetention : nil
    if kept.count == seen, newHorizon == nil { return (.keep, seen) }
    return (.replace(try rebuild(reader, kept, newHorizon)), kept.count)
  }

  private func rebuild(
    _ reader: RecordBatchReader, _ kept: [Int32], _ newHorizon: Int64?
  ) throws(RecordBatchError) -> [UInt8] {
    let old = reader.header
    var header = old
    if let newHorizon {
      header.attributes |= RecordBatchHeader.AttributeBit.deleteHorizon
      header.baseTimestamp = newHorizon
    }
    let shift = old.baseTimestamp &- header.baseTimestamp
    var builder = RecordBatchBuilder(rewriting: header)
    try reader.withCursor { (cursor) throws(RecordBatchError) in
      var next = 0
      while next < kept.count, let record = try cursor.next() {
        guard record.offsetDelta == kept[next] else { continue }
        builder.append(record, timestampDelta: record.timestampDelta &+ shift)
        next += 1
      }
    }
    return builder.build()
  }

  /// The batch without records: offsets, producer, epoch, sequence and largest timestamp stay.
  private static func empty(_ header: RecordBatchHeader) -> [UInt8] {
    var header = header
    header.attributes &= ~RecordBatchHeader.AttributeBit.deleteHorizon
    header.baseTimestamp = -1
    return RecordBatchBuilder(rewriting: header).build()
  }
}
