import KafkaRecords

/// A generator with a seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// JSON log records made of real text: every record has a time, a level, a service, a host, a random trace id, a
/// duration and about 500 bytes of a Debian `Packages` file as its message (without the lines of hashes). Keys are order
/// numbers, 50,000 different ones. Batches of about 64 KiB, not compressed.
struct Corpus {
  /// One per segment, whole batches.
  var segments: [[UInt8]] = []
  var recordCount = 0
  /// The values as lines, for engines that read text.
  var lines: [UInt8] = []

  private static let batchByteCount = 64 * 1024

  init(text: [UInt8], segmentByteCount: Int, segmentCount: Int, keepsLines: Bool) {
    var random = SeededGenerator(seed: 42)
    var messages = MessageSource(text: text)
    var offset: Int64 = 0
    var time: Int64 = 1_772_000_000_000
    for _ in 0..<segmentCount {
      var segment: [UInt8] = []
      segment.reserveCapacity(segmentByteCount + 2 * Self.batchByteCount)
      while segment.count < segmentByteCount {
        var builder = RecordBatchBuilder(baseOffset: offset, partitionLeaderEpoch: 1)
        while builder.uncompressedByteCount < Self.batchByteCount {
          time += Int64(random.next() % 20)
          let value = Self.record(time: time, message: messages.next(), &random)
          let key = [UInt8]("order-\(random.next() % 50_000)".utf8)
          builder.append(timestamp: time, key: key, value: value)
          if keepsLines {
            lines.append(contentsOf: value)
            lines.append(0x0A)
          }
        }
        offset += Int64(builder.recordCount)
        segment.append(contentsOf: builder.build())
      }
      segments.append(segment)
    }
    recordCount = Int(offset)
  }

  private static func record(time: Int64, message: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    let levels = ["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"]
    let level = levels[Int(random.next() % 6)]
    let trace = String(random.next() | 1 << 63, radix: 16)
    var head = "{\"ts\":\(time),\"level\":\"\(level)\",\"service\":\"svc-\(random.next() % 40)\""
    head += ",\"host\":\"node-\(random.next() % 200)\",\"trace\":\"\(trace)\""
    head += ",\"duration_ms\":\(random.next() % 5000),\"message\":\""
    return [UInt8](head.utf8) + message + [UInt8]("\"}".utf8)
  }
}

/// Walks over the text again and again, about 500 bytes at a time, as the inside of a JSON string.
private struct MessageSource {
  private let text: [UInt8]
  private var position = 0

  init(text: [UInt8]) {
    var kept: [UInt8] = []
    kept.reserveCapacity(text.count)
    for line in text.split(separator: 0x0A) {
      let start = line.prefix(7)
      if start.elementsEqual("MD5sum:".utf8) || start.elementsEqual("SHA256:".utf8) { continue }
      for byte in line {
        if byte == 0x22 || byte == 0x5C { kept.append(0x5C) }
        kept.append(byte)
      }
      kept.append(contentsOf: "\\n".utf8)
    }
    self.text = kept
  }

  mutating func next() -> [UInt8] {
    if position + 1024 > text.count { position = 0 }
    var end = position + 500
    while text[end] != 0x20, end < position + 600 { end += 1 }
    defer { position = end }
    return Array(text[position..<end])
  }
}
