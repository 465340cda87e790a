/// Why bytes could not be read as the message they claim to be, or why a message cannot be written.
///
/// Reading: the peer sent something that is not this message; the connection can answer or close, but nothing of the
/// message may be used. Writing: the message holds a value that its version cannot express.
public struct WireError: Error, Sendable, Equatable {
  public enum Problem: UInt8, Sendable, CaseIterable {
    /// The value needs more bytes than are left.
    case truncated
    /// A length below -1, which is the only negative one with a meaning (null).
    case negativeLength
    /// Null where this version of the message has no null.
    case nullNotAllowed
    /// An array claims more elements than the bytes left could hold at their smallest size.
    case countExceedsRemaining
    /// More elements, over all arrays, than any honest message has.
    case tooManyElements
    /// A variable-length integer that does not fit 32 bits.
    case varintTooLong
    /// A string that is not UTF-8.
    case invalidUTF8
    /// The message ended before its frame did.
    case trailingBytes
    /// The content of a known tagged field has another size than its length says.
    case taggedFieldSizeMismatch
    /// The type does not speak this version.
    case unsupportedVersion
    /// Writing: a string longer than 32,767 bytes in a version with 16-bit lengths, or a frame beyond 2 GiB.
    case tooLong
  }

  public var problem: Problem
  /// Reading: index into the frame of the value at fault. Writing: count of bytes written before it.
  public var position: Int
  /// The message, when it was known at the place where the error came up.
  public var apiKey: APIKey?
  public var version: Int16?

  public init(_ problem: Problem, position: Int, apiKey: APIKey? = nil, version: Int16? = nil) {
    self.problem = problem
    self.position = position
    self.apiKey = apiKey
    self.version = version
  }
}

extension WireError: CustomStringConvertible {
  public var description: String {
    let message = apiKey.map { "\($0.name) v\(version ?? -1): " } ?? ""
    return "\(message)\(problem) at byte \(position)"
  }
}
