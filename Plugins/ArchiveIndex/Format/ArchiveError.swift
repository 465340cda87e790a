public import KafkaRecords

/// Why an object cannot be written or read. Closed; what a `RangeSource` throws passes through unchanged.
public enum ArchiveError: Error, Equatable, CustomStringConvertible {
  /// The parts of an object that are checked on their own.
  public enum Part: String, Sendable, Equatable {
    case head, frame, batch, postings, dictionary, norms, keyFilter = "key filter", footer, trail
  }

  /// The segment has no batch.
  case emptySegment
  /// The batch at byte `position` of the segment is damaged. Nothing was written.
  case damagedBatch(position: Int, RecordBatchError)
  /// The batch at byte `position` starts below the offset that the ones before reached, or leaves the segment's range.
  case offsetOutOfOrder(position: Int, found: Int64, expectedAtLeast: Int64)
  /// A segment, or its index, larger than the format holds.
  case tooLarge(byteCount: Int, limit: Int)
  /// `part` at byte `position` of the object is not what the writer left there.
  case corrupt(Part, position: Int)
  /// The object has another size than its own last bytes say.
  case sizeMismatch(actual: Int, recorded: UInt64)
  /// A later format than this code reads.
  case unsupportedFormat(UInt32)
  /// A later analyzer than this code has; fetching still works.
  case unsupportedAnalyzer(UInt8)
  /// The object has no index of the kind the request needs.
  case notIndexed
  /// A `RangeSource` answered with other lengths than it was asked for.
  case wrongAnswer(wanted: Range<Int>, byteCount: Int)

  public var description: String {
    switch self {
    case .emptySegment: "the segment has no record batch"
    case .damagedBatch(let position, let error): "record batch at byte \(position) of the segment: \(error)"
    case .offsetOutOfOrder(let position, let found, let expected):
      "record batch at byte \(position) of the segment has offset \(found) where at least \(expected) was expected"
    case .tooLarge(let byteCount, let limit): "\(byteCount) bytes are more than the format's \(limit)"
    case .corrupt(let part, let position): "archive object is corrupt: \(part.rawValue) at byte \(position)"
    case .sizeMismatch(let actual, let recorded):
      "archive object has \(actual) bytes but was written with \(recorded)"
    case .unsupportedFormat(let version): "archive object has format \(version); only 1 is supported"
    case .unsupportedAnalyzer(let version): "archive object was indexed with analyzer \(version); only 1 is supported"
    case .notIndexed: "archive object has no index for this"
    case .wrongAnswer(let wanted, let byteCount):
      "storage answered \(byteCount) bytes for bytes \(wanted.lowerBound) to \(wanted.upperBound)"
    }
  }
}
