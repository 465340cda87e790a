/// Where the bytes of a `records` field are. The codec never copies them and never looks into them.
public enum RecordsField: Sendable, Equatable {
  /// No records at all; on the wire this differs from an empty sequence.
  case null
  /// After reading: the range within the frame that was given to the reader. The range may be empty.
  /// When written, it stands for that many external bytes, like `external`.
  case inFrame(Range<Int>)
  /// For writing: the length prefix is written and a `Splice` is noted; the caller sends the bytes there itself.
  case external(byteCount: Int)

  /// Count of record bytes; 0 for null.
  public var byteCount: Int {
    switch self {
    case .null: 0
    case .inFrame(let range): range.count
    case .external(let byteCount): byteCount
    }
  }
}

/// A place in encoded bytes where `byteCount` bytes that the codec does not have must be sent.
///
/// A message yields one splice per `records` field that is not null, empty ones included, in the order of the fields,
/// so that they can be matched with the list of byte sources by index.
public struct Splice: Sendable, Equatable {
  /// Index into the encoded bytes (external bytes not counted) in front of which the external bytes go.
  public var position: Int
  public var byteCount: Int

  public init(position: Int, byteCount: Int) {
    self.position = position
    self.byteCount = byteCount
  }
}
