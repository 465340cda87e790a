import TierAPI

/// A failure that a tier reports to the host: one code of the closed set in `status.h` and one sentence.
///
/// A miss, "would block" and success are outcomes, not errors; the functions of ``TierPartition`` return them.
public struct TierError: Error, Sendable, CustomStringConvertible {
  /// The codes a plugin may fail with; the comments in `status.h` say what each promises.
  public enum Code: Int32, Sendable, CaseIterable {
    case retriable = 3
    case throttled = 4
    case notFound = 5
    case corrupt = 6
    case fenced = 7
    case noSpace = 8
    case cancelled = 9
    case invalidConfiguration = 10
    case permanent = 11
  }

  public var code: Code
  /// What failed, where, and what to do. UTF-8; the host truncates what does not fit its buffer.
  public var message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { "\(code): \(message)" }

  /// Writes the message into the host's buffer and returns the status to return. At most `capacity` bytes are written,
  /// cut at a character boundary.
  func report(into target: UnsafeMutablePointer<chronik_message>) -> Int32 {
    var copy = message
    copy.withUTF8 { utf8 in
      var count = min(utf8.count, target.pointee.capacity)
      while count > 0, count < utf8.count, utf8[count] & 0xC0 == 0x80 { count -= 1 }
      if count > 0, let source = utf8.baseAddress {
        UnsafeMutableRawPointer(target.pointee.text).copyMemory(from: source, byteCount: count)
      }
      target.pointee.length = count
    }
    return code.rawValue
  }
}
