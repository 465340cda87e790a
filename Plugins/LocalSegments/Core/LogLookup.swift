import KafkaRecords
import SegmentFormat

/// One segment as a reader sees it: taken from the published state in one moment and valid for as long as it is held,
/// because the bytes below `byteCount` never change.
struct SegmentView: Sendable {
  let segment: Segment
  let byteCount: Int64
  let nextOffset: Int64
  let file: OpenFile
  let cachedOnly: Bool

  var baseOffset: Int64 { segment.baseOffset }
}

/// A batch found in a log.
struct LocatedBatch: Sendable {
  let header: RecordBatchHeader
  let position: Int64
  var end: Int64 { position + Int64(header.byteCount) }
}

/// The log of a view as the scanner reads it. Short answers are made whole or refused.
struct LogSource: ByteSource {
  let file: OpenFile
  let cachedOnly: Bool

  func read(at position: Int64, into target: UnsafeMutableRawBufferPointer) throws(ReadStop) -> Int {
    do {
      try file.fileSystem.readFully(file.descriptor, at: position, into: target, cachedOnly: cachedOnly)
      return target.count
    } catch {
      throw ReadStop(error, file.path)
    }
  }
}

/// Finding batches through the index and the batch headers behind it. Every header that is walked over is checked.
extension SegmentView {
  typealias Scanner = LogScanner<LogSource>

  func scanner(from position: Int64, expectedOffset: Int64) -> Scanner {
    Scanner(
      LogSource(file: file, cachedOnly: cachedOnly), from: position, to: byteCount, expectedOffset: expectedOffset,
      verifiesChecksums: false, bufferByteCount: Limits.headerScanByteCount)
  }

  /// The first batch that ends above `offset`; nil when there is none. `known`: a batch boundary at or before it.
  func locate(_ offset: Int64, known: Int64? = nil) throws(ReadStop) -> LocatedBatch? {
    if let known { return try walk(from: known, toBatchAbove: offset) }
    let limit = offset - baseOffset
    let start = try indexPosition { Int64($0.relativeOffset) <= limit }
    guard start > 0 else { return try walk(from: 0, toBatchAbove: offset) }
    do throws(ReadStop) {
      if let found = try walk(from: start, toBatchAbove: offset, expectingAtMost: offset) { return found }
    } catch {
      guard case .damaged = error else { throw error }
    }
    try distrustIndex()
    return try walk(from: 0, toBatchAbove: offset)
  }

  /// Position of the last index entry for which `isAtOrBelow` holds, 0 when there is none.
  func indexPosition(where isAtOrBelow: (OffsetIndexEntry) -> Bool) throws(ReadStop) -> Int64 {
    if segment.isIndexDistrusted.load(ordering: .relaxed) { return 0 }
    do throws(ReadStop) {
      let found = try segment.index.last(cachedOnly: cachedOnly, where: isAtOrBelow)
      guard let found else { return 0 }
      let position = Int64(found.position)
      if position >= 0, position < byteCount { return position }
    } catch {
      // A lost index file costs time, not data. Other failures of the disk are reported.
      guard case .failed(let errno, _) = error, errno == .notFound || errno == .inputOutput else { throw error }
    }
    try distrustIndex()
    return 0
  }

  /// Walks from the start of the log from now on; only a reader that may wait decides that.
  func distrustIndex() throws(ReadStop) {
    if cachedOnly { throw .wouldBlock }
    segment.isIndexDistrusted.store(true, ordering: .relaxed)
  }

  private func walk(
    from position: Int64, toBatchAbove offset: Int64, expectingAtMost highest: Int64 = .max
  ) throws(ReadStop) -> LocatedBatch? {
    var scanner = scanner(from: position, expectedOffset: baseOffset)
    var isFirst = true
    var left = cachedOnly ? Limits.nonblockingBatchesMax : Int.max
    while true {
      guard let batch = try nextBatch(&scanner) else { return nil }
      if isFirst, batch.header.baseOffset > highest {
        throw .damaged("the index points at the wrong batch", path: segment.index.slot.path, position: position)
      }
      if batch.header.nextOffset > offset { return batch }
      isFirst = false
      left -= 1
      if left == 0 { throw .wouldBlock }
    }
  }

  /// The scanner's next batch, nil at the end; damage is an error. The last batch may not reach beyond the segment.
  func nextBatch(_ scanner: inout Scanner) throws(ReadStop) -> LocatedBatch? {
    switch try scanner.next() {
    case .batch(let header, let position):
      guard header.nextOffset <= nextOffset else {
        throw .damaged(
          "offset \(header.lastOffset) is beyond the segment's end \(nextOffset)", path: file.path, position: position)
      }
      return LocatedBatch(header: header, position: position)
    case .end: return nil
    case .damage(let damage, let position):
      throw .damaged(damage.description, path: file.path, position: position)
    }
  }

  /// The end of the run of whole batches that begins with `first`: those that start below `endOffset` and end at or
  /// below byte `limit`. `first` itself is taken without asking. Returns the byte and the offset behind the last one.
  func runEnd(
    after first: LocatedBatch, limit: Int64, endOffset: Int64, known: Int64?
  ) throws(ReadStop) -> (position: Int64, nextOffset: Int64) {
    if endOffset >= nextOffset, limit >= byteCount { return (byteCount, nextOffset) }
    if let known, known >= first.end, known <= limit { return (known, endOffset) }
    var end = (position: first.end, nextOffset: first.header.nextOffset)
    let relativeEnd = max(0, endOffset) - baseOffset
    let jump = try indexPosition { Int64($0.position) <= limit && Int64($0.relativeOffset) < relativeEnd }
    if jump > end.position {
      do throws(ReadStop) {
        return try walkRun(from: jump, end: nil, limit: limit, endOffset: endOffset)
      } catch {
        guard case .damaged = error else { throw error }
        try distrustIndex()
      }
    }
    end = try walkRun(from: end.position, end: end, limit: limit, endOffset: endOffset)
    return end
  }

  /// Walks whole batches from the boundary `position`; `end` is what to answer when not even one fits, nil: the start
  /// of the batch found there.
  private func walkRun(
    from position: Int64, end: (position: Int64, nextOffset: Int64)?, limit: Int64, endOffset: Int64
  ) throws(ReadStop) -> (position: Int64, nextOffset: Int64) {
    var scanner = scanner(from: position, expectedOffset: end?.nextOffset ?? baseOffset)
    var end = end
    var left = cachedOnly ? Limits.nonblockingBatchesMax : Int.max
    while let batch = try nextBatch(&scanner) {
      if batch.end > limit || batch.header.baseOffset >= endOffset {
        return end ?? (batch.position, batch.header.baseOffset)
      }
      end = (batch.end, batch.header.nextOffset)
      left -= 1
      if left == 0 { return end! }
    }
    return end ?? (byteCount, nextOffset)
  }
}
