// The segment index on disk: one file, written whole (a snapshot) and then appended to (the journal).
//
//   FILE    HEAD RECORD*                                                       integers little-endian
//   HEAD    "CHAI"  u32 2  u32 records of the snapshot  u32 CRC-32C of the 12 bytes before              16 bytes
//   RECORD  u32 length of the changes  u32 CRC-32C(u64 number of the record, then count and changes)
//           vi count, count x CHANGE                                           → IndexChange.swift
//
// Records are numbered from 0, so a record at the wrong place does not pass. A file is clean when it consists of
// nothing but good records and has at least those of its snapshot. Behind those an append that a power cut interrupted
// may have left a torn record: IndexFile+Torn.swift. Anything else is damage.
//
// Versions. 2 added the change 10 (lost objects); 1 is read as well, and written anew as 2 by the first commit, so that
// no change ever stands in a file whose version does not have it. A later version is refused at the start and left as
// it is. (A build that knows version 1 only takes the whole file for damaged and makes a new one from the store: it
// reads nothing wrong, the host tells the starts of its logs again, promised deletions of partitions are marked in the
// store, and what is forgotten is which objects were lost.)
import KafkaRecords

/// Reads and writes the bytes of the index file. Pure.
enum IndexFile {
  static let headByteCount = 16
  private static let magic: UInt32 = 0x4941_4843
  static let version: UInt32 = 2

  /// What a file holds.
  struct Content {
    var state = IndexState()
    /// Of the file; 0 when it has no readable head.
    var version: UInt32 = 0
    var recordCount = 0
    /// What is wrong behind the records that `state` was made of; nil for a clean file.
    var defect: String?
    /// The defect is an append that was never confirmed: `state` is all there is.
    var isTorn = false
    /// Bytes of the head and the records that `state` was made of.
    var byteCount = 0
  }

  /// A whole file with this state, and how many records it has.
  static func encode(_ state: IndexState) -> (bytes: [UInt8], recordCount: Int) {
    let changes = state.snapshot
    let records = stride(from: 0, to: changes.count, by: Limits.changesPerRecordMax).map {
      changes[$0..<min($0 + Limits.changesPerRecordMax, changes.count)]
    }
    var head = IndexOutput()
    head.append(fixed: magic)
    head.append(fixed: version)
    head.append(fixed: UInt32(records.count))
    head.append(fixed: checksum(head.bytes))
    var bytes = head.bytes
    for (number, record) in records.enumerated() { bytes += encode(record, number: number) }
    return (bytes, records.count)
  }

  /// One record.
  static func encode(_ changes: some Collection<IndexChange>, number: Int) -> [UInt8] {
    precondition(changes.count <= Limits.changesPerRecordMax)
    var content = IndexOutput()
    content.append(vi: UInt64(changes.count))
    for change in changes { change.encode(to: &content) }
    var record = IndexOutput()
    record.append(fixed: UInt32(content.bytes.count))
    record.append(fixed: checksum(numbered(number) + content.bytes))
    return record.bytes + content.bytes
  }

  /// Reads as far as the bytes are good.
  static func decode(_ bytes: [UInt8]) -> Content {
    var content = Content()
    var input = IndexInput(bytes[...])
    let snapshotCount: Int
    do throws(IndexDefect) {
      (content.version, snapshotCount) = try head(&input)
    } catch {
      content.defect = "no index file"
      return content
    }
    guard content.version <= version else { return content }
    // Collected first: applying each record on its own would sort a partition's objects once per record.
    var changes: [IndexChange] = []
    while input.remaining > 0 {
      let position = bytes.count - input.remaining
      do throws(IndexDefect) {
        changes += try record(&input, number: content.recordCount)
        content.recordCount += 1
      } catch {
        content.isTorn = content.recordCount >= snapshotCount && isTorn(bytes[position...], number: content.recordCount)
        let what = content.isTorn ? "was not written to its end" : "is damaged"
        content.defect = "record \(content.recordCount) at byte \(position) \(what)"
        content.byteCount = position
        break
      }
    }
    if content.defect == nil { content.byteCount = bytes.count }
    content.state.apply(changes)
    if content.defect == nil, content.recordCount < snapshotCount {
      content.defect = "the file ends after record \(content.recordCount) of \(snapshotCount)"
    }
    return content
  }

  private static func head(
    _ input: inout IndexInput
  ) throws(IndexDefect) -> (version: UInt32, snapshotCount: Int) {
    let raw = Array(try input.take(headByteCount))
    var fields = IndexInput(raw[...])
    guard try fields.fixed(UInt32.self) == magic else { throw IndexDefect() }
    let version = try fields.fixed(UInt32.self)
    let count = try fields.fixed(UInt32.self)
    guard version > 0, try fields.fixed(UInt32.self) == checksum(Array(raw[..<12])) else { throw IndexDefect() }
    return (version, Int(count))
  }

  static func record(_ input: inout IndexInput, number: Int) throws(IndexDefect) -> [IndexChange] {
    let byteCount = try input.fixed(UInt32.self)
    let stored = try input.fixed(UInt32.self)
    guard byteCount <= UInt32(Int32.max) else { throw IndexDefect() }
    let raw = try input.take(Int(byteCount))
    guard checksum(numbered(number) + raw) == stored else { throw IndexDefect() }
    var fields = IndexInput(raw)
    let count = try fields.vi()
    guard count <= UInt64(Limits.changesPerRecordMax) else { throw IndexDefect() }
    var changes: [IndexChange] = []
    for _ in 0..<count { changes.append(try IndexChange(&fields)) }
    guard fields.remaining == 0 else { throw IndexDefect() }
    return changes
  }

  private static func numbered(_ number: Int) -> [UInt8] {
    var output = IndexOutput()
    output.append(fixed: UInt64(number))
    return output.bytes
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.checksum($0) } }
}
