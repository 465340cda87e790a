/// What rules ask of a record; the record itself has passed by.
struct RecordFacts {
  /// Milliseconds from the batch's baseTimestamp.
  var timestampDelta: Int64
  /// Distance from the batch's baseOffset.
  var offsetDelta: Int32
  var hasKey: Bool
  var isTombstone: Bool
}

extension RecordFacts {
  init(_ record: RecordView) {
    self.init(
      timestampDelta: record.timestampDelta, offsetDelta: record.offsetDelta, hasKey: record.key != nil,
      isTombstone: record.isTombstone)
  }
}

/// The records of a compressed batch while they come out of the decoder. Whatever they decompress to, no more of it is
/// in memory than a window; keys and values that are larger are passed over.
///
/// A record that lies in the window whole is read there, like one of an uncompressed batch. A larger one is read field
/// by field. Both refuse the same records for the same reasons.
struct RecordStream: ~Copyable {
  /// As much as fits a core's second-level cache beside the decoder's tables.
  static let windowByteCountMax = 65_536

  private let decompressor: any Decompressor
  private let count: Int
  private let limit: Int
  private var index = 0
  private let window: UnsafeMutableRawBufferPointer
  /// The bytes of the window that are decompressed and not read.
  private var unread = 0..<0
  private var isAtEnd = false
  /// Bytes that came out of the decoder so far.
  private(set) var decompressedByteCount = 0

  /// `count` is what the batch's header announces, `limit` the most bytes that may come out.
  init(_ decompressor: any Decompressor, compressedByteCount: Int, count: Int, limit: Int) {
    self.decompressor = decompressor
    self.count = count
    self.limit = limit
    let guess = max(BoundedOutput.initialByteCount, compressedByteCount * 4)
    window = .allocate(byteCount: min(Self.windowByteCountMax, guess), alignment: 1)
  }

  deinit { window.deallocate() }

  /// The next record, nil behind the last. Throws `malformedRecord`, `trailingBytes` when bytes remain behind the last
  /// record, and what decompression throws; not to be called again after an error.
  mutating func next() throws(RecordBatchError) -> RecordFacts? {
    guard index < count else {
      try checkEnd()
      return nil
    }
    let start = try peek(Varint.byteCountMax32)
    var prefix = 0
    let length: Int
    do throws(Varint.Failure) {
      length = Int(try Varint.read32(start, at: &prefix))
    } catch {
      throw malformed(RecordDefect(error))
    }
    guard length >= 0 else { throw malformed(.negativeLength) }
    let facts = prefix + length <= window.count ? try whole(prefix + length) : try inPieces(prefix, length)
    index += 1
    return facts
  }

  private func malformed(_ defect: RecordDefect) -> RecordBatchError { .malformedRecord(index: index, reason: defect) }

  /// A record of `byteCount` bytes with its length prefix, which the window can hold.
  private mutating func whole(_ byteCount: Int) throws(RecordBatchError) -> RecordFacts {
    var fields = RecordFields(try peek(byteCount))
    do throws(RecordDefect) {
      let facts = RecordFacts(try fields.record())
      consume(byteCount)
      return facts
    } catch {
      throw malformed(error)
    }
  }

  private mutating func inPieces(_ prefix: Int, _ length: Int) throws(RecordBatchError) -> RecordFacts {
    consume(prefix)
    var left = length
    try skip(1, of: &left, orThrow: .truncated)
    let timestampDelta = try number(of: &left) { (bytes, position) throws(Varint.Failure) in
      try Varint.read64(bytes, at: &position)
    }
    let offsetDelta = try varint(of: &left)
    let hasKey = try skipNullable(of: &left, orThrow: .invalidKeyLength)
    let hasValue = try skipNullable(of: &left, orThrow: .invalidValueLength)
    let headerCount = Int(try varint(of: &left))
    // A header takes two bytes at least.
    guard headerCount >= 0, headerCount <= left / 2 else { throw malformed(.invalidHeaderCount) }
    for _ in 0..<headerCount {
      guard try skipNullable(of: &left, orThrow: .invalidHeaderKeyLength) else {
        throw malformed(.invalidHeaderKeyLength)
      }
      _ = try skipNullable(of: &left, orThrow: .invalidHeaderValueLength)
    }
    guard left == 0 else { throw malformed(.lengthMismatch) }
    return RecordFacts(
      timestampDelta: timestampDelta, offsetDelta: offsetDelta, hasKey: hasKey, isTombstone: !hasValue)
  }

  // MARK: - Fields of a record of which `left` bytes are not read

  private mutating func number<Value>(
    of left: inout Int,
    _ read: (_ bytes: UnsafeRawBufferPointer, _ position: inout Int) throws(Varint.Failure) -> Value
  ) throws(RecordBatchError) -> Value {
    let bytes = try peek(min(left, Varint.byteCountMax64))
    var position = 0
    do throws(Varint.Failure) {
      let value = try read(bytes, &position)
      consume(position)
      left -= position
      return value
    } catch {
      throw malformed(RecordDefect(error))
    }
  }

  private mutating func varint(of left: inout Int) throws(RecordBatchError) -> Int32 {
    try number(of: &left) { (bytes, position) throws(Varint.Failure) in try Varint.read32(bytes, at: &position) }
  }

  /// Passes over a length, −1 for null, and that many bytes. False for null.
  private mutating func skipNullable(
    of left: inout Int, orThrow defect: RecordDefect
  ) throws(RecordBatchError) -> Bool {
    let length = Int(try varint(of: &left))
    if length == -1 { return false }
    guard length >= 0 else { throw malformed(defect) }
    try skip(length, of: &left, orThrow: defect)
    return true
  }

  private mutating func skip(
    _ byteCount: Int, of left: inout Int, orThrow defect: RecordDefect
  ) throws(RecordBatchError) {
    guard byteCount <= left else { throw malformed(defect) }
    left -= byteCount
    var rest = byteCount
    while rest > 0 {
      let bytes = try peek(min(rest, window.count))
      guard !bytes.isEmpty else { throw malformed(.truncated) }
      consume(bytes.count)
      rest -= bytes.count
    }
  }

  // MARK: - The window

  /// The next `byteCount` bytes in place, fewer only where the stream ends. The window can hold them.
  private mutating func peek(_ byteCount: Int) throws(RecordBatchError) -> UnsafeRawBufferPointer {
    if unread.count < byteCount, !isAtEnd { try fill(byteCount) }
    return UnsafeRawBufferPointer(start: window.baseAddress! + unread.lowerBound, count: min(byteCount, unread.count))
  }

  private mutating func consume(_ byteCount: Int) {
    unread = (unread.lowerBound + byteCount)..<unread.upperBound
  }

  private mutating func fill(_ byteCount: Int) throws(RecordBatchError) {
    window.copyMemory(from: UnsafeRawBufferPointer(rebasing: window[unread]))
    unread = 0..<unread.count
    while unread.count < byteCount, !isAtEnd {
      let written = try decompressor.read(into: UnsafeMutableRawBufferPointer(rebasing: window[unread.upperBound...]))
      isAtEnd = written == 0
      unread = 0..<(unread.upperBound + written)
      decompressedByteCount += written
      guard decompressedByteCount <= limit else { throw .decompressedTooLarge(limit: limit) }
    }
  }

  /// Behind the last record nothing may come. What does is counted, and the stream's own end is checked.
  private mutating func checkEnd() throws(RecordBatchError) {
    var trailing = 0
    while true {
      let bytes = try peek(1)
      if bytes.isEmpty { break }
      trailing += unread.count
      consume(unread.count)
    }
    guard trailing == 0 else { throw .trailingBytes(count: trailing) }
  }
}
