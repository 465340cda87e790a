import KafkaRecords

/// A line of text that says whether it is whole, for small durable files that people can read:
///
/// ```
/// <crc32c of the text, 8 hex digits> <space> <text> <newline>
/// ```
enum ChecksummedLine {
  /// The line with its newline. The text has none.
  static func encode(_ text: [UInt8]) -> [UInt8] {
    let hex = String(text.withUnsafeBytes { CRC32C.checksum($0) }, radix: 16)
    return Array((String(repeating: "0", count: 8 - hex.count) + hex + " ").utf8) + text + [UInt8(ascii: "\n")]
  }

  enum Damage: Error, Equatable, CustomStringConvertible {
    case noChecksum, wrongChecksum

    var description: String {
      switch self {
      case .noChecksum: "the line has no checksum"
      case .wrongChecksum: "the checksum does not match"
      }
    }
  }

  /// The text of a line without its newline.
  static func decode(_ line: ArraySlice<UInt8>) throws(Damage) -> [UInt8] {
    let bytes = Array(line)
    guard bytes.count > 9, bytes[8] == UInt8(ascii: " "),
      let stored = UInt32(String(decoding: bytes[..<8], as: UTF8.self), radix: 16)
    else { throw .noChecksum }
    let text = Array(bytes[9...])
    guard text.withUnsafeBytes({ CRC32C.checksum($0) }) == stored else { throw .wrongChecksum }
    return text
  }
}
