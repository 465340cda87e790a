// The two index files of a segment. Numbers are big-endian; both files hold nothing but entries.
//
//   .index, 8 bytes each                            .timeindex, 12 bytes each
//  ┌───────────────────────┬───────────────────┐   ┌───────────────────────┬────────────────────────┐
//  │ 0  relativeOffset int32│ 4  position int32 │   │ 0  timestamp     int64│ 8  relativeOffset int32 │
//  └───────────────────────┴───────────────────┘   └───────────────────────┴────────────────────────┘
//
// An entry of .index says: the batch that starts at byte `position` ends with the offset base + relativeOffset. Both
// numbers rise from entry to entry. To find an offset, take the last entry at or below it and walk on from there.
//
// An entry of .timeindex says: no record up to base + relativeOffset is later than `timestamp` (milliseconds). Times
// rise; offsets never fall. The last entry of a finished segment carries the largest time of all. To find a time, take
// the last entry at or below it, look its offset up in .index and walk on from there.
//
// Both are sparse: an entry about every index.interval.bytes. They can always be computed again from the log.

extension UnsafeRawPointer {
  func loadBigEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type) -> T {
    T(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}

/// What both kinds of entry have in common.
public protocol IndexEntry: Sendable, Equatable {
  static var byteCount: Int { get }
  /// `bytes` points at `byteCount` bytes.
  init(bytes: UnsafeRawPointer)
  /// Writes `byteCount` bytes.
  func write(to target: UnsafeMutableRawPointer)
  /// Whether `self` may stand behind `previous` in a file.
  func follows(_ previous: Self) -> Bool
}

public struct OffsetIndexEntry: IndexEntry {
  public static let byteCount = 8
  /// Last offset of a batch, counted from the segment's base offset.
  public var relativeOffset: Int32
  /// Byte of the log at which that batch starts.
  public var position: Int32

  public init(relativeOffset: Int32, position: Int32) {
    self.relativeOffset = relativeOffset
    self.position = position
  }

  public init(bytes: UnsafeRawPointer) {
    relativeOffset = bytes.loadBigEndian(at: 0, as: Int32.self)
    position = bytes.loadBigEndian(at: 4, as: Int32.self)
  }

  public func write(to target: UnsafeMutableRawPointer) {
    target.storeBytes(of: relativeOffset.bigEndian, toByteOffset: 0, as: Int32.self)
    target.storeBytes(of: position.bigEndian, toByteOffset: 4, as: Int32.self)
  }

  public func follows(_ previous: Self) -> Bool {
    relativeOffset > previous.relativeOffset && position > previous.position
  }
}

public struct TimeIndexEntry: IndexEntry {
  public static let byteCount = 12
  /// Milliseconds since 1970.
  public var timestamp: Int64
  /// Last offset of the batch that carries `timestamp`, counted from the segment's base offset.
  public var relativeOffset: Int32

  public init(timestamp: Int64, relativeOffset: Int32) {
    self.timestamp = timestamp
    self.relativeOffset = relativeOffset
  }

  public init(bytes: UnsafeRawPointer) {
    timestamp = bytes.loadBigEndian(at: 0, as: Int64.self)
    relativeOffset = bytes.loadBigEndian(at: 8, as: Int32.self)
  }

  public func write(to target: UnsafeMutableRawPointer) {
    target.storeBytes(of: timestamp.bigEndian, toByteOffset: 0, as: Int64.self)
    target.storeBytes(of: relativeOffset.bigEndian, toByteOffset: 8, as: Int32.self)
  }

  public func follows(_ previous: Self) -> Bool {
    timestamp > previous.timestamp && relativeOffset >= previous.relativeOffset
  }
}
