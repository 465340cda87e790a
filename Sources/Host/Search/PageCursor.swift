import KafkaProtocol
import KafkaRecords

// What clients are given as a cursor: the tier's own, and what the tier does not know of the search:
//
//   u8 version (1)   i64 since   i64 until   u32 CRC-32C of what was asked and of all the other bytes   the tier's cursor
//
// Big-endian. Times ago mean another moment on every page, so that the first page's go along.

/// Where a page ended, and what it was a page of.
struct PageCursor: Sendable, Equatable {
  /// ms since 1970, as the first page understood them.
  var since: Int64
  var until: Int64
  /// The searching tier's cursor; opaque.
  var place: [UInt8]

  private static let version: UInt8 = 1
  private static let headByteCount = 21

  init(since: Int64, until: Int64, place: [UInt8]) {
    self.since = since
    self.until = until
    self.place = place
  }

  /// Refuses bytes that are no cursor, and a cursor of another search: of another topic or one created again, of other
  /// partitions, offsets, times or words. The limits of a page may differ.
  init(_ bytes: [UInt8], of query: SearchQuery, in topic: KafkaUUID) throws(SearchRefusal) {
    guard bytes.count > Self.headByteCount, bytes[0] == Self.version else {
      throw .invalid("cursor: not one that this version of the search gave out")
    }
    since = Self.number(bytes[1..<9])
    until = Self.number(bytes[9..<17])
    place = Array(bytes[Self.headByteCount...])
    guard self.bytes(of: query, in: topic) == bytes else {
      throw .invalid("cursor: damaged, or it belongs to another search; only limits may differ from page to page")
    }
  }

  /// `topic` is the topic's id.
  func bytes(of query: SearchQuery, in topic: KafkaUUID) -> [UInt8] {
    var head = [Self.version]
    Self.append(since, &head)
    Self.append(until, &head)
    let checksum = (head + query.question(in: topic) + place).withUnsafeBytes { CRC32C.checksum($0) }
    Self.append(checksum, &head)
    return head + place
  }

  fileprivate static func append(_ number: some FixedWidthInteger, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int64 {
    Int64(bitPattern: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
}

extension SearchQuery {
  /// Bytes for everything that decides which records answer and in which order.
  fileprivate func question(in topic: KafkaUUID) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in [topic.high, topic.low] { PageCursor.append(number, &bytes) }
    for number in [offsetFrom, offsetTo] { PageCursor.append(number, &bytes) }
    let texts = [Array(text.utf8), key, sinceText.map { Array($0.utf8) }, untilText.map { Array($0.utf8) }]
    for text in texts {
      PageCursor.append(Int64(text?.count ?? -1), &bytes)
      bytes += text ?? []
    }
    PageCursor.append(Int64(partitions?.count ?? -1), &bytes)
    for number in partitions?.sorted() ?? [] { PageCursor.append(number, &bytes) }
    bytes.append(order == .newest ? 0 : 1)
    return bytes
  }
}
