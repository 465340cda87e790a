// A file of the shared commit log: what a flush of many partitions made durable with one sync, before the segment files
// themselves are. Numbers are big-endian. The files (commit-log-00, -01, …) are preallocated with zeros and used again
// and again; each use is a generation with a number of its own, so that what an earlier use left is never taken for
// part of a later one.
//
//  file                                    file header, 64 bytes, twice
//  ┌────────────────────────────┐          ┌──────────────────────────────────────────────────┐
//  │ 0     header, copy 1       │          │ 0  magic "CHRNKCLG"         8  version       u32 │
//  │ 2048  header, copy 2       │          │ 12 zero                     16 generation    u64 │
//  │ 4096  entries              │          │ 24 zeros                    60 CRC-32C of 0..<60 │
//  └────────────────────────────┘          └──────────────────────────────────────────────────┘
//
//  entry, at a multiple of 8
//  ┌─────────────────────────────────────────────────────────────────────────────────────────────┐
//  │ 0  magic "CLEN" u32      4  CRC-32C of all that follows, name and data included         u32 │
//  │ 8  generation   u64      16 sequence in the generation, from 0 on                       u64 │
//  │ 24 kind u8   25 name bytes u8   26 zero u16                                  28 data bytes u32 │
//  │ 32 topic id  16 bytes    48 partition i32    52 zero u32                                     │
//  │ 56 base offset i64       64 position i64     72 topic name, data, zeros to a multiple of 8   │
//  └─────────────────────────────────────────────────────────────────────────────────────────────┘
//
//  kind 1  data     the bytes at `position` of the segment that begins at `base offset`: whole batches
//  kind 2  release  entries of this partition so far, for segments that begin below `base offset`, count no more
//  kind 3  padding  fills the rest of a page, so that every flush begins with a page of its own
//  kind 4  begin    first of a generation: `base offset` is the generation before, `position` its number of entries
//
// A flush writes its entries, then padding, then syncs. The header's generation is raised, durably, when everything in
// a file is in synced segment files: then the file counts as empty, whatever stands behind the header. Reading ends at
// the first entry that is not whole, has another generation or is out of sequence. If two header copies differ, a power
// cut came between them and the higher generation holds.

import KafkaRecords

public enum CommitLogFormat {
  public static let headerByteCount = 64
  public static let secondHeaderPosition = 2048
  /// Where entries begin, and what every flush is rounded up to.
  public static let pageByteCount = 4096
  public static let entryHeaderByteCount = 72
  /// The most data of one entry; a reader needs no more memory than this and a header.
  public static let dataByteCountMax = 1 << 20
  public static let version: UInt32 = 1
  static let magic: UInt64 = 0x4348_524E_4B43_4C47
  static let entryMagic: UInt32 = 0x434C_454E

  /// Bytes of an entry in the file.
  public static func entryByteCount(name: Int, data: Int) -> Int {
    (entryHeaderByteCount + name + data + 7) / 8 * 8
  }

  /// `commit-log-07`
  public static func fileName(_ number: Int) -> String { "commit-log-" + (number < 10 ? "0" : "") + String(number) }

  /// The number in such a name; nil for any other.
  public static func parse(fileName: String) -> Int? {
    guard fileName.hasPrefix("commit-log-"), let number = Int(fileName.dropFirst(11)), number >= 0,
      Self.fileName(number) == fileName
    else { return nil }
    return number
  }

  /// The first page of a file whose entries have this generation.
  public static func firstPage(generation: UInt64) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: pageByteCount)
    page.withUnsafeMutableBytes { raw in
      for start in [0, secondHeaderPosition] {
        raw.storeBytes(of: magic.bigEndian, toByteOffset: start, as: UInt64.self)
        raw.storeBytes(of: version.bigEndian, toByteOffset: start + 8, as: UInt32.self)
        raw.storeBytes(of: generation.bigEndian, toByteOffset: start + 16, as: UInt64.self)
        let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: raw[start..<(start + 60)]))
        raw.storeBytes(of: crc.bigEndian, toByteOffset: start + 60, as: UInt32.self)
      }
    }
    return page
  }

  /// What a file's first page says about it.
  public enum Header: Sendable, Equatable {
    /// A commit log whose entries have this generation.
    case generation(UInt64)
    /// Zeros or nothing: a file that was being made.
    case blank
    /// A commit log of another version.
    case otherVersion(UInt32)
    /// Something else, or damaged in both copies.
    case none
  }

  public static func header(firstPage: UnsafeRawBufferPointer) -> Header {
    var found: UInt64?
    var otherVersion: UInt32?
    for start in [0, secondHeaderPosition] where firstPage.count >= start + headerByteCount {
      let copy = UnsafeRawBufferPointer(rebasing: firstPage[start..<(start + headerByteCount)])
      let base = copy.baseAddress!
      guard base.loadBigEndian(at: 0, as: UInt64.self) == magic else { continue }
      let version = base.loadBigEndian(at: 8, as: UInt32.self)
      if version != Self.version { otherVersion = version }
      guard version == Self.version,
        base.loadBigEndian(at: 60, as: UInt32.self) == CRC32C.checksum(UnsafeRawBufferPointer(rebasing: copy[..<60]))
      else { continue }
      found = max(found ?? 0, base.loadBigEndian(at: 16, as: UInt64.self))
    }
    if let found { return .generation(found) }
    if let otherVersion { return .otherVersion(otherVersion) }
    return firstPage.allSatisfy { $0 == 0 } ? .blank : .none
  }
}

/// What stands in front of an entry's name and data.
public struct CommitLogEntry: Sendable, Equatable {
  public enum Kind: UInt8, Sendable {
    case data = 1
    case release, padding, begin
  }

  public var kind: Kind
  public var generation: UInt64
  public var sequence: UInt64
  /// 16 bytes.
  public var topicID: [UInt8]
  public var partition: Int32
  public var baseOffset: Int64
  public var position: Int64
  public var nameByteCount: Int
  public var dataByteCount: Int

  public init(
    _ kind: Kind, generation: UInt64, sequence: UInt64, topicID: [UInt8] = [UInt8](repeating: 0, count: 16),
    partition: Int32 = 0, baseOffset: Int64 = 0, position: Int64 = 0, nameByteCount: Int = 0, dataByteCount: Int = 0
  ) {
    precondition(topicID.count == 16 && nameByteCount <= 255 && dataByteCount <= CommitLogFormat.dataByteCountMax)
    self.kind = kind
    self.generation = generation
    self.sequence = sequence
    self.topicID = topicID
    self.partition = partition
    self.baseOffset = baseOffset
    self.position = position
    self.nameByteCount = nameByteCount
    self.dataByteCount = dataByteCount
  }

  /// Bytes of the whole entry.
  public var byteCount: Int { CommitLogFormat.entryByteCount(name: nameByteCount, data: dataByteCount) }

  /// The header at `bytes`, which holds at least 72 bytes; nil when it is none. The checksum is not looked at.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= CommitLogFormat.entryHeaderByteCount else { return nil }
    let base = bytes.baseAddress!
    let dataByteCount = base.loadBigEndian(at: 28, as: UInt32.self)
    guard base.loadBigEndian(at: 0, as: UInt32.self) == CommitLogFormat.entryMagic,
      let kind = Kind(rawValue: bytes[24]),
      dataByteCount <= CommitLogFormat.dataByteCountMax
    else { return nil }
    self.kind = kind
    generation = base.loadBigEndian(at: 8, as: UInt64.self)
    sequence = base.loadBigEndian(at: 16, as: UInt64.self)
    topicID = Array(bytes[32..<48])
    partition = base.loadBigEndian(at: 48, as: Int32.self)
    baseOffset = base.loadBigEndian(at: 56, as: Int64.self)
    position = base.loadBigEndian(at: 64, as: Int64.self)
    nameByteCount = Int(bytes[25])
    self.dataByteCount = Int(dataByteCount)
  }

  /// Where the data begins, counted from the entry.
  public var dataStart: Int { CommitLogFormat.entryHeaderByteCount + nameByteCount }

  /// Writes everything around name and data, which stand in `target` already, and the checksum over all of it. `target`
  /// holds `byteCount` bytes.
  public func seal(_ target: UnsafeMutableRawBufferPointer) {
    precondition(target.count == byteCount)
    let base = target.baseAddress!
    base.storeBytes(of: CommitLogFormat.entryMagic.bigEndian, as: UInt32.self)
    base.storeBytes(of: generation.bigEndian, toByteOffset: 8, as: UInt64.self)
    base.storeBytes(of: sequence.bigEndian, toByteOffset: 16, as: UInt64.self)
    base.storeBytes(of: kind.rawValue, toByteOffset: 24, as: UInt8.self)
    base.storeBytes(of: UInt8(nameByteCount), toByteOffset: 25, as: UInt8.self)
    base.storeBytes(of: 0, toByteOffset: 26, as: UInt16.self)
    base.storeBytes(of: UInt32(dataByteCount).bigEndian, toByteOffset: 28, as: UInt32.self)
    topicID.withUnsafeBytes { (base + 32).copyMemory(from: $0.baseAddress!, byteCount: 16) }
    base.storeBytes(of: partition.bigEndian, toByteOffset: 48, as: Int32.self)
    base.storeBytes(of: 0, toByteOffset: 52, as: UInt32.self)
    base.storeBytes(of: baseOffset.bigEndian, toByteOffset: 56, as: Int64.self)
    base.storeBytes(of: position.bigEndian, toByteOffset: 64, as: Int64.self)
    let end = dataStart + dataByteCount
    for index in end..<target.count { target[index] = 0 }
    let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: target[8...]))
    base.storeBytes(of: crc.bigEndian, toByteOffset: 4, as: UInt32.self)
  }

  /// Whether the checksum of a whole entry is right.
  static func isWhole(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.baseAddress!.loadBigEndian(at: 4, as: UInt32.self)
      == CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[8...]))
  }
}
