import KafkaProtocol
import KafkaRecords
import PluginLoader

extension PartitionLog {
  enum Isolation: Sendable {
    case readUncommitted
    case readCommitted
  }

  /// Whole batches from the one that contains `offset`, below the high watermark (or the last stable offset).
  ///
  /// `maxBytes` is a soft bound: with `minOneBatch` the first batch comes whole. An offset outside the log is refused
  /// with OFFSET_OUT_OF_RANGE, one at the end yields no extents. Any thread; blocks only without `nonblocking`.
  func read(
    offset: Int64, maxBytes: Int, minOneBatch: Bool, isolation: Isolation, nonblocking: Bool
  ) -> LogRead {
    let offsets = self.offsets
    guard offset >= offsets.logStartOffset, offset <= offsets.logEndOffset else {
      return .refused(.offsetOutOfRange, offsets: offsets)
    }
    let bound = isolation == .readCommitted ? offsets.lastStableOffset : offsets.highWatermark
    guard offset < bound, maxBytes > 0 || minOneBatch else {
      return .records(extents: [], byteCount: 0, offsets: offsets)
    }
    guard enter() else { return .refused(.notLeaderOrFollower, offsets: offsets) }
    defer { leave() }
    switch chain.read(
      offset: offset, endOffset: bound, maxBytes: maxBytes, minOneBatch: minOneBatch, nonblocking: nonblocking)
    {
    case .batches(let extents, _, let byteCount):
      return .records(extents: extents, byteCount: byteCount, offsets: offsets)
    case .wouldBlock(let isCold): return .wouldBlock(isCold: isCold)
    case .failed(let failure):
      // The start may have moved while the tiers were asked.
      let now = self.offsets
      if offset < now.logStartOffset { return .refused(.offsetOutOfRange, offsets: now) }
      report("A read inside the log failed", \.readFailures, ["offset": "\(offset)", "error": "\(failure)"])
      return .refused(.kafkaStorageError, offsets: now)
    }
  }

  /// Calls `body` with every batch from the one that contains `offset` up to the high watermark, in order; it returns
  /// false to stop. Blocks. Used by lookups that must see records, never on the fetch path.
  func scan(
    from offset: Int64, to end: Int64, maxBytesPerRead: Int = 1 << 20,
    _ body: (RecordBatchHeader, UnsafeRawBufferPointer) throws -> Bool
  ) throws {
    guard enter() else { throw TierFailure(.notFound, origin: "scan", message: "the partition is closed") }
    defer { leave() }
    var position = offset
    while position < end {
      guard case .batches(let extents, let next, _) = chain.read(
        offset: position, endOffset: end, maxBytes: maxBytesPerRead, minOneBatch: true, nonblocking: false)
      else { throw TierFailure(.corrupt, origin: "scan", message: "offset \(position) cannot be read") }
      guard !extents.isEmpty, next > position else { return }
      for extent in extents {
        let keepsGoing = try extent.withBytes { bytes in
          var cursor = RecordBatchCursor(bytes, check: .lengthOnly)
          while let batch = try cursor.next() {
            if batch.header.nextOffset <= offset { continue }
            if try !body(batch.header, batch.bytes) { return false }
          }
          return true
        }
        if !keepsGoing { return }
      }
      position = next
    }
  }
}
