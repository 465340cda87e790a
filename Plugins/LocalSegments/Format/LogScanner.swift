public import KafkaRecords

/// Why the bytes at a position of a log are not its next batch.
public enum LogDamage: Sendable, Equatable, CustomStringConvertible {
  /// Fewer bytes are left than a header, or than the header announces.
  case cutShort(needed: Int64, available: Int64)
  /// From here on only zero bytes, as preallocation and lost writes leave them (checked for the size of a header).
  case zeros
  case header(RecordBatchError)
  case checksum(stored: UInt32, computed: UInt32)
  /// The batch starts below the offset that the one before reached.
  case offset(found: Int64, expectedAtLeast: Int64)

  public var description: String {
    switch self {
    case .cutShort(let needed, let available): "the batch is cut short: \(needed) bytes needed, \(available) there"
    case .zeros: "zero bytes instead of a batch"
    case .header(let error): "\(error)"
    case .checksum(let stored, let computed):
      "checksum mismatch: stored \(String(stored, radix: 16)), computed \(String(computed, radix: 16))"
    case .offset(let found, let expected): "base offset \(found) where at least \(expected) was expected"
    }
  }
}

/// Walks over the batches of a log, one after the other, with a buffer of fixed size however large a batch is.
///
/// Used by recovery, by index rebuilding and by the command line's dump and verify. Not for use by several threads.
public struct LogScanner<Source: ByteSource>: ~Copyable {
  public enum Step: Sendable, Equatable {
    /// A batch that starts at byte `position` of the log.
    case batch(RecordBatchHeader, position: Int64)
    /// The last batch ended exactly at the end of the log, `position`.
    case end(position: Int64)
    /// What starts at byte `position` is not the next batch. The scanner stays there.
    case damage(LogDamage, position: Int64)
  }

  private let source: Source
  private let end: Int64
  private let verifiesChecksums: Bool
  private var position: Int64
  private var expectedOffset: Int64
  private let buffer: UnsafeMutableRawBufferPointer
  private let ownsBuffer: Bool
  /// Where in the log the buffer's first byte is, and how many bytes of it are filled.
  private var bufferStart: Int64 = 0
  private var bufferCount = 0

  /// Scans bytes [start, end) of `source`. Every batch must start at or above `expectedOffset` and above the one
  /// before. `bufferByteCount` is what the scanner holds in memory, at least a header.
  public init(
    _ source: Source, from start: Int64 = 0, to end: Int64, expectedOffset: Int64, verifiesChecksums: Bool = true,
    bufferByteCount: Int = 256 * 1024
  ) {
    precondition(start >= 0 && start <= end && bufferByteCount >= RecordBatchHeader.byteCount)
    self.source = source
    self.end = end
    self.verifiesChecksums = verifiesChecksums
    self.expectedOffset = expectedOffset
    position = start
    bufferStart = start
    buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferByteCount, alignment: 16)
    ownsBuffer = true
  }

  /// The same, checking checksums, with a buffer of the caller's that outlives the scanner.
  public init(
    _ source: Source, from start: Int64 = 0, to end: Int64, expectedOffset: Int64,
    borrowing buffer: UnsafeMutableRawBufferPointer
  ) {
    precondition(start >= 0 && start <= end && buffer.count >= RecordBatchHeader.byteCount)
    self.source = source
    self.end = end
    verifiesChecksums = true
    self.expectedOffset = expectedOffset
    position = start
    bufferStart = start
    self.buffer = buffer
    ownsBuffer = false
  }

  deinit { if ownsBuffer { buffer.deallocate() } }

  /// The next batch, the end, or the damage that ends the walk. Throws what the source throws.
  public mutating func next() throws(Source.Failure) -> Step {
    let available = end - position
    if available == 0 { return .end(position: position) }
    let head = try bytes(at: position, count: Int(min(available, Int64(RecordBatchHeader.byteCount))))
    let header: RecordBatchHeader
    do {
      header = try RecordBatchHeader(parsing: head)
    } catch {
      if head.allSatisfy({ $0 == 0 }) { return .damage(.zeros, position: position) }
      if head.count < RecordBatchHeader.byteCount {
        return .damage(.cutShort(needed: Int64(RecordBatchHeader.byteCount), available: available), position: position)
      }
      return .damage(.header(error), position: position)
    }
    let byteCount = Int64(header.byteCount)
    guard byteCount <= available else {
      return .damage(.cutShort(needed: byteCount, available: available), position: position)
    }
    guard header.baseOffset >= expectedOffset, header.nextOffset > header.baseOffset else {
      return .damage(.offset(found: header.baseOffset, expectedAtLeast: expectedOffset), position: position)
    }
    if verifiesChecksums, let damage = try checksumDamage(header) { return .damage(damage, position: position) }
    defer {
      position += byteCount
      expectedOffset = header.nextOffset
    }
    return .batch(header, position: position)
  }

  private mutating func checksumDamage(_ header: RecordBatchHeader) throws(Source.Failure) -> LogDamage? {
    var crc: UInt32 = 0
    var at = position + Int64(RecordBatch.Layout.crcStart)
    let batchEnd = position + Int64(header.byteCount)
    while at < batchEnd {
      let piece = try bytes(at: at, count: Int(min(Int64(buffer.count), batchEnd - at)))
      if piece.isEmpty { return .cutShort(needed: Int64(header.byteCount), available: at - position) }
      crc = CRC32C.extend(crc, piece)
      at += Int64(piece.count)
    }
    return crc == header.crc ? nil : .checksum(stored: header.crc, computed: crc)
  }

  /// Bytes at `at`, from the buffer or read into it: `count` of them, fewer at the end of the file or, when the buffer
  /// holds the first part already and `count` is more than a header, what it holds.
  private mutating func bytes(at: Int64, count: Int) throws(Source.Failure) -> UnsafeRawBufferPointer {
    let skip = Int(at - bufferStart)
    if skip >= 0, skip < bufferCount, bufferCount - skip >= count || count > RecordBatchHeader.byteCount {
      return UnsafeRawBufferPointer(rebasing: buffer[skip..<min(bufferCount, skip + count)])
    }
    bufferStart = at
    bufferCount = 0
    let wanted = Int(min(Int64(buffer.count), end - at))
    bufferCount = try source.read(at: at, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
    return UnsafeRawBufferPointer(rebasing: buffer[..<min(bufferCount, count)])
  }
}
