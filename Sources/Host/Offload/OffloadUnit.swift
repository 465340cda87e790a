import Glibc
import KafkaRecords
import PluginLoader
import TierAPI

/// The batches of one copy, as the giving tier answered them, and what the taking tier is told about them.
struct OffloadUnit: Sendable {
  let extents: [Extent]
  let segment: chronik_segment

  var byteCount: Int64 { segment.byte_count }

  /// Reads whole batches of `[from, to)` from `upper`, verbatim, until there are `byteCount` bytes, at least one batch;
  /// nil when the range has none (a rewrite removed them all).
  ///
  /// `continues`: the taking tier ends at `from`, so no batch may begin before it. Every header is looked at: offsets
  /// must ascend and lie within the range. Throws CORRUPT when they do not, or when the tier has nothing there. Blocks.
  static func read(
    from upper: TierPartition, _ from: Int64, to end: Int64, byteCount wanted: Int64, continues: Bool
  ) throws(TierFailure) -> OffloadUnit? {
    var scan = HeaderScan(from: from, to: end, continues: continues)
    var extents: [Extent] = []
    var position = from
    while position < end, extents.isEmpty || scan.byteCount < wanted {
      let left = max(0, wanted - scan.byteCount)
      let reply = try upper.read(
        offset: position, endOffset: end, maxBytes: Int(clamping: left), minOneBatch: extents.isEmpty,
        nonblocking: false)
      guard case .batches(let found, _, let next, _) = reply, found.isEmpty || next > position else {
        throw corrupt(upper, "offset \(position) of a finished segment cannot be read")
      }
      // The next batch does not fit, or there is none.
      if found.isEmpty { break }
      for extent in found {
        do { try scan.add(extent) } catch { throw corrupt(upper, error.reason) }
      }
      extents += found
      position = next
    }
    return extents.isEmpty ? nil : OffloadUnit(extents: extents, segment: scan.segment)
  }

  private static func corrupt(_ upper: TierPartition, _ message: String) -> TierFailure {
    TierFailure(.corrupt, origin: "\(upper.tier.name).read", message: message)
  }
}

/// Walks over batch headers without reading what lies between them.
private struct HeaderScan {
  struct Problem: Error { var reason: String }

  let end: Int64
  let continues: Bool
  private let from: Int64
  private(set) var byteCount: Int64 = 0
  private var firstOffset: Int64?
  private var nextOffset: Int64
  private var firstTimestamp: Int64 = -1
  private var maxTimestamp: Int64 = -1
  private var leaderEpoch: Int32 = -1

  init(from: Int64, to end: Int64, continues: Bool) {
    self.from = from
    self.end = end
    self.continues = continues
    nextOffset = from
  }

  /// A unit that continues what is below begins exactly there, also when records in front of its first batch are gone.
  var segment: chronik_segment {
    chronik_segment(
      base_offset: continues ? from : firstOffset ?? from, next_offset: nextOffset, byte_count: byteCount,
      max_timestamp: maxTimestamp, min_timestamp: firstTimestamp, last_leader_epoch: leaderEpoch,
      flags: CHRONIK_SEGMENT_SEALED, reserved: (0, 0))
  }

  mutating func add(_ extent: Extent) throws(Problem) {
    var window = ByteWindow(extent)
    var position = 0
    while position < extent.byteCount {
      let header: RecordBatchHeader
      do {
        header = try window.header(at: position)
      } catch {
        throw Problem(reason: "behind offset \(nextOffset): \(error)")
      }
      let isFirst = firstOffset == nil
      guard header.byteCount <= extent.byteCount - position, header.nextOffset <= end,
        header.baseOffset >= nextOffset || (isFirst && !continues && header.nextOffset > nextOffset)
      else {
        throw Problem(
          reason: "behind offset \(nextOffset) follows a batch of [\(header.baseOffset), \(header.nextOffset)) "
            + "and \(header.byteCount) bytes")
      }
      if isFirst {
        firstOffset = header.baseOffset
        firstTimestamp = header.baseTimestamp
      }
      nextOffset = header.nextOffset
      maxTimestamp = max(maxTimestamp, header.maxTimestamp)
      leaderEpoch = header.partitionLeaderEpoch
      byteCount += Int64(header.byteCount)
      position += header.byteCount
    }
  }
}

/// Headers of an extent; of a file region only the pages around them are read.
private struct ByteWindow {
  private static let byteCount = 64 * 1024
  private let extent: Extent
  private var buffer: [UInt8] = []
  /// Of the buffer's first byte within the extent.
  private var start = 0

  init(_ extent: Extent) { self.extent = extent }

  mutating func header(at position: Int) throws -> RecordBatchHeader {
    guard extent.isFileRegion else {
      return try RecordBatchHeader(parsing: UnsafeRawBufferPointer(rebasing: extent.memory[position...]))
    }
    let needed = min(RecordBatchHeader.byteCount, extent.byteCount - position)
    if position < start || position + needed > start + buffer.count { try fill(at: position) }
    return try buffer.withUnsafeBytes { bytes in
      try RecordBatchHeader(parsing: UnsafeRawBufferPointer(rebasing: bytes[(position - start)...]))
    }
  }

  private mutating func fill(at position: Int) throws {
    start = position
    buffer = [UInt8](repeating: 0, count: min(Self.byteCount, extent.byteCount - position))
    var filled = 0
    while filled < buffer.count {
      let offset = off_t(extent.raw.file_offset) + off_t(position + filled)
      let count = buffer.withUnsafeMutableBytes {
        pread(extent.raw.fd, $0.baseAddress! + filled, $0.count - filled, offset)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw TierFailure(
          .retriable, origin: "extent", message: count == 0 ? "the file ends early" : String(cString: strerror(errno)))
      }
      filled += count
    }
  }
}
