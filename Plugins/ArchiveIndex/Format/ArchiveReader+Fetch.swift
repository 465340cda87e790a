internal import KafkaRecords

/// Whole batches out of an object.
public struct FetchedBatches: Sendable, Equatable {
  /// Record batches as they were appended; empty when the object has none at or behind the offset.
  public var bytes: [UInt8]
  /// Where to go on: behind the last batch returned, or the object's end.
  public var nextOffset: Int64
  /// Aborted transactions that overlap what was returned.
  public var abortedTransactions: [AbortedTransaction]
}

extension ArchiveReader {
  /// Ranges larger than this are asked for in parts, which a source may read at the same time.
  private static var partByteCount: Int { 4 << 20 }

  /// Whole batches from the one that contains `offset` (or the next one, where offsets are missing) on, at least one
  /// and then up to `byteCountMax` bytes. One round of reads, more only where a gap ends a frame.
  ///
  /// Throws `corrupt` or what the source throws. The CRC of every batch returned has been checked.
  public func fetch(from offset: Int64, byteCountMax: Int) throws -> FetchedBatches {
    var index = frameIndex(ofOffset: offset)
    var result = FetchedBatches(bytes: [], nextOffset: footer.range.nextOffset, abortedTransactions: [])
    while index < footer.frames.count, result.bytes.isEmpty {
      var end = index + 1
      var byteCount = footer.frames[index].rawByteCount
      while end < footer.frames.count, byteCount < byteCountMax {
        byteCount += footer.frames[end].rawByteCount
        end += 1
      }
      try append(frames: index..<end, from: offset, byteCountMax: byteCountMax, to: &result)
      index = end
    }
    let first = max(offset, footer.range.baseOffset)
    if first < result.nextOffset { result.abortedTransactions = abortedTransactions(in: first..<result.nextOffset) }
    return result
  }

  private func append(
    frames: Range<Int>, from offset: Int64, byteCountMax: Int, to result: inout FetchedBatches
  ) throws {
    var isFull = false
    for (index, bytes) in zip(frames, try readFrames(frames)) where !isFull {
      let content = try content(ofFrame: index, bytes)
      try forEachBatch(ofFrame: index, content) { batch in
        if batch.header.lastOffset < offset { return true }
        if !result.bytes.isEmpty, result.bytes.count + batch.bytes.count > byteCountMax {
          isFull = true
          return false
        }
        result.bytes.append(contentsOf: batch.bytes)
        result.nextOffset = batch.header.nextOffset
        return true
      }
    }
    // Everything to the end was returned, so the reader goes on behind this object, whatever its last offsets were.
    if !isFull, frames.upperBound == footer.frames.count { result.nextOffset = footer.range.nextOffset }
  }

  /// The compressed bytes of neighbouring frames, in one round of reads.
  func readFrames(_ frames: Range<Int>) throws -> [[UInt8]] {
    var ranges: [Range<Int>] = []
    var counts: [Int] = []
    for frame in footer.frames[frames] {
      if let last = ranges.last, last.count + frame.compressedByteCount <= Self.partByteCount {
        ranges[ranges.count - 1] = last.lowerBound..<frame.bytes.upperBound
        counts[counts.count - 1] += 1
      } else {
        ranges.append(frame.bytes)
        counts.append(1)
      }
    }
    var result: [[UInt8]] = []
    var next = frames.lowerBound
    for ((range, count), bytes) in zip(zip(ranges, counts), try source.checkedRead(ranges)) {
      for frame in footer.frames[next..<next + count] {
        let start = frame.position - range.lowerBound
        result.append(count == 1 ? bytes : [UInt8](bytes[start..<start + frame.compressedByteCount]))
      }
      next += count
    }
    return result
  }

  /// The first record with a timestamp of `timestamp` or later, in milliseconds since 1970; nil when the object has
  /// none. One round of reads. A batch whose records cannot be read counts as one record with its largest timestamp.
  public func firstOffset(withTimestamp timestamp: Int64) throws -> (offset: Int64, timestamp: Int64)? {
    for index in footer.frames.indices where footer.frames[index].maxTimestamp >= timestamp {
      let content = try content(ofFrame: index, readFrames(index..<index + 1)[0])
      var found: (offset: Int64, timestamp: Int64)?
      try forEachBatch(ofFrame: index, content) { batch in
        found = Self.firstRecord(of: batch, withTimestamp: timestamp)
        return found == nil
      }
      if let found { return found }
    }
    return nil
  }

  private static func firstRecord(
    of batch: RecordBatchCursor.Batch, withTimestamp timestamp: Int64
  ) -> (offset: Int64, timestamp: Int64)? {
    let header = batch.header
    let limit = ArchiveLimits.inflatedByteCountMax(compressedByteCount: header.recordsByteCount)
    do throws(RecordBatchError) {
      let reader = try RecordBatchReader(batch.bytes, limit: limit)
      return try reader.withCursor { (cursor) throws(RecordBatchError) in
        while let record = try cursor.next() {
          let time = header.timestamp(delta: record.timestampDelta)
          if time >= timestamp { return (header.baseOffset &+ Int64(record.offsetDelta), time) }
        }
        return nil
      }
    } catch {
      return header.maxTimestamp >= timestamp ? (header.baseOffset, header.maxTimestamp) : nil
    }
  }
}
