import Glibc

/// One number that must never go back, in a file of its own: a ``ChecksummedLine`` with its digits.
///
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

  private static func encode(_ value: Int64) -> [UInt8] { ChecksummedLine.encode(Array(String(value).utf8)) }

  private static func decode(_ bytes: [UInt8]) -> Int64? {
    guard bytes.last == UInt8(ascii: "\n") else { return nil }
    do throws(ChecksummedLine.Damage) {
      return Int64(String(decoding: try ChecksummedLine.decode(bytes.dropLast()), as: UTF8.self))
    } catch {
      return nil
    }
  }
}
