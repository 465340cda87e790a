/// A record in place: pointers into the decompressed records of a batch. Valid only as long as those bytes are, which
/// is the closure or the call that handed it out. `nil` is null and differs from empty.
public struct RecordView {
  /// Unused by Kafka, 0.
  public let attributes: Int8
  /// Milliseconds from the batch's baseTimestamp; may be negative.
  public let timestampDelta: Int64
  /// Distance from the batch's baseOffset.
  public let offsetDelta: Int32
  public let key: UnsafeRawBufferPointer?
  public let value: UnsafeRawBufferPointer?
  public let headers: HeaderViews
  /// Bytes of the whole record, length prefix included.
  public let byteCount: Int

  public var isTombstone: Bool { value == nil }
}

/// The headers of a record, in order, read on the fly without allocating. Their bounds have been checked before.
public struct HeaderViews: Sequence {
  /// How many headers there are.
  public let count: Int
  let bytes: UnsafeRawBufferPointer

  public struct Element {
    /// UTF-8 by convention, not checked.
    public let key: UnsafeRawBufferPointer
    public let value: UnsafeRawBufferPointer?

    /// The key as text; bytes that are not UTF-8 become U+FFFD.
    public var name: String { String(decoding: key, as: UTF8.self) }
  }

  public struct Iterator: IteratorProtocol {
    var remaining: Int
    var fields: RecordFields

    public mutating func next() -> Element? {
      guard remaining > 0 else { return nil }
      remaining -= 1
      do {
        return try fields.header()
      } catch {
        preconditionFailure("record headers changed after they were checked: \(error)")
      }
    }
  }

  public var isEmpty: Bool { count == 0 }

  public var underestimatedCount: Int { count }

  public func makeIterator() -> Iterator {
    Iterator(remaining: count, fields: RecordFields(bytes))
  }
}
