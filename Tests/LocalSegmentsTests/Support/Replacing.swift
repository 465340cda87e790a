import TierAPI
import TierKit

@testable import LocalSegmentsCore

extension PartitionLog {
  /// Replaces [range) by these batches, lent as extents of `perExtent` batches each.
  func replace(_ range: Range<Int64>, with batches: [TestBatch], perExtent: Int = 2) throws(TierError) {
    let pieces = stride(from: 0, to: batches.count, by: perExtent).map { start in
      batches[start..<min(start + perExtent, batches.count)].flatMap(\.bytes)
    }
    let storage = pieces.map { piece in
      let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: piece.count)
      _ = copy.initialize(from: piece)
      return copy
    }
    defer { for copy in storage { copy.deallocate() } }
    let extents = storage.map { copy in
      var extent = chronik_extent()
      extent.kind = CHRONIK_EXTENT_MEMORY
      extent.fd = -1
      extent.ptr = UnsafePointer(copy.baseAddress)
      extent.len = copy.count
      return extent
    }
    let list = UnsafeMutableBufferPointer<chronik_extent>.allocate(capacity: extents.count)
    _ = list.initialize(from: extents)
    defer { list.deallocate() }
    try replaceSegments(range, with: UnsafeBufferPointer(list))
  }

  /// The sealed segments' ranges.
  var sealedRanges: [Range<Int64>] {
    get throws(TierError) {
      try segments(from: 0, limit: 1_000).filter { $0.flags & CHRONIK_SEGMENT_SEALED != 0 }
        .map { $0.base_offset..<$0.next_offset }
    }
  }
}

/// Those of the batches that a compaction keeps: every third, and whichever ends at `end`.
func thinned(_ batches: [TestBatch], keeping end: Int64) -> [TestBatch] {
  batches.filter { $0.baseOffset % 3 == 0 || $0.nextOffset == end }
}
