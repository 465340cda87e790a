import ArchiveFormat
import ArchiveSearch
import TierAPI
import TierKit

/// An open partition. What it holds is in the segment index; this has what belongs to the handle alone.
///
/// Other files have importing (`ArchivePartition+Import.swift`), reading and looking up, and deleting.
package final class ArchivePartition: TierPartition {
  let id: PartitionID
  let environment: ArchiveEnvironment
  /// Where the partition begins and ends as long as nothing is held.
  private let initialOffset: Int64
  let streams = Guarded(SequentialStreams())
  let importing = Guarded(ImportState())
  private let onClose: @Sendable (ArchivePartition) -> Void

  init(
    _ id: PartitionID, initialOffset: Int64, _ environment: ArchiveEnvironment,
    onClose: @escaping @Sendable (ArchivePartition) -> Void
  ) {
    self.id = id
    self.initialOffset = initialOffset
    self.environment = environment
    self.onClose = onClose
  }

  package func close() { onClose(self) }

  /// What the index has of this partition.
  var objects: PartitionObjects { environment.index[id] ?? PartitionObjects(id) }

  /// The offsets held; empty at its start when nothing is.
  func offsets(_ objects: PartitionObjects) -> Range<Int64> {
    if objects.isEmpty {
      let start = max(initialOffset, objects.clamp)
      return start..<max(start, objects.emptyEnd)
    }
    return objects.startOffset..<max(objects.startOffset, objects.endOffset)
  }

  package var state: PartitionState {
    let objects = objects
    let offsets = offsets(objects)
    var state = PartitionState(
      startOffset: offsets.lowerBound, endOffset: offsets.upperBound, durableEndOffset: offsets.upperBound, byteCount: 0
    )
    for object in objects.objects.values {
      state.byteCount += object.rawByteCount >= 0 ? object.rawByteCount : object.byteCount
    }
    for name in objects.cover.kept {
      guard let object = objects.objects[name], object.maxTimestamp > state.maxTimestamp else { continue }
      state.maxTimestamp = object.maxTimestamp
      // Before the footer was read, the object's first offset stands for the batch: whoever looks from there finds it.
      let exact = object.maxTimestampOffset
      state.maxTimestampOffset = max(exact >= 0 ? exact : name.baseOffset, offsets.lowerBound)
    }
    state.lastLeaderEpoch = objects.cover.kept.last.map(\.leaderEpoch) ?? -1
    return state
  }

  package func configure(_ settings: PartitionSettings) throws(TierError) {}

  package func segments(from offset: Int64, limit: Int) throws(TierError) -> [chronik_segment] {
    let objects = objects
    let start = max(offset, offsets(objects).lowerBound)
    var result: [chronik_segment] = []
    var next = Int64.min
    for object in objects.objects(in: start..<Int64.max) where object.name.lastOffset >= next {
      guard result.count < limit else { break }
      var segment = chronik_segment()
      // Objects that overlap are shown side by side.
      segment.base_offset = max(object.name.baseOffset, next)
      segment.next_offset = object.name.lastOffset + 1
      segment.byte_count = object.rawByteCount >= 0 ? object.rawByteCount : object.byteCount
      segment.max_timestamp = object.maxTimestamp
      segment.min_timestamp = object.minTimestamp
      segment.last_leader_epoch = object.name.leaderEpoch
      segment.flags = CHRONIK_SEGMENT_SEALED
      result.append(segment)
      next = segment.next_offset
    }
    return result
  }
}

extension ArchivePartition: SearchablePartition {
  package func objects(in range: Range<Int64>) -> [ObjectName] {
    let objects = objects
    let held = offsets(objects)
    let wanted = max(range.lowerBound, held.lowerBound)..<max(range.upperBound, held.lowerBound)
    return wanted.isEmpty ? [] : objects.objects(in: wanted).map(\.name)
  }

  package func reader(for object: ObjectName, _ call: StoreCall) throws(TierError) -> ArchiveReader<ObjectSource> {
    guard let known = objects.objects[object] else {
      throw TierError(.notFound, "\(object.path) is not archived any more")
    }
    let loaded = try environment.footers.load(known, call)
    return ArchiveReader(
      source: ObjectSource(object: known, chunks: environment.chunks, call: call), footer: loaded.footer,
      keyFilter: loaded.keyFilter)
  }

  package func forget(_ object: ObjectName) {
    environment.host.addToCounter("damaged_frames", 1)
    environment.chunks.drop(object)
    environment.footers.drop(object)
  }
}
