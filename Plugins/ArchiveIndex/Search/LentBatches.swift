internal import ArchiveFormat
internal import KafkaRecords
internal import TierKit

/// The batches of one answer of the source, by their headers; their bytes are read when they are wanted.
struct LentBatches {
  struct Entry {
    var header: RecordBatchHeader
    /// Its bytes in the answer.
    var range: Range<Int>
  }

  private(set) var entries: [Entry] = []
  private let answer: SourceAnswer
  private let state: SearchState
  /// All bytes, when they were read at once.
  private let whole: [UInt8]?

  /// Enough for many small batches, little of a large one.
  private static let windowByteCount = 4096

  /// `readsAll`: most batches will be wanted, so one read is better than many.
  ///
  /// Throws `corrupt` for bytes that are no batches, or what reading a lent file throws.
  init(_ answer: SourceAnswer, readsAll: Bool, _ state: SearchState) throws(TierError) {
    self.answer = answer
    self.state = state
    if readsAll {
      state.countBytes(answer.byteCount)
      whole = try answer.bytes(0..<answer.byteCount)
    } else {
      whole = nil
    }
    try readHeaders()
  }

  private mutating func readHeaders() throws(TierError) {
    var window = 0..<0
    var bytes: [UInt8] = []
    var position = 0
    while position < answer.byteCount {
      let rest = answer.byteCount - position
      guard rest >= RecordBatchHeader.byteCount else { throw damage }
      if window.upperBound < position + RecordBatchHeader.byteCount || window.lowerBound > position {
        window = position..<position + min(Self.windowByteCount, rest)
        bytes = try read(window)
      }
      let header: RecordBatchHeader
      do throws(RecordBatchError) {
        let start = position - window.lowerBound
        header = try bytes.withBytes { (bytes) throws(RecordBatchError) in
          try RecordBatchHeader(parsing: UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
      } catch {
        throw damage
      }
      guard header.byteCount <= rest else { throw damage }
      entries.append(Entry(header: header, range: position..<position + header.byteCount))
      position += header.byteCount
    }
  }

  private var damage: TierError {
    TierError(
      .corrupt, "the batches at offset \(entries.last?.header.nextOffset ?? answer.startOffset) cannot be read")
  }

  private func read(_ range: Range<Int>) throws(TierError) -> [UInt8] {
    if let whole { return Array(whole[range]) }
    state.countBytes(range.count)
    return try answer.bytes(range)
  }

  /// Lends the batch, whose checksum was verified. Throws `corrupt` when it is wrong.
  func withBatch(_ entry: Entry, _ body: (RecordBatchCursor.Batch) -> Void) throws(TierError) {
    let bytes = try read(entry.range)
    do throws(RecordBatchError) {
      try bytes.withBytes { (bytes) throws(RecordBatchError) in
        var cursor = RecordBatchCursor(bytes)
        if let batch = try cursor.next() { body(batch) }
      }
    } catch {
      throw TierError(.corrupt, "the batch at offset \(entry.header.baseOffset) is damaged: \(error)")
    }
  }
}
