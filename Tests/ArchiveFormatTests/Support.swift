import Foundation
import KafkaRecords

@testable import ArchiveFormat

/// A generator with a seed (SplitMix64), so that a failing run can be repeated.
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

  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// What a test knows of a record without asking the code under test.
struct KnownRecord {
  var offset: Int64
  var timestamp: Int64
  var key: [UInt8]?
  var value: [UInt8]?
  var headers: [RecordHeader]
  var isAborted: Bool

  /// All texts that are lexed, in order.
  var texts: [[UInt8]] { [key, value].compactMap(\.self) + headers.compactMap(\.value) }
}

/// A random segment with all that a segment can have, and what is in it.
struct TestSegment {
  var bytes: [UInt8] = []
  /// Records of batches that are not control batches and can be decoded, in order.
  var records: [KnownRecord] = []
  /// Document id of each of `records`.
  var documents: [Int] = []
  var documentCount = 0
  var batchPositions: [Int] = []
  var batchOffsets: [Range<Int64>] = []
  var aborted: [AbortedTransaction] = []
  var undecodableCount = 0
  var nextOffset: Int64

  struct Shape {
    var batchCount = 60
    var recordCountMax = 40
    var codecs = Compression.allCases
    var hasTransactions = true
    var hasDamage = true
    var hasGaps = true
    var vocabulary = TestSegment.words
    var wordCountMax = 30
    var firstOffset: Int64 = 1000
  }

  static let words: [String] = [
    "error", "Warning", "timeout", "connection", "the", "THE", "user42", "a", "x1", "orders", "payment", "retry",
    "straße", "Éclair", "naïve", "Журнал", "ошибка", "東京都", "大阪", "データベース", "서울", "Ωmega", "日", "café—bar",
    "0123456789abcdef", "0123456789abcdefg", "averyveryverylongtokenindeed", "averyveryverylongtokenindeed2",
    "AVERYVERYVERYLONGTOKENINDEED", "12", "abcdefghijkl", "naïveverylongtokenwithaccentsé",
    "{\"level\":\"error\",\"code\":500}",
    "level", "code", "500", "foo-bar", "foo", "bar", "foo_bar.baz", "https://example.org/a?b=c", "\u{FFFD}", "…",
    "🚀 launch",
  ]

  init(seed: UInt64, shape: Shape = Shape()) {
    var random = SeededGenerator(seed: seed)
    nextOffset = shape.firstOffset
    var time: Int64 = 1_700_000_000_000
    for index in 0..<shape.batchCount {
      if shape.hasGaps, random.chance(10) { nextOffset += Int64(random.below(5)) }
      time += Int64(random.below(1000))
      if shape.hasTransactions, random.chance(15) {
        addTransaction(producer: Int64(7000 + index), time: time, shape, &random)
      } else if shape.hasDamage, random.chance(4) {
        addUndecodable(time: time, &random)
      } else {
        addBatch(time: time, shape, &random)
      }
    }
  }

  private mutating func addTransaction(producer: Int64, time: Int64, _ shape: Shape, _ random: inout SeededGenerator) {
    let first = nextOffset
    let aborts = random.chance(50)
    addBatch(time: time, shape, &random, producer: producer, isAborted: aborts)
    let marker = aborts ? ControlRecord.abort(coordinatorEpoch: 1) : ControlRecord.commit(coordinatorEpoch: 1)
    var bytes = marker.endTransactionBatch(producerID: producer, producerEpoch: 0, timestamp: time)
    assign(&bytes)
    append(bytes, count: 1)
    if aborts {
      aborted.append(AbortedTransaction(producerID: producer, firstOffset: first, lastOffset: nextOffset - 1))
    }
  }

  private func assign(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes {
      RecordBatch.assign(baseOffset: nextOffset, leaderEpoch: Int32(nextOffset / 500), in: $0.baseAddress!)
    }
  }

  private mutating func append(_ batch: [UInt8], count: Int) {
    batchPositions.append(bytes.count)
    batchOffsets.append(nextOffset..<nextOffset + Int64(count))
    bytes += batch
    nextOffset += Int64(count)
  }

  /// A batch with a good CRC whose records are no zstd stream.
  private mutating func addUndecodable(time: Int64, _ random: inout SeededGenerator) {
    var builder = RecordBatchBuilder(compression: .zstd)
    for _ in 0..<5 { builder.append(timestamp: time, key: nil, value: Array("lost words".utf8)) }
    var batch = builder.build()
    for index in 62..<batch.count { batch[index] = UInt8(truncatingIfNeeded: random.next()) }
    batch[61] = 0
    batch.withUnsafeMutableBytes { bytes in
      let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[21...]))
      bytes.storeBytes(of: crc.bigEndian, toByteOffset: 17, as: UInt32.self)
    }
    assign(&batch)
    append(batch, count: 5)
    documentCount += 5
    undecodableCount += 1
  }

  private mutating func addBatch(
    time: Int64, _ shape: Shape, _ random: inout SeededGenerator, producer: Int64 = -1, isAborted: Bool = false
  ) {
    let codec = shape.codecs[random.below(shape.codecs.count)]
    var builder = RecordBatchBuilder(
      compression: codec, isTransactional: producer >= 0, producerID: producer, producerEpoch: producer >= 0 ? 0 : -1,
      baseSequence: producer >= 0 ? 0 : -1)
    let count = 1 + random.below(shape.recordCountMax)
    for index in 0..<count {
      let record = Self.record(
        offset: nextOffset + Int64(index), time: time + Int64(random.below(200)) - 100, shape, &random,
        isAborted: isAborted)
      builder.append(timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
      records.append(record)
      documents.append(documentCount + index)
    }
    documentCount += count
    var batch = builder.build()
    assign(&batch)
    append(batch, count: count)
  }

  private static func record(
    offset: Int64, time: Int64, _ shape: Shape, _ random: inout SeededGenerator, isAborted: Bool
  ) -> KnownRecord {
    func text(_ most: Int) -> [UInt8] {
      var text: [UInt8] = []
      for _ in 0..<random.below(most + 1) {
        text += Array(shape.vocabulary[random.below(shape.vocabulary.count)].utf8)
        text += random.chance(5) ? [0xFF, 0x20] : [0x20]
      }
      return text
    }
    let key: [UInt8]? = random.chance(25) ? nil : Array("key-\(random.below(50))".utf8)
    let value: [UInt8]? = random.chance(8) ? nil : text(shape.wordCountMax)
    var headers: [RecordHeader] = []
    while random.chance(30) {
      headers.append(RecordHeader(["trace", "Source", "n"][random.below(3)], random.chance(20) ? nil : text(3)))
    }
    return KnownRecord(offset: offset, timestamp: time, key: key, value: value, headers: headers, isAborted: isAborted)
  }

  static let identity = Footer.Identity(topicID: Array(1...16), topic: "logs", partition: 3)

  /// The object, from ranges cut at batch boundaries when `parts` is more than one.
  func archive(index: IndexKind = .full, level: Int = 3, parts: Int = 1) throws -> ArchivedObject {
    try bytes.withUnsafeBytes { all in
      var cuts = [0]
      for part in 1..<max(1, parts) { cuts.append(batchPositions[batchPositions.count * part / parts]) }
      cuts.append(all.count)
      let ranges = zip(cuts, cuts.dropFirst()).map { UnsafeRawBufferPointer(rebasing: all[$0..<$1]) }
      var segment = ArchiveSegment(identity: Self.identity, batches: ranges)
      segment.abortedTransactions = aborted
      return try ArchiveWriter(index: index, level: level).write(segment)
    }
  }
}

extension ArchiveReader where Source == MemoryRangeSource {
  init(_ object: ArchivedObject) throws {
    try self.init(opening: MemoryRangeSource(object), objectByteCount: object.byteCount)
  }
}

/// The lexer's rules again, slowly: over characters, with the standard library's case mapping (which agrees with simple
/// case folding on the vocabulary used here).
enum ReferenceLexer {
  static func tokens(_ text: [UInt8]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    for run in text.split(whereSeparator: { !isTokenByte($0) }) {
      if run.allSatisfy({ $0 < 0x80 }) {
        result.append(Array(String(decoding: run, as: UTF8.self).lowercased().utf8))
      } else {
        // U+FFFD stands for bytes that are not UTF-8 and is a separator itself.
        result += wide(String(decoding: run, as: UTF8.self))
      }
    }
    return result
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private static func wide(_ run: String) -> [[UInt8]] {
    var groups: [(kind: CharacterClass, text: [Unicode.Scalar])] = []
    for scalar in run.unicodeScalars {
      let kind = scalar.isASCII ? .letter : CharacterClass(scalar.value)
      if groups.last?.kind == kind {
        groups[groups.count - 1].text.append(scalar)
      } else {
        groups.append((kind, [scalar]))
      }
    }
    return groups.flatMap { group -> [[UInt8]] in
      switch group.kind {
      case .separator: return []
      case .letter: return [Array(group.text.map { $0.properties.lowercaseMapping }.joined().utf8)]
      case .bigram:
        if group.text.count == 1 { return [Array(String(group.text[0]).utf8)] }
        return zip(group.text, group.text.dropFirst()).map { Array((String($0) + String($1)).utf8) }
      }
    }
  }
}

/// Collects tokens.
struct TokenList: TokenSink {
  var tokens: [[UInt8]] = []

  mutating func take(token: UnsafePointer<UInt8>, count: Int) {
    tokens.append(Array(UnsafeBufferPointer(start: token, count: count)))
  }

  static func of(_ text: [UInt8]) -> [[UInt8]] {
    var list = TokenList()
    text.withUnsafeBytes { Lexer().lex($0, into: &list) }
    return list.tokens
  }
}
