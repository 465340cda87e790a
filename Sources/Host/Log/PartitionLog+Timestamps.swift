import KafkaRecords
import PluginLoader

/// A record's place in the log and in time (ms).
struct TimestampedOffset: Equatable, Sendable {
  var offset: Int64
  var timestamp: Int64
}

/// Look-ups by time. They decode records and may block; never on an event loop.
extension PartitionLog {
  /// The first visible record whose timestamp is at least `timestamp` (ms).
  func offset(at timestamp: Int64, _ isolation: Isolation) throws -> TimestampedOffset? {
    let (start, end) = visibleRange(isolation)
    var position = start
    // A batch's maxTimestamp is what the producer wrote; when no record in it reaches the time, the search goes on.
    while position < end, let base = try firstBatch(reaching: timestamp, in: position..<end) {
      var found: TimestampedOffset?
      var next = base + 1
      try scan(from: base, to: end) { header, bytes in
        next = header.nextOffset
        found = try Self.firstRecord(in: bytes, header) { $0 >= timestamp && $1 >= start }
        return false
      }
      if let found { return found }
      position = next
    }
    return nil
  }

  /// The record with the largest timestamp, the first of them when several share it.
  func offsetOfMaxTimestamp(_ isolation: Isolation) throws -> TimestampedOffset? {
    let (start, end) = visibleRange(isolation)
    let states = chain.partitions[chain.commitIndex...].map(\.state).filter { $0.max_timestamp >= 0 }
    guard start < end, let largest = states.max(by: { $0.max_timestamp < $1.max_timestamp }) else { return nil }
    if largest.max_timestamp_offset < end, largest.max_timestamp_offset >= start {
      var found: TimestampedOffset?
      try scan(from: largest.max_timestamp_offset, to: end) { header, bytes in
        found = try Self.firstRecord(in: bytes, header) { time, _ in time == header.maxTimestamp }
        return false
      }
      if let found { return found }
    }
    // The batch is not visible yet or has moved below the log's start: look at the headers.
    var best: TimestampedOffset?
    try scan(from: start, to: end) { header, bytes in
      if header.maxTimestamp > best?.timestamp ?? -1 {
        best =
          try Self.firstRecord(in: bytes, header) { time, offset in time == header.maxTimestamp && offset >= start }
          ?? best
      }
      return true
    }
    return best
  }

  /// The last offset that a tier below the commit tier holds; -1 without one.
  var latestTieredOffset: Int64 {
    let ends = chain.partitions[(chain.commitIndex + 1)...].map(\.state).filter { $0.start_offset < $0.end_offset }
    return ends.map { $0.end_offset - 1 }.max() ?? -1
  }

  private func visibleRange(_ isolation: Isolation) -> (start: Int64, end: Int64) {
    let offsets = self.offsets
    return (offsets.logStartOffset, isolation == .readCommitted ? offsets.lastStableOffset : offsets.highWatermark)
  }

  /// Base offset of the first batch in the range whose maxTimestamp reaches the time. The lowest tier holds the oldest
  /// batches, so the smallest answer of all tiers counts; a tier without the function is scanned.
  private func firstBatch(reaching timestamp: Int64, in range: Range<Int64>) throws -> Int64? {
    guard enter() else { throw TierFailure(.notFound, origin: "timestamps", message: "the partition is closed") }
    defer { leave() }
    var best: Int64?
    for partition in chain.partitions[chain.commitIndex...] {
      switch try partition.findTimestamp(timestamp, in: range, nonblocking: false) {
      case .found(let base, _): best = min(best ?? base, base)
      case .miss, .wouldBlock: continue
      case .notOffered:
        try scan(from: range.lowerBound, to: best ?? range.upperBound) { header, _ in
          guard header.maxTimestamp >= timestamp else { return true }
          best = min(best ?? header.baseOffset, header.baseOffset)
          return false
        }
      }
    }
    return best
  }

  private static func firstRecord(
    in bytes: UnsafeRawBufferPointer, _ header: RecordBatchHeader,
    _ matches: (_ timestamp: Int64, _ offset: Int64) -> Bool
  ) throws -> TimestampedOffset? {
    if header.timestampType == .logAppendTime {
      return matches(header.maxTimestamp, header.baseOffset)
        ? TimestampedOffset(offset: header.baseOffset, timestamp: header.maxTimestamp) : nil
    }
    let reader = try RecordBatchReader(bytes, limit: AppendValidator.decodedByteCountMax)
    return try reader.withCursor { (cursor) throws(RecordBatchError) -> TimestampedOffset? in
      while let record = try cursor.next() {
        let time = header.timestamp(delta: record.timestampDelta)
        let offset = header.baseOffset + Int64(record.offsetDelta)
        if matches(time, offset) { return TimestampedOffset(offset: offset, timestamp: time) }
      }
      return nil
    }
  }
}
