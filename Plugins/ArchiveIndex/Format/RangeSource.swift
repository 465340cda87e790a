/// One immutable object whose bytes can be read in parts: a local file, a partially cached copy, an object of a store.
///
/// Every call of `read` is a round of reads that may run at the same time; readers batch what they need.
public protocol RangeSource {
  /// The bytes of every range, in the order of `ranges`, each exactly as long as its range. Blocks. Ranges lie inside
  /// the object, may touch or overlap, and are not empty.
  func read(_ ranges: [Range<Int>]) throws -> [[UInt8]]
}

extension RangeSource {
  /// `read` with the answer's lengths checked.
  func checkedRead(_ ranges: [Range<Int>]) throws -> [[UInt8]] {
    if ranges.isEmpty { return [] }
    let answers = try read(ranges)
    guard answers.count == ranges.count else { throw ArchiveError.wrongAnswer(wanted: ranges[0], byteCount: 0) }
    for (range, answer) in zip(ranges, answers) where range.count != answer.count {
      throw ArchiveError.wrongAnswer(wanted: range, byteCount: answer.count)
    }
    return answers
  }
}

/// An object in memory.
public struct MemoryRangeSource: RangeSource, Sendable {
  public let bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public init(_ object: ArchivedObject) { bytes = object.withBytes { [UInt8]($0) } }

  public func read(_ ranges: [Range<Int>]) throws -> [[UInt8]] {
    ranges.map { [UInt8](bytes[$0.clamped(to: bytes.indices)]) }
  }
}
