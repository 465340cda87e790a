import TierAPI
import TierKit

/// The partition as the SDK's protocol names it.
extension PartitionLog: TierPartition {
  package var state: PartitionState { currentState }

  package func close() { owner?.close(self) }

  package func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome {
    let limit = answer.remainingExtents
    var found: [FileRegion] = []
    let (outcome, slice) = try read(request, limit: limit) { found.append($0) }
    for region in found {
      answer.addFileRegion(
        fileDescriptor: region.descriptor, offset: region.position, byteCount: region.byteCount, owner: region.file)
    }
    if !found.isEmpty { answer.setOffsets(start: slice.startOffset, next: slice.nextOffset) }
    return outcome
  }

  package func segments(from offset: Int64, limit: Int) throws(TierError) -> [chronik_segment] {
    published.withLock { state in
      let last = state.segments.count - 1
      let found = state.segments.firstIndex { $0.tail.nextOffset > offset || $0.segment.baseOffset >= offset }
      guard let first = found else { return [] }
      return state.segments[first...].prefix(limit).enumerated().map { number, entry in
        var segment = chronik_segment()
        segment.base_offset = entry.segment.baseOffset
        segment.next_offset = entry.tail.nextOffset
        segment.byte_count = entry.tail.byteCount
        segment.max_timestamp = entry.tail.maxTimestamp
        segment.min_timestamp = entry.tail.firstTimestamp
        segment.last_leader_epoch = entry.tail.lastLeaderEpoch
        segment.flags = first + number == last ? 0 : CHRONIK_SEGMENT_SEALED
        return segment
      }
    }
  }
}
