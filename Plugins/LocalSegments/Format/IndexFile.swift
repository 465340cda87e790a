/// Why an index file does not fit its format or its log.
public enum IndexDamage: Sendable, Equatable, CustomStringConvertible {
  /// The file's size is no multiple of an entry's; the byte is where the rest begins.
  case partialEntry
  /// An entry does not rise above the one before.
  case outOfOrder
  /// An entry points behind the end of the log or below its base.
  case outOfRange

  public var description: String {
    switch self {
    case .partialEntry: "the file ends inside an entry"
    case .outOfOrder: "the entry does not rise above the one before"
    case .outOfRange: "the entry points outside the log"
    }
  }
}

/// Walks over the entries of an index file. Not for use by several threads.
public struct IndexFileReader<Entry: IndexEntry, Source: ByteSource> {
  public enum Step: Sendable {
    case entry(Entry, position: Int64)
    case end
    /// At byte `position` of the file; the reader stays there.
    case damage(IndexDamage, position: Int64)
  }

  private let source: Source
  private let byteCount: Int64
  private var position: Int64 = 0
  private var previous: Entry?

  /// `byteCount` is the file's size.
  public init(_ source: Source, of type: Entry.Type, byteCount: Int64) {
    self.source = source
    self.byteCount = byteCount
  }

  public mutating func next() throws(Source.Failure) -> Step {
    guard position < byteCount else { return .end }
    guard byteCount - position >= Int64(Entry.byteCount) else { return .damage(.partialEntry, position: position) }
    var storage: (UInt64, UInt64) = (0, 0)
    let at = position
    let entry = try withUnsafeMutablePointer(to: &storage) { (pointer) throws(Source.Failure) -> Entry? in
      let bytes = UnsafeMutableRawBufferPointer(start: pointer, count: Entry.byteCount)
      guard try source.read(at: at, into: bytes) == Entry.byteCount else { return nil }
      return Entry(bytes: UnsafeRawPointer(pointer))
    }
    guard let entry else { return .damage(.partialEntry, position: position) }
    if let previous, !entry.follows(previous) { return .damage(.outOfOrder, position: position) }
    defer { position += Int64(Entry.byteCount) }
    previous = entry
    return .entry(entry, position: position)
  }
}
