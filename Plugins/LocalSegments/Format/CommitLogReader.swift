/// Why the entries of a commit-log file end where something of their generation still stands.
public enum CommitLogDamage: Sendable, Equatable, CustomStringConvertible {
  /// A header of this generation whose entry is not whole: what a power cut during a flush leaves.
  case torn
  /// The entry is whole and is not the next one.
  case sequence(found: UInt64, expected: UInt64)
  /// Nothing of this generation stands here, but entries of it stand behind, from this byte on.
  case gap(next: Int64)

  public var description: String {
    switch self {
    case .torn: "the entry is not whole"
    case .sequence(let found, let expected): "entry \(found) where \(expected) was expected"
    case .gap(let next): "no entry, although one of the same generation stands at byte \(next)"
    }
  }
}

/// Walks over the entries of one commit-log file, checking each. Holds one entry in memory. Not for several threads.
public final class CommitLogReader<Source: ByteSource> {
  public enum Step {
    /// An entry at byte `position` of the file. Its bytes are valid until the next call.
    case entry(CommitLogEntry, UnsafeRawBufferPointer, position: Int64)
    /// Nothing of this generation from byte `position` on.
    case end(position: Int64)
    case damage(CommitLogDamage, position: Int64)
  }

  private let source: Source
  private let byteCount: Int64
  private var position = Int64(CommitLogFormat.pageByteCount)
  private var sequence: UInt64 = 0
  private var buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: CommitLogFormat.pageByteCount, alignment: 8)
  public let header: CommitLogFormat.Header
  /// nil when the file has no header of a commit log.
  public var generation: UInt64? { if case .generation(let number) = header { number } else { nil } }

  /// `byteCount` is the file's size.
  public init(_ source: Source, byteCount: Int64) throws(Source.Failure) {
    self.source = source
    self.byteCount = byteCount
    let page = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(byteCount, Int64(buffer.count)))])
    let count = try source.read(at: 0, into: page)
    header = CommitLogFormat.header(firstPage: UnsafeRawBufferPointer(rebasing: page[..<count]))
  }

  deinit { buffer.deallocate() }

  /// Entries read so far.
  public var entryCount: UInt64 { sequence }

  public func next() throws(Source.Failure) -> Step {
    guard let generation, let entry = try header(at: position), entry.generation == generation else {
      return try end()
    }
    guard Int64(entry.byteCount) <= byteCount - position else { return .damage(.torn, position: position) }
    grow(to: entry.byteCount)
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<entry.byteCount])
    guard try source.read(at: position, into: bytes) == bytes.count,
      CommitLogEntry.isWhole(UnsafeRawBufferPointer(bytes))
    else { return .damage(.torn, position: position) }
    guard entry.sequence == sequence else {
      return .damage(.sequence(found: entry.sequence, expected: sequence), position: position)
    }
    defer {
      position += Int64(entry.byteCount)
      sequence += 1
    }
    return .entry(entry, UnsafeRawBufferPointer(bytes), position: position)
  }

  /// The header at a byte, from the file; nil when there is none.
  private func header(at position: Int64) throws(Source.Failure) -> CommitLogEntry? {
    let count = CommitLogFormat.entryHeaderByteCount
    guard byteCount - position >= Int64(count) else { return nil }
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
    guard try source.read(at: position, into: bytes) == count else { return nil }
    return CommitLogEntry(UnsafeRawBufferPointer(bytes))
  }

  /// Flushes begin with a page, so a lost entry shows by those of later flushes.
  private func end() throws(Source.Failure) -> Step {
    let page = Int64(CommitLogFormat.pageByteCount)
    var at = (position + page - 1) / page * page
    while let generation, at < byteCount {
      if let entry = try header(at: at), entry.generation == generation, entry.sequence > sequence,
        Int64(entry.byteCount) <= byteCount - at
      {
        return .damage(.gap(next: at), position: position)
      }
      at += page
    }
    return .end(position: position)
  }

  private func grow(to count: Int) {
    guard buffer.count < count else { return }
    buffer.deallocate()
    buffer = .allocate(byteCount: max(count, 64 * 1024), alignment: 8)
  }
}
