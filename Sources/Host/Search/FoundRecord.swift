import PluginLoader

/// A record that was found, with bytes of its own.
struct FoundRecord: Sendable, Equatable {
  struct Header: Sendable, Equatable {
    var name: [UInt8]
    var value: [UInt8]?
  }

  var partition: Int32
  var offset: Int64
  /// ms since 1970.
  var timestamp: Int64
  var isAppendTime: Bool
  var key: [UInt8]?
  /// The beginning of the value when `valueByteCount` is larger.
  var value: [UInt8]?
  var valueByteCount: Int
  /// The key and headers were left out, because the answer would have become too large.
  var isAbridged: Bool
  var headers: [Header]
  var score: Double
}

/// What a search found.
struct SearchAnswer: Sendable {
  var topic: String
  var records: [FoundRecord]
  var summary: SearchSummary
  /// From the turn of the search to its end.
  var took: Duration
}

/// Copies hits until the answer is as large as it may become; from then on records come without their bytes, so that
/// none is missing and the cursor stays right.
struct HitCollector {
  /// The answer in memory. Base64 and escapes can make its JSON up to six times as long, in the worst case of control
  /// characters only.
  static let byteCountMax = 16 << 20

  private(set) var records: [FoundRecord] = []
  private var roomLeft = byteCountMax
  private let maxValueBytes: Int
  private let partitions: [Int32]

  /// `partitions`: the number of each target.
  init(partitions: [Int32], maxValueBytes: Int) {
    self.partitions = partitions
    self.maxValueBytes = maxValueBytes
  }

  mutating func add(_ hit: SearchHit) {
    let besides =
      (hit.key?.count ?? 0) + hit.headers.reduce(0) { $0 + $1.name.count + ($1.value?.count ?? 0) + Self.headerCost }
    let isAbridged = besides > roomLeft
    if !isAbridged { roomLeft -= besides }
    let valueCount = hit.value?.count ?? 0
    let taken = min(valueCount, maxValueBytes, roomLeft)
    roomLeft -= taken
    records.append(
      FoundRecord(
        partition: partitions[hit.target], offset: hit.offset, timestamp: hit.timestamp,
        isAppendTime: hit.isAppendTime, key: isAbridged ? nil : hit.key.map { Array($0) },
        value: hit.value.map { Array($0.prefix(taken)) }, valueByteCount: valueCount, isAbridged: isAbridged,
        headers: isAbridged
          ? [] : hit.headers.map { FoundRecord.Header(name: Array($0.name), value: $0.value.map { Array($0) }) },
        score: hit.score))
  }

  /// Two arrays and their place in the list.
  private static let headerCost = 96
}
