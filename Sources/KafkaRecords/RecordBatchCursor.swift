/// Walks over batches that stand one behind the other, as in a produce request, a segment or a fetch response.
/// Borrows the bytes it was made from and allocates nothing.
public struct RecordBatchCursor {
  /// One batch in place.
  public struct Batch {
    public let header: RecordBatchHeader
    /// Exactly the bytes of the batch.
    public let bytes: UnsafeRawBufferPointer
    /// Where the batch starts in the cursor's bytes.
    public let position: Int
  }

  public enum Check: Sendable, Equatable {
    /// `RecordBatch.validate`: for bytes from outside or from a disk.
    case checksum
    /// Header and length only: for bytes that were validated before.
    case lengthOnly
  }

  private let bytes: UnsafeRawBufferPointer
  private let check: Check
  /// Bytes read so far: after an error, the length of the valid prefix.
  public private(set) var consumedByteCount = 0

  public init(_ bytes: UnsafeRawBufferPointer, check: Check = .checksum) {
    self.bytes = bytes
    self.check = check
  }

  /// The next batch, nil at the end of the bytes. After an error the cursor stays where it is; `truncated` then is
  /// measured from the start of the incomplete batch.
  public mutating func next() throws(RecordBatchError) -> Batch? {
    guard consumedByteCount < bytes.count else { return nil }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[consumedByteCount...])
    let header: RecordBatchHeader
    switch check {
    case .checksum:
      header = try RecordBatch.validate(rest)
    case .lengthOnly:
      header = try RecordBatchHeader(parsing: rest)
      guard header.byteCount <= rest.count else {
        throw .truncated(needed: header.byteCount, available: rest.count)
      }
    }
    let batch = Batch(
      header: header, bytes: UnsafeRawBufferPointer(rebasing: rest[..<header.byteCount]), position: consumedByteCount)
    consumedByteCount += header.byteCount
    return batch
  }
}
