// The small text files beside the segments. Each is written whole and renamed into place.
//
//   recovery-point-offset-checkpoint,      leader-epoch-checkpoint         partition.metadata
//   log-start-offset-checkpoint
//     0                  version             0          version               version: 0
//     2                  entries             2          entries               topic_id: base64url, no padding
//     orders 0 4711      topic partition n   0 0        epoch firstOffset
//     orders 1 120                           3 4711

/// Why one of the text files cannot be read.
public struct TextFileDefect: Error, Equatable, CustomStringConvertible {
  /// Counted from 1.
  public var line: Int
  public var expected: String
  public var description: String { "line \(line): expected \(expected)" }
}

/// Splits a file with a version, a count and that many lines of fields.
func rows(_ text: String, fields: Int, expected: String) throws(TextFileDefect) -> [[Substring]] {
  // Before anything is split: a file full of zeros is no text, however long it is.
  guard text.utf8.starts(with: "0\n".utf8) || text == "0" else {
    throw TextFileDefect(line: 1, expected: "version 0")
  }
  let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  guard lines.first == "0" else { throw TextFileDefect(line: 1, expected: "version 0") }
  guard lines.count > 1, let count = Int(lines[1]), count >= 0 else {
    throw TextFileDefect(line: 2, expected: "the number of entries")
  }
  guard lines.count - 2 >= count else {
    throw TextFileDefect(line: lines.count, expected: "\(count) entries, not \(lines.count - 2)")
  }
  var result: [[Substring]] = []
  for index in 2..<(2 + count) {
    let row = lines[index].split(separator: " ")
    guard row.count == fields else { throw TextFileDefect(line: index + 1, expected: expected) }
    result.append(row)
  }
  return result
}

/// An offset for each of many partitions.
public enum OffsetCheckpoint {
  public struct Key: Hashable, Sendable {
    public var topic: String
    public var partition: Int32
    public init(topic: String, partition: Int32) {
      self.topic = topic
      self.partition = partition
    }
  }

  public static func parse(_ text: String) throws(TextFileDefect) -> [Key: Int64] {
    let expected = "topic, partition and offset"
    var result: [Key: Int64] = [:]
    for (index, row) in try rows(text, fields: 3, expected: expected).enumerated() {
      guard let partition = Int32(row[1]), let offset = Int64(row[2]), partition >= 0, offset >= 0 else {
        throw TextFileDefect(line: index + 3, expected: expected)
      }
      result[Key(topic: String(row[0]), partition: partition)] = offset
    }
    return result
  }

  public static func format(_ offsets: [Key: Int64]) -> String {
    var text = "0\n\(offsets.count)\n"
    let sorted = offsets.sorted { ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition) }
    for (key, offset) in sorted { text += "\(key.topic) \(key.partition) \(offset)\n" }
    return text
  }
}

/// Which leader epoch began at which offset.
public struct LeaderEpochEntry: Sendable, Equatable {
  public var epoch: Int32
  public var startOffset: Int64
  public init(epoch: Int32, startOffset: Int64) {
    self.epoch = epoch
    self.startOffset = startOffset
  }
}

public enum LeaderEpochCheckpoint {
  /// Entries must rise in epoch and must not fall in offset.
  public static func parse(_ text: String) throws(TextFileDefect) -> [LeaderEpochEntry] {
    let expected = "an epoch and its first offset, both above the line before"
    var result: [LeaderEpochEntry] = []
    for (index, row) in try rows(text, fields: 2, expected: expected).enumerated() {
      guard let epoch = Int32(row[0]), let offset = Int64(row[1]), epoch >= 0, offset >= 0,
        result.last.map({ $0.epoch < epoch && $0.startOffset <= offset }) ?? true
      else { throw TextFileDefect(line: index + 3, expected: expected) }
      result.append(LeaderEpochEntry(epoch: epoch, startOffset: offset))
    }
    return result
  }

  public static func format(_ entries: [LeaderEpochEntry]) -> String {
    entries.reduce(into: "0\n\(entries.count)\n") { $0 += "\($1.epoch) \($1.startOffset)\n" }
  }
}

/// Which topic a partition directory belongs to.
public enum PartitionMetadata {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// `topicID` has 16 bytes.
  public static func format(topicID: [UInt8]) -> String {
    precondition(topicID.count == 16)
    return "version: 0\ntopic_id: \(base64URL(topicID))"
  }

  public static func parse(_ text: String) throws(TextFileDefect) -> [UInt8] {
    var isVersionKnown = false
    var topicID: [UInt8]?
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let value = parts[1].drop { $0 == " " }
      if parts[0] == "version" { isVersionKnown = value == "0" }
      if parts[0] == "topic_id" { topicID = bytes(base64URL: value) }
    }
    guard isVersionKnown else { throw TextFileDefect(line: 1, expected: "version: 0") }
    guard let topicID, topicID.count == 16 else { throw TextFileDefect(line: 2, expected: "topic_id: 22 characters") }
    return topicID
  }

  static func base64URL(_ bytes: [UInt8]) -> String {
    var characters: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      bitCount += 8
      while bitCount >= 6 {
        bitCount -= 6
        characters.append(alphabet[Int(bits >> UInt32(bitCount)) & 63])
      }
    }
    if bitCount > 0 { characters.append(alphabet[Int(bits << UInt32(6 - bitCount)) & 63]) }
    return String(decoding: characters, as: UTF8.self)
  }

  static func bytes(base64URL text: Substring) -> [UInt8]? {
    var result: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for character in text.utf8 where character != UInt8(ascii: "=") {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    return result
  }
}
