import Glibc
import KafkaRecords

/// One number that must never go back, in a file of its own:
///
/// ```
/// <crc32c of the number's text, 8 hex digits> <space> <number> <newline>
/// ```
/// A new value is durable before ``set(_:)`` returns. A damaged file is refused: guessing could repeat a number.
///
/// Not thread-safe and blocking: one thread at a time.
struct DurableCounter {
  let path: String
  private(set) var value: Int64
  /// No file was there when it was opened.
  let isNew: Bool

  private static let byteCountMax = 64

  /// Reads the file; `initial` when there is none.
  init(path: String, initial: Int64) throws(DataDirectory.Failure) {
    self.path = path
    guard let bytes = try AtomicFile.read(path, byteCountMax: Self.byteCountMax) else {
      value = initial
      isNew = true
      return
    }
    guard let stored = Self.decode(bytes) else { throw .malformed(path: path, line: 1) }
    value = stored
    isNew = false
  }

  /// Nothing is changed when it throws.
  mutating func set(_ value: Int64) throws(DataDirectory.Failure) {
    precondition(value >= self.value, "\(path): a counter never goes back")
    try AtomicFile.write(Self.encode(value), to: path)
    self.value = value
  }

  private static func encode(_ value: Int64) -> [UInt8] {
    let text = Array(String(value).utf8)
    let hex = String(text.withUnsafeBytes { CRC32C.checksum($0) }, radix: 16)
    return Array((String(repeating: "0", count: 8 - hex.count) + hex + " ").utf8) + text + [UInt8(ascii: "\n")]
  }

  private static func decode(_ bytes: [UInt8]) -> Int64? {
    guard bytes.count > 10, bytes[8] == UInt8(ascii: " "), bytes.last == UInt8(ascii: "\n"),
      let stored = UInt32(String(decoding: bytes[..<8], as: UTF8.self), radix: 16)
    else { return nil }
    let text = Array(bytes[9..<bytes.count - 1])
    guard text.withUnsafeBytes({ CRC32C.checksum($0) }) == stored else { return nil }
    return Int64(String(decoding: text, as: UTF8.self))
  }
}
