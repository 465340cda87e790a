import SegmentFormat
import TierKit

/// Looking up a time: the segment by its largest timestamp, the place in it by the time index, the batch by walking.
extension PartitionLog {
  /// The first batch in offset order whose maxTimestamp is at or above `timestamp` (ms), among those that reach beyond
  /// `range.lowerBound` and begin below `range.upperBound`.
  package func findTimestamp(
    _ timestamp: Int64, in range: Range<Int64>, nonblocking: Bool
  ) throws(TierError) -> TimestampOutcome {
    do throws(ReadStop) {
      for _ in 0..<Limits.lookUpAttempts {
        if let outcome = try attempt(timestamp, range, nonblocking: nonblocking) { return outcome }
      }
      throw ReadStop.failed(.wouldBlock, path: directory)
    } catch {
      switch error {
      case .wouldBlock: return .wouldBlock
      case .failed(let errno, let path): throw TierError(errno, "read", path)
      case .damaged(let reason, let path, let position):
        throw TierError(.corrupt, "\(path) byte \(position): \(reason)")
      }
    }
  }

  /// One look; nil when a segment's path led to another file since it began, whatever was found then.
  private func attempt(
    _ timestamp: Int64, _ range: Range<Int64>, nonblocking: Bool
  ) throws(ReadStop) -> TimestampOutcome? {
    let (entries, changes) = candidates(timestamp, range)
    do throws(ReadStop) {
      let outcome = try firstBatch(reaching: timestamp, range, in: entries, changes, nonblocking: nonblocking)
      return published.withLock({ $0.fileChanges }) == changes ? outcome : nil
    } catch {
      if case .wouldBlock = error { throw error }
      if published.withLock({ $0.fileChanges }) == changes { throw error }
      return nil
    }
  }

  private func firstBatch(
    reaching timestamp: Int64, _ range: Range<Int64>, in entries: [SegmentEntry], _ changes: Int, nonblocking: Bool
  ) throws(ReadStop) -> TimestampOutcome? {
    for entry in entries {
      let open = entry.dirtyFile ?? entry.segment.log.ifOpen()
      if open == nil, nonblocking { return .wouldBlock }
      let opened = if let open { open } else { try openIfThere(entry.segment) }
      if entry.dirtyFile == nil, published.withLock({ $0.fileChanges }) != changes { return nil }
      guard let file = opened else { continue }
      let view = SegmentView(
        segment: entry.segment, byteCount: entry.tail.byteCount, nextOffset: entry.tail.nextOffset, file: file,
        cachedOnly: nonblocking)
      if let found = try view.firstBatch(reaching: timestamp, in: range) {
        return .found(baseOffset: found.header.baseOffset, maxTimestamp: found.header.maxTimestamp)
      }
    }
    return .miss
  }

  /// Segments that overlap the range and hold a batch that late, and the count of file changes at that moment.
  private func candidates(_ timestamp: Int64, _ range: Range<Int64>) -> ([SegmentEntry], fileChanges: Int) {
    published.withLock { state in
      let lower = max(range.lowerBound, state.startOffset)
      let found = state.segments.filter {
        $0.tail.maxTimestamp >= timestamp && $0.tail.nextOffset > lower && $0.segment.baseOffset < range.upperBound
      }
      return (found, state.fileChanges)
    }
  }

  /// The log's file, nil when the segment was deleted meanwhile. Blocks.
  private func openIfThere(_ segment: Segment) throws(ReadStop) -> OpenFile? {
    do {
      return try segment.log.file()
    } catch {
      if error == .notFound { return nil }
      throw ReadStop(error, segment.log.path)
    }
  }
}

extension SegmentView {
  func firstBatch(reaching timestamp: Int64, in range: Range<Int64>) throws(ReadStop) -> LocatedBatch? {
    // No batch up to the offset of the last time entry below the wanted time is late enough.
    var from = max(range.lowerBound, baseOffset)
    do throws(ReadStop) {
      let entry = try segment.timeIndex.last(cachedOnly: cachedOnly) { $0.timestamp < timestamp }
      if let entry, Int64(entry.relativeOffset) < nextOffset - baseOffset {
        from = max(from, baseOffset + Int64(entry.relativeOffset))
      }
    } catch {
      guard case .failed(let errno, _) = error, errno == .notFound || errno == .inputOutput else { throw error }
    }
    guard let first = try locate(from) else { return nil }
    var scanner = scanner(from: first.position, expectedOffset: first.header.baseOffset)
    var left = cachedOnly ? Limits.nonblockingBatchesMax : Int.max
    while let batch = try nextBatch(&scanner) {
      if batch.header.baseOffset >= range.upperBound { return nil }
      if batch.header.maxTimestamp >= timestamp, batch.header.nextOffset > range.lowerBound { return batch }
      left -= 1
      if left == 0 { throw .wouldBlock }
    }
    return nil
  }
}
