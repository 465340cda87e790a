import ArchiveFormat
import TierKit

/// What the store has, page by page, against what the index has.
struct StoreListing {
  /// Objects of this format.
  fileprivate(set) var objects: [ObjectName: IndexedObject] = [:]
  /// Partitions that are marked as deleted.
  private(set) var deletedPartitions: Set<PartitionID> = []
  /// Keys that are none of these.
  private(set) var foreign: [String] = []

  mutating func add(_ page: [ObjectInfo]) {
    for info in page {
      if let name = ObjectName(path: info.key) {
        objects[name] = IndexedObject(name: name, byteCount: Int64(info.byteCount))
      } else if let id = Tombstone.partition(ofKey: info.key) {
        deletedPartitions.insert(id)
      } else if info.key != StoreIdentity.key {
        foreign.append(info.key)
      }
    }
  }
}

extension StoreListing {
  /// Leaves out an object that is not what its name says.
  mutating func exclude(_ name: ObjectName) { objects[name] = nil }
}

extension IndexState {
  /// What has to change for this state to be what the listing shows. Objects that are being deleted stay that way, what
  /// lies below a partition's start goes, and so does everything of a partition with a mark, except a stale one where
  /// `isIntact`: this state is the one that was committed last. `isGone` says whether an entry's object is really not
  /// there; it is remembered as lost at the time `noticedAt`. With nil it is forgotten: for an index that may lack the
  /// record of its deletion.
  func changes(
    to listing: StoreListing, isIntact: Bool, noticedAt: Int64?, isGone: (IndexedObject) -> Bool
  ) -> [IndexChange] {
    let marked = isIntact ? listing.deletedPartitions.subtracting(staleMarks(listing)) : listing.deletedPartitions
    var changes: [IndexChange] = marked.subtracting(pendingPartitions).map { .deletePartition($0) }
    for object in listing.objects.values where !isBeingDeleted(object) && !marked.contains(object.id) {
      let known = self[object.id]
      if object.name.lastOffset < known?.clamp ?? 0 {
        changes.append(.deleteObject(key: object.key))
        if known?.objects[object.name] != nil { changes.append(.remove(object.name)) }
      } else if known?.objects[object.name]?.byteCount != object.byteCount {
        changes.append(.add(object))
      }
    }
    for partition in partitions.values where !marked.contains(partition.id) {
      for object in partition.objects.values where listing.objects[object.name] == nil && isGone(object) {
        changes.append(noticedAt.map { .lose(LostObject(object: object, noticedAt: $0)) } ?? .remove(object.name))
      }
    }
    return changes
  }

  /// Partitions with a mark that this state has, and no deletion of: the mark is of a deletion that was never accepted,
  /// and says nothing of what the partition holds. Only of an intact state.
  func staleMarks(_ listing: StoreListing) -> Set<PartitionID> {
    listing.deletedPartitions.filter { self[$0] != nil && !pendingPartitions.contains($0) }
  }

  func isBeingDeleted(_ object: IndexedObject) -> Bool {
    pendingObjects.contains(object.key) || pendingPartitions.contains(object.id)
  }
}
