internal import KafkaRecords

/// Makes archive objects, one pass over the segment: each batch's CRC is checked, its bytes go to the frame compressor,
/// its records to the index.
///
/// The same segment gives the same bytes with the same version of zstd, and only then: never compare objects, compare
/// what they hold. Runs on the calling thread and needs about 12 bytes per posting beside the object.
public struct ArchiveWriter: Sendable {
  public var index: IndexKind
  /// zstd's compression level of the data frames.
  public var level: Int

  public init(index: IndexKind = .full, level: Int = 3) {
    self.index = index
    self.level = level
  }

  /// The object for `segment`. Throws `emptySegment`, `damagedBatch`, `offsetOutOfOrder` or `tooLarge`.
  public func write(_ segment: ArchiveSegment) throws(ArchiveError) -> ArchivedObject {
    try write(segment) { false }!
  }

  /// As `write`; nil when `isCancelled`, asked before each range of the segment, says so.
  package func write(
    _ segment: ArchiveSegment, isCancelled: () -> Bool
  ) throws(ArchiveError) -> ArchivedObject? {
    var construction = ObjectConstruction(segment, index: index, level: level)
    for range in segment.batches {
      if isCancelled() { return nil }
      try construction.add(range)
    }
    return try construction.finish()
  }
}

/// An object on its way: the data frames. `ObjectConstruction+Index.swift` has the rest.
struct ObjectConstruction: ~Copyable {
  let segment: ArchiveSegment
  /// Becomes `none` when the segment has more than an index holds.
  private(set) var index: IndexKind
  let output: ByteOutput
  var indexer: RecordIndexer
  var statistics = ArchiveStatistics()
  private(set) var frames: [Footer.Frame] = []
  private(set) var epochs: [EpochStart] = []
  /// Bytes of the segment read so far.
  private(set) var position = 0
  /// Behind the last batch.
  private(set) var nextOffset: Int64

  private let compressor: FrameCompressor
  private let aborted: AbortedRanges
  /// The frame being filled and its content; nil between frames.
  private var frame: Footer.Frame?
  private var slices: [UnsafeRawBufferPointer] = []
  private let joined = ByteOutput()

  /// Postings an index holds; 64 MiB of text have about 8 million.
  private static let postingCountMax = 1 << 28

  init(_ segment: ArchiveSegment, index: IndexKind, level: Int) {
    self.segment = segment
    self.index = index
    compressor = FrameCompressor(level: level)
    let byteCount = segment.batches.reduce(0) { $0 + $1.count }
    indexer = RecordIndexer(kind: index, byteCount: byteCount)
    aborted = AbortedRanges(segment.abortedTransactions)
    nextOffset = segment.offsets?.lowerBound ?? 0
    output = ByteOutput(capacity: 4096 + byteCount / 2)
    output.append(ArchiveObject.skippableMagic, as: UInt32.self)
    output.append(UInt32(ArchiveObject.headByteCount - 8), as: UInt32.self)
    output.append(ArchiveObject.magic, as: UInt32.self)
    output.append(ArchiveObject.formatVersion, as: UInt32.self)
  }

  /// Adds a range of whole batches.
  mutating func add(_ range: UnsafeRawBufferPointer) throws(ArchiveError) {
    let limit = ArchiveLimits.segmentByteCountMax
    guard position + range.count <= limit else { throw .tooLarge(byteCount: position + range.count, limit: limit) }
    var cursor = RecordBatchCursor(range, check: .lengthOnly)
    while true {
      let batch: RecordBatchCursor.Batch
      do throws(RecordBatchError) {
        guard let next = try cursor.next() else { return }
        batch = next
      } catch {
        throw .damagedBatch(position: position, error)
      }
      try add(batch)
      position += batch.bytes.count
    }
  }

  private mutating func add(_ batch: RecordBatchCursor.Batch) throws(ArchiveError) {
    let header = batch.header
    let computed = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: batch.bytes[RecordBatch.Layout.crcStart...]))
    guard computed == header.crc else {
      throw .damagedBatch(position: position, .crcMismatch(stored: header.crc, computed: computed))
    }
    let end = segment.offsets?.upperBound ?? .max
    guard header.baseOffset >= nextOffset, header.nextOffset > header.baseOffset, header.nextOffset <= end else {
      throw .offsetOutOfOrder(position: position, found: header.baseOffset, expectedAtLeast: nextOffset)
    }
    if let frame, frame.rawByteCount > 0, batch.bytes.count >= ArchiveObject.frameByteCount { closeFrame() }
    openFrame(header)
    noteEpoch(header)
    let times = read(batch)
    frame!.minTimestamp = min(frame!.minTimestamp, times.lowerBound)
    frame!.maxTimestamp = max(frame!.maxTimestamp, times.upperBound)
    append(slice: batch.bytes)
    nextOffset = header.nextOffset
    statistics.batchCount += 1
    if frame!.rawByteCount >= ArchiveObject.frameByteCount { closeFrame() }
  }

  private mutating func noteEpoch(_ header: RecordBatchHeader) {
    let epoch = header.partitionLeaderEpoch
    guard epoch >= 0, epoch != epochs.last?.leaderEpoch else { return }
    epochs.append(EpochStart(leaderEpoch: epoch, startOffset: header.baseOffset))
  }

  private mutating func openFrame(_ header: RecordBatchHeader) {
    guard frame == nil else { return }
    frame = Footer.Frame(
      position: output.count, compressedByteCount: 0, rawByteCount: 0, firstOffset: header.baseOffset,
      firstDocument: indexer.builder.documentCount, minTimestamp: .max, maxTimestamp: .min)
  }

  private mutating func append(slice: UnsafeRawBufferPointer) {
    frame!.rawByteCount += slice.count
    if let last = slices.last, last.baseAddress! + last.count == slice.baseAddress! {
      slices[slices.count - 1] = UnsafeRawBufferPointer(start: last.baseAddress, count: last.count + slice.count)
    } else {
      slices.append(slice)
    }
  }

  private mutating func closeFrame() {
    guard var frame else { return }
    self.frame = nil
    if slices.count == 1 {
      frame.compressedByteCount = compressor.append(slices[0], to: output)
    } else {
      joined.removeAll()
      for slice in slices { joined.append(slice) }
      frame.compressedByteCount = compressor.append(joined.bytes, to: output)
    }
    slices.removeAll(keepingCapacity: true)
    frames.append(frame)
  }

  mutating func closeLastFrame() { closeFrame() }

  /// Numbers and indexes the records of `batch` and returns the smallest and the largest of their timestamps.
  private mutating func read(_ batch: RecordBatchCursor.Batch) -> ClosedRange<Int64> {
    let header = batch.header
    // What the header says holds when nothing better is known: its base is the first record's time, except where
    // compaction has put the delete horizon there.
    let base =
      header.hasDeleteHorizon || header.timestampType == .logAppendTime ? header.maxTimestamp : header.baseTimestamp
    let announced = min(base, header.maxTimestamp)...max(base, header.maxTimestamp)
    if header.isControl {
      statistics.controlBatchCount += 1
      return announced
    }
    dropIndexIfFull(adding: Int(header.recordCount))
    guard index != .none else { return announced }
    let isAborted = aborted.contains(header)
    if isAborted { statistics.abortedBatchCount += 1 }
    let mark = indexer.builder.mark
    do throws(RecordBatchError) {
      return try index(batch, isAborted: isAborted) ?? announced
    } catch {
      indexer.builder.rollBack(to: mark)
      indexer.builder.addUnindexedDocuments(Int(header.recordCount))
      statistics.undecodableBatchCount += 1
      if statistics.firstUndecodable == nil { statistics.firstUndecodable = (position, error) }
      return announced
    }
  }

  /// Indexes all records or throws why they cannot be read; nil without records.
  private mutating func index(
    _ batch: RecordBatchCursor.Batch, isAborted: Bool
  ) throws(RecordBatchError) -> ClosedRange<Int64>? {
    let header = batch.header
    let limit = ArchiveLimits.inflatedByteCountMax(compressedByteCount: header.recordsByteCount)
    let reader = try RecordBatchReader(batch.bytes, limit: limit)
    statistics.inflatedByteCount += reader.decompressedByteCount
    return try reader.withCursor { (cursor) throws(RecordBatchError) in
      var low = Int64.max
      var high = Int64.min
      while let record = try cursor.next() {
        let timestamp = header.timestamp(delta: record.timestampDelta)
        low = min(low, timestamp)
        high = max(high, timestamp)
        if isAborted { indexer.builder.endDocument() } else { indexer.add(record) }
      }
      return low <= high ? low...high : nil
    }
  }

  private mutating func dropIndexIfFull(adding count: Int) {
    guard index != .none,
      indexer.builder.documentCount + count > ArchiveLimits.documentCountMax
        || indexer.builder.stream.count > Self.postingCountMax
    else { return }
    index = .none
    statistics.indexWasDropped = true
    indexer = RecordIndexer(kind: .none, byteCount: 0)
    for position in frames.indices { frames[position].firstDocument = 0 }
    frame?.firstDocument = 0
  }
}
