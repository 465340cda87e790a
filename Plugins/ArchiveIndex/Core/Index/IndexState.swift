import ArchiveFormat
import TierKit

/// What is archived of one partition.
package struct PartitionObjects: Sendable, Equatable {
  package let id: PartitionID
  /// Every object that may be read, those that others cover included.
  package private(set) var objects: [ObjectName: IndexedObject] = [:]
  /// The objects in use, by last offset. Their ranges may overlap.
  package private(set) var cover = ObjectCover([])
  /// Nothing below is read: what DeleteRecords and retention have decided.
  package fileprivate(set) var clamp: Int64 = 0
  /// Offsets up to here were imported without a batch in them.
  package fileprivate(set) var emptyEnd: Int64 = 0
  /// Objects that the store has lost. Nothing is read by this.
  package fileprivate(set) var lost: [ObjectName: LostObject] = [:]

  init(_ id: PartitionID) { self.id = id }

  package var isEmpty: Bool { objects.isEmpty }
  /// First offset that can be read, when there are objects.
  package var startOffset: Int64 { max(clamp, cover.kept.map(\.baseOffset).min() ?? 0) }
  /// Behind the last offset, when there are objects.
  package var endOffset: Int64 { max(clamp, emptyEnd, (cover.kept.last?.lastOffset ?? -1) + 1) }

  /// The object that holds `offset`, or the first one behind it; nil behind the end.
  package func object(for offset: Int64) -> IndexedObject? { cover.object(for: offset).flatMap { objects[$0] } }

  /// Objects in use that hold offsets of the range, by offset.
  package func objects(in range: Range<Int64>) -> [IndexedObject] {
    let first = cover.kept.partitioningIndex { $0.lastOffset >= range.lowerBound }
    return cover.kept[first...].filter { $0.baseOffset < range.upperBound }.compactMap { objects[$0] }
  }

  /// What was lost and is still missing: the offsets at or above the start that no other object has. By offset.
  package var holes: [(lost: LostObject, offsets: [Range<Int64>])] {
    lost.values.sorted { $0.object.name.baseOffset < $1.object.name.baseOffset }.compactMap { lost in
      let offsets = lost.object.name.offsets
      guard offsets.upperBound > clamp else { return nil }
      let missing = cover.missing(in: max(offsets.lowerBound, clamp)..<offsets.upperBound)
      return missing.isEmpty ? nil : (lost, missing)
    }
  }

  /// Offsets between objects that nobody ever knew an object of.
  package var gaps: [Range<Int64>] {
    let known = lost.isEmpty ? cover : ObjectCover(Array(objects.keys) + Array(lost.keys))
    return known.gaps.filter { $0.upperBound > clamp }
  }

  /// Objects in use that may hold records of `times` (milliseconds since 1970), by offset.
  package func objects(times: ClosedRange<Int64>) -> [IndexedObject] {
    cover.kept.compactMap { objects[$0] }.filter {
      $0.name.maxTimestamp >= times.lowerBound && ($0.minTimestamp < 0 || $0.minTimestamp <= times.upperBound)
    }
  }

  /// Returns what was known under that name.
  @discardableResult
  fileprivate mutating func set(_ object: IndexedObject?, for name: ObjectName) -> IndexedObject? {
    guard let object else { return objects.removeValue(forKey: name) }
    return objects.updateValue(object, forKey: name)
  }
  fileprivate mutating func giveUpLost(below offset: Int64) {
    if !lost.isEmpty { lost = lost.filter { $0.key.lastOffset >= offset } }
  }
  fileprivate mutating func refresh() { cover = ObjectCover(Array(objects.keys)) }
}

/// The segment index: a value that changes are applied to. Pure.
package struct IndexState: Sendable, Equatable {
  package private(set) var partitions: [PartitionID: PartitionObjects] = [:]
  /// Keys of objects that readers no longer see and the store may still have.
  package private(set) var pendingObjects: Set<String> = []
  /// Partitions of which the store may still have something.
  package private(set) var pendingPartitions: Set<PartitionID> = []

  /// The id of the store that this describes; nil until it was asked. It never changes.
  package private(set) var storeID: String?

  package init() {}

  package var objectCount: Int { partitions.values.reduce(0) { $0 + $1.objects.count } }
  /// True when nothing is said about any object.
  package var isEmpty: Bool { objectCount == 0 && pendingDeletionCount == 0 && lostObjectCount == 0 }
  package var lostObjectCount: Int { partitions.values.reduce(0) { $0 + $1.lost.count } }
  package var pendingDeletionCount: Int { pendingObjects.count + pendingPartitions.count }

  package subscript(id: PartitionID) -> PartitionObjects? { partitions[id] }

  /// Applies all changes, in order.
  package mutating func apply(_ changes: some Sequence<IndexChange>) {
    var changed = Set<PartitionID>()
    for change in changes { apply(change, &changed) }
    for id in changed { partitions[id]?.refresh() }
  }

  private mutating func apply(_ change: IndexChange, _ changed: inout Set<PartitionID>) {
    switch change {
    case .add(let object):
      // What is learned about a known object does not change which objects are in use.
      if partitions[object.id, default: PartitionObjects(object.id)].set(object, for: object.name) == nil {
        changed.insert(object.id)
        partitions[object.id]?.lost[object.name] = nil
      }
    case .lose(let lost):
      let id = lost.object.id
      partitions[id, default: PartitionObjects(id)].set(nil, for: lost.object.name)
      let clamp = partitions[id]?.clamp ?? 0
      if lost.object.name.lastOffset >= clamp { partitions[id]?.lost[lost.object.name] = lost }
      changed.insert(id)
    case .remove(let name):
      let id = PartitionID(topic: name.topic, topicID: name.topicID, partition: name.partition)
      partitions[id]?.set(nil, for: name)
      partitions[id]?.lost[name] = nil
      changed.insert(id)
    case .start(let id, let offset):
      let known = partitions[id]?.clamp ?? 0
      partitions[id, default: PartitionObjects(id)].clamp = max(known, offset)
      partitions[id]?.giveUpLost(below: offset)
    case .emptyEnd(let id, let offset):
      let known = partitions[id]?.emptyEnd ?? 0
      partitions[id, default: PartitionObjects(id)].emptyEnd = max(known, offset)
    case .deleteObject(let key): pendingObjects.insert(key)
    case .objectDeleted(let key): pendingObjects.remove(key)
    case .deletePartition(let id):
      partitions[id] = nil
      changed.remove(id)
      let directory = ObjectName.directory(topic: id.topic, topicID: id.topicID, partition: id.partition)
      pendingObjects = pendingObjects.filter { !$0.hasPrefix(directory) }
      pendingPartitions.insert(id)
    case .partitionDeleted(let id): pendingPartitions.remove(id)
    case .storeID(let id): storeID = storeID ?? id
    }
  }

  /// Changes that make this state from an empty one.
  package var snapshot: [IndexChange] {
    var changes = storeID.map { [IndexChange.storeID($0)] } ?? []
    changes += pendingPartitions.map { .deletePartition($0) }
    for partition in partitions.values {
      if partition.clamp > 0 { changes.append(.start(partition.id, partition.clamp)) }
      if partition.emptyEnd > 0 { changes.append(.emptyEnd(partition.id, partition.emptyEnd)) }
      changes += partition.objects.values.map { .add($0) }
      changes += partition.lost.values.map { .lose($0) }
    }
    changes += pendingObjects.map { .deleteObject(key: $0) }
    return changes
  }
}

extension Array {
  /// The first index whose element satisfies `predicate`, which no element before and every one after does; `count`
  /// when none does.
  func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
