internal import KafkaRecords

/// Reads one archive object over range reads. All of it blocks as its source does.
///
/// Opening takes one round of reads, two when the guess was short; everything after works from the footer, which can be
/// kept and given back (`init(source:footer:keyFilter:)`) so that a fetch is one round. Every part is checked before it
/// is believed: damage is an error, never another answer. Not for use by several threads; cheap to make.
public struct ArchiveReader<Source: RangeSource> {
  public let source: Source
  public let footer: Footer
  /// Nil when the object has no keys, or until `loadKeyFilter` has been called after opening with a short guess.
  public private(set) var keyFilter: KeyFilter?
  let decompressor = FrameDecompressor()

  /// A reader of an object whose footer is known.
  public init(source: Source, footer: Footer, keyFilter: KeyFilter? = nil) {
    self.source = source
    self.footer = footer
    self.keyFilter = keyFilter
  }

  /// Opens an object of `objectByteCount` bytes. `hotByteCount`, from the object's name, makes it one round of reads;
  /// nil guesses 16 KiB and a 256th of the object.
  ///
  /// Throws `corrupt`, `sizeMismatch`, `unsupportedFormat`, or what the source throws.
  public init(opening source: Source, objectByteCount: Int, hotByteCount: Int? = nil) throws {
    self.source = source
    let byteCountMin = ArchiveObject.headByteCount + ArchiveObject.trailByteCount
    guard objectByteCount >= byteCountMin else { throw ArchiveError.corrupt(.trail, position: 0) }
    let guess = hotByteCount ?? (16 << 10) + objectByteCount / 256
    var start = objectByteCount - min(max(guess, ArchiveObject.trailByteCount), objectByteCount)
    var tail = try source.checkedRead([start..<objectByteCount])[0]
    let trail = try tail.withBytes { (bytes) throws(ArchiveError) in
      try Trail(endOf: bytes, objectByteCount: objectByteCount)
    }
    if trail.footer.lowerBound < start {
      tail = try source.checkedRead([trail.footer.lowerBound..<start])[0] + tail
      start = trail.footer.lowerBound
    }
    footer = try tail.withBytes { (bytes) throws(ArchiveError) in
      let part = trail.footer.lowerBound - start..<trail.footer.upperBound - start
      return try Footer(parsing: UnsafeRawBufferPointer(rebasing: bytes[part]), trail: trail)
    }
    if let range = footer.sections[.keyFilter], range.lowerBound >= start {
      let part = range.lowerBound - start..<range.upperBound - start
      keyFilter = try tail.withBytes { (bytes) throws(ArchiveError) in
        try KeyFilter(parsing: UnsafeRawBufferPointer(rebasing: bytes[part]), position: range.lowerBound)
      }
    }
  }

  /// Reads the key filter if the object has one that is not loaded.
  public mutating func loadKeyFilter() throws {
    guard keyFilter == nil, let range = footer.sections[.keyFilter] else { return }
    guard !range.isEmpty else { throw ArchiveError.corrupt(.keyFilter, position: range.lowerBound) }
    let bytes = try source.checkedRead([range])[0]
    keyFilter = try bytes.withBytes { (bytes) throws(ArchiveError) in
      try KeyFilter(parsing: bytes, position: range.lowerBound)
    }
  }

  /// Aborted transactions that overlap `offsets`, for consumers that read committed records.
  public func abortedTransactions(in offsets: Range<Int64>) -> [AbortedTransaction] {
    footer.abortedTransactions.filter { $0.firstOffset < offsets.upperBound && $0.lastOffset >= offsets.lowerBound }
  }

  /// Where the first leader epoch after `leaderEpoch` begins in this object; nil when none does.
  public func startOffset(afterEpoch leaderEpoch: Int32) -> Int64? {
    footer.epochs.first { $0.leaderEpoch > leaderEpoch }?.startOffset
  }

  /// The index of the last frame that starts at or below `offset`, 0 for offsets before the first.
  func frameIndex(ofOffset offset: Int64) -> Int {
    max(0, footer.frames.partitioningIndex { $0.firstOffset > offset } - 1)
  }

  /// The index of the frame with this document: the last one that starts at or below it.
  func frameIndex(ofDocument document: Int) -> Int {
    max(0, footer.frames.partitioningIndex { $0.firstDocument > document } - 1)
  }

  /// The content of frame `index`, whose bytes in the object are `bytes`.
  func content(ofFrame index: Int, _ bytes: [UInt8]) throws(ArchiveError) -> [UInt8] {
    let frame = footer.frames[index]
    let content = bytes.withBytes { decompressor.content(of: $0, byteCount: frame.rawByteCount) }
    guard let content else { throw .corrupt(.frame, position: frame.position) }
    return content
  }

  /// The batches of a frame's content, in order; their CRCs are checked. Stops when `body` returns false.
  func forEachBatch(
    ofFrame index: Int, _ content: [UInt8], _ body: (RecordBatchCursor.Batch) throws -> Bool
  ) throws {
    try content.withBytes { try forEachBatch(ofFrame: index, $0, body) }
  }

  /// The same for borrowed bytes; what `body` is given is valid as long as they are.
  func forEachBatch(
    ofFrame index: Int, _ bytes: UnsafeRawBufferPointer, _ body: (RecordBatchCursor.Batch) throws -> Bool
  ) throws {
    let position = footer.frames[index].position
    var cursor = RecordBatchCursor(bytes, check: .lengthOnly)
    while true {
      let batch: RecordBatchCursor.Batch
      do throws(RecordBatchError) {
        guard let next = try cursor.next() else { return }
        batch = next
      } catch {
        throw ArchiveError.corrupt(.batch, position: position)
      }
      let covered = UnsafeRawBufferPointer(rebasing: batch.bytes[RecordBatch.Layout.crcStart...])
      guard CRC32C.checksum(covered) == batch.header.crc else {
        throw ArchiveError.corrupt(.batch, position: position)
      }
      guard try body(batch) else { return }
    }
  }
}

extension RandomAccessCollection where Index == Int {
  /// The first index whose element satisfies `predicate`, which no element before and every one after does; `endIndex`
  /// when none does.
  func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
