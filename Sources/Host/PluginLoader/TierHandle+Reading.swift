import TierAPI

/// One run of bytes of a read answer. The reference that the tier gave is released when the last holder of this object
/// lets go, on whatever thread that is.
public final class Extent: @unchecked Sendable {
  public let raw: chronik_extent

  init(_ raw: chronik_extent) { self.raw = raw }

  public var byteCount: Int { raw.len }
  public var isFileRegion: Bool { raw.kind == CHRONIK_EXTENT_FILE }
  /// The bytes of a memory extent; empty for a file region.
  public var memory: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: isFileRegion ? nil : raw.ptr, count: isFileRegion ? 0 : raw.len)
  }

  deinit { raw.release?(raw.owner) }
}

/// What a tier answered to a read.
public enum ReadReply: Sendable {
  /// Whole batches. `extents` is empty when no batch fits the limits.
  case batches(extents: [Extent], startOffset: Int64, nextOffset: Int64, byteCount: Int)
  case miss
  case wouldBlock
}

extension TierPartition {
  /// Extents that one read can answer with; a tier that needs more ends its answer there.
  public static let extentCountMax = 64

  /// Whole batches from the one that contains `offset`. May block unless `nonblocking`. Any thread.
  public func read(
    offset: Int64, endOffset: Int64, maxBytes: Int, minOneBatch: Bool, nonblocking: Bool
  ) throws(TierFailure) -> ReadReply {
    var request = chronik_read_request(
      struct_size: UInt32(MemoryLayout<chronik_read_request>.size), flags: nonblocking ? CHRONIK_NONBLOCKING : 0,
      offset: offset, end_offset: endOffset, max_bytes: UInt64(max(maxBytes, 0)), min_one_batch: minOneBatch ? 1 : 0,
      reserved: 0)
    var outcome: Result<ReadReply, TierFailure> = .success(.miss)
    withUnsafeTemporaryAllocation(of: chronik_extent.self, capacity: Self.extentCountMax) { extents in
      var result = chronik_read_result(
        struct_size: UInt32(MemoryLayout<chronik_read_result>.size), capacity: UInt32(Self.extentCountMax),
        extent_count: 0, reserved: 0, extents: extents.baseAddress!, start_offset: -1, next_offset: -1, byte_count: 0)
      outcome = Result { () throws(TierFailure) in
        let status = try tier.answer("read") { tier.table.pointee.read(tier.me, raw, &request, &result, $0) }
        switch status {
        case CHRONIK_OK: return try checked(result, offset: offset, endOffset: endOffset)
        case CHRONIK_MISS: return .miss
        default:
          if nonblocking { return .wouldBlock }
          throw blockedAnswer("read")
        }
      }
    }
    return try outcome.get()
  }

  /// The answer must begin at or before the wanted offset, stay below the bound and not be longer than it says.
  private func checked(
    _ result: chronik_read_result, offset: Int64, endOffset: Int64
  ) throws(TierFailure) -> ReadReply {
    guard result.extent_count <= result.capacity else {
      throw TierFailure(.permanent, origin: "\(tier.name).read", message: "filled more extents than it was given")
    }
    let extents = (0..<Int(result.extent_count)).map { Extent(result.extents[$0]) }
    if extents.isEmpty { return .batches(extents: [], startOffset: offset, nextOffset: offset, byteCount: 0) }
    let byteCount = extents.reduce(0) { $0 + $1.byteCount }
    guard result.start_offset <= offset, result.next_offset > offset, UInt64(byteCount) == result.byte_count else {
      throw TierFailure(
        .permanent, origin: "\(tier.name).read",
        message: "answered [\(result.start_offset), \(result.next_offset)) of \(result.byte_count) bytes "
          + "to a read at \(offset) below \(endOffset)")
    }
    return .batches(
      extents: extents, startOffset: result.start_offset, nextOffset: result.next_offset, byteCount: byteCount)
  }

  public enum TimestampReply: Sendable, Equatable {
    case found(baseOffset: Int64, maxTimestamp: Int64)
    case miss
    case wouldBlock
    /// The tier has no such function; scan with read.
    case notOffered
  }

  /// The first batch in `range` whose maxTimestamp reaches `timestamp` (ms).
  public func findTimestamp(
    _ timestamp: Int64, in range: Range<Int64>, nonblocking: Bool
  ) throws(TierFailure) -> TimestampReply {
    guard let find = tier.table.pointee.find_timestamp else { return .notOffered }
    var request = chronik_timestamp_request(
      struct_size: UInt32(MemoryLayout<chronik_timestamp_request>.size), flags: nonblocking ? CHRONIK_NONBLOCKING : 0,
      timestamp: timestamp, start_offset: range.lowerBound, end_offset: range.upperBound)
    var result = chronik_timestamp_result()
    result.struct_size = UInt32(MemoryLayout<chronik_timestamp_result>.size)
    switch try tier.answer("find_timestamp", { find(tier.me, raw, &request, &result, $0) }) {
    case CHRONIK_OK: return .found(baseOffset: result.base_offset, maxTimestamp: result.max_timestamp)
    case CHRONIK_MISS: return .miss
    default:
      if nonblocking { return .wouldBlock }
      throw blockedAnswer("find_timestamp")
    }
  }

  private func blockedAnswer(_ function: String) -> TierFailure {
    TierFailure(
      .permanent, origin: "\(tier.name).\(function)", message: "answered WOULD_BLOCK to a call that may block")
  }
}
