internal import ArchiveFormat
internal import KafkaRecords
internal import TierKit

// A cursor is the last record of a page in the order newest first, which is a total order of the records, so that
// nothing else has to be remembered however many partitions there are:
//
//   u8 version (1)   u64 what was asked   i64 timestamp   u32 partition   i64 offset   u32 CRC-32C of all before
//
// Little-endian, 33 bytes. Opaque to everybody else.

/// Where an answer ended.
struct SearchCursor: Equatable {
  var timestamp: Int64
  var partition: Int
  var offset: Int64

  private static let version: UInt8 = 1
  private static let byteCount = 33

  init(timestamp: Int64, partition: Int, offset: Int64) {
    self.timestamp = timestamp
    self.partition = partition
    self.offset = offset
  }

  /// `question` stands for what was asked: `SearchRequest.question`.
  func bytes(question: UInt64) -> [UInt8] {
    var bytes = [Self.version]
    append(question, &bytes)
    append(UInt64(bitPattern: timestamp), &bytes)
    append(UInt32(partition), &bytes)
    append(UInt64(bitPattern: offset), &bytes)
    append(bytes.withUnsafeBytes { CRC32C.checksum($0) }, &bytes)
    return bytes
  }

  private func append(_ number: some FixedWidthInteger, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }

  /// Throws `invalidConfiguration` for bytes that are no cursor, one of another version or of another question.
  init(_ bytes: [UInt8], question: UInt64, partitionCount: Int) throws(TierError) {
    guard bytes.count == Self.byteCount, bytes[0] == Self.version else {
      throw TierError(.invalidConfiguration, "cursor: not one that this version of the search gave out")
    }
    func number<Number: FixedWidthInteger>(_ position: Int, _: Number.Type) -> Number {
      bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Number.self)) }
    }
    let computed = bytes.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[..<29])) }
    guard number(29, UInt32.self) == computed else {
      throw TierError(.invalidConfiguration, "cursor: damaged on its way; give it back as it was")
    }
    guard number(1, UInt64.self) == question else {
      throw TierError(
        .invalidConfiguration,
        "cursor: it belongs to another search; only the limit may differ from page to page")
    }
    timestamp = number(9, Int64.self)
    partition = Int(number(17, UInt32.self))
    offset = number(21, Int64.self)
    guard partition < partitionCount else {
      throw TierError(.invalidConfiguration, "cursor: it belongs to a search of more partitions")
    }
  }

  /// What records of a partition come behind.
  func place(inPartition index: Int) -> Query.Place {
    if index == partition { return Query.Place(timestamp: timestamp, offset: offset) }
    return Query.Place(timestamp: timestamp, offset: index < partition ? .min : .max)
  }
}

extension SearchRequest {
  /// A number for everything that decides which records answer and in which order; the limit does not.
  var question: UInt64 {
    var bytes: [UInt8] = [UInt8(truncatingIfNeeded: order.rawValue), key == nil ? 0 : 1]
    for number in [since, until, Int64(query.count)] { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }
    bytes += query + (key ?? [])
    return bytes.withUnsafeBytes { H64.hash($0) }
  }
}
