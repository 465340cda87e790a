import Foundation
import KafkaRecords
import Testing

/// What `Fixtures/generate_batches.py` left: batches that real clients sent and the records they were given.
enum Fixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

  struct Captured: Decodable, CustomTestStringConvertible {
    let file: String
    let client: String
    let codec: String
    let scenario: String
    let producerID: Int64
    let producerEpoch: Int16
    let baseSequence: Int32
    let isTransactional: Bool

    var testDescription: String { file }
    var bytes: [UInt8] { get throws { [UInt8](try Data(contentsOf: folder.appendingPathComponent(file))) } }
  }

  struct Given: Decodable {
    struct Header: Decodable {
      let key: String
      let value: Data?
    }
    let timestamp: Int64
    let key: Data?
    let value: Data?
    let headers: [Header]

    /// The record that a batch starting at the first record's timestamp must hold at `index`.
    func record(index: Int, baseTimestamp: Int64) -> Record {
      Record(
        timestampDelta: timestamp - baseTimestamp, offsetDelta: Int32(index), key: key.map { [UInt8]($0) },
        value: value.map { [UInt8]($0) },
        headers: headers.map { RecordHeader($0.key, $0.value.map { [UInt8]($0) }) })
    }
  }

  struct CodecCase: Decodable, CustomTestStringConvertible {
    let name: String
    let codec: String
    let unit: String
    let count: Int
    let byteCount: Int
    let crc32: UInt32
    let compressed: Data

    var testDescription: String { name }
    var plain: [UInt8] { [UInt8](String(repeating: unit, count: count).utf8) }
  }

  static let captured: [Captured] = load("manifest.json")
  static let scenarios: [String: [Given]] = load("scenarios.json")
  static let codecCases: [CodecCase] = load("codecs.json")

  static func captured(_ file: String) throws -> [UInt8] {
    try #require(captured.first { $0.file == file }).bytes
  }

  private static func load<T: Decodable>(_ file: String) -> T {
    do {
      return try JSONDecoder().decode(T.self, from: Data(contentsOf: folder.appendingPathComponent(file)))
    } catch {
      fatalError("fixture \(file): \(error)")
    }
  }
}

/// Far more than any fixture decompresses to.
let generousLimit = 64 * 1024 * 1024

extension [UInt8] {
  /// Typed throws survive here, unlike through `withUnsafeBytes`.
  func withBytes<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
    try withUnsafeBufferPointer { (buffer) throws(E) -> T in try body(UnsafeRawBufferPointer(buffer)) }
  }

  func validated() throws(RecordBatchError) -> RecordBatchHeader {
    try withBytes { (bytes) throws(RecordBatchError) in try RecordBatch.validate(bytes) }
  }

  func records(limit: Int = generousLimit) throws(RecordBatchError) -> [Record] {
    try withBytes { (bytes) throws(RecordBatchError) in try RecordBatchReader(bytes, limit: limit).records() }
  }

  func decompressed(_ codec: Compression, limit: Int = generousLimit) throws(RecordBatchError) -> [UInt8] {
    try withBytes { (bytes) throws(RecordBatchError) in try codec.decompress(bytes, limit: limit) }
  }

  func compressed(_ codec: Compression, level: Int? = nil) -> [UInt8] {
    withBytes { codec.compress($0, level: level) }
  }

  func validatedRecords(_ rules: RecordRules) throws(RecordBatchError) -> RecordSummary {
    try withBytes { (bytes) throws(RecordBatchError) in try RecordBatch.validateRecords(bytes, rules: rules) }
  }

  /// The same batch with a checksum that fits whatever was done to it.
  func withFreshChecksum() -> [UInt8] {
    var copy = self
    let crc = copy.withBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[21...])) }
    for index in 0..<4 { copy[17 + index] = UInt8(truncatingIfNeeded: crc >> UInt32(24 - 8 * index)) }
    return copy
  }
}

/// SplitMix64. A failing test prints its seed; the same seed replays the same run.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

/// The seed of a fuzz run: `CHRONIK_TEST_SEED` to replay, otherwise a new one, printed.
func fuzzSeed(_ test: String) -> UInt64 {
  let seed =
    ProcessInfo.processInfo.environment["CHRONIK_TEST_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0 ... .max)
  print("\(test): CHRONIK_TEST_SEED=\(seed)")
  return seed
}
