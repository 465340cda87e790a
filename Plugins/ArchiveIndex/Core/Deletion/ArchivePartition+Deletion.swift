import ArchiveFormat
import TierKit

extension ArchivePartition {
  /// Nothing below `offset` is read again once this has returned; the objects follow in the background, also after a
  /// restart.
  package func advanceStart(to offset: Int64) throws(TierError) {
    let held = offsets(objects)
    guard offset <= held.upperBound else {
      throw TierError(.permanent, "\(id.topic)-\(id.partition): offset \(offset) is beyond the end at \(held.upperBound)")
    }
    guard offset > held.lowerBound else { return }
    let changes = try environment.index.commit { state in
      state.removal(of: id, below: offset)
    }
    for case .remove(let name) in changes { environment.forget(name) }
    environment.deletions.wake()
  }
}

extension IndexState {
  /// Changes that raise a partition's start and let go of the objects wholly below it.
  func removal(of id: PartitionID, below offset: Int64) -> [IndexChange] {
    var changes = [IndexChange.start(id, offset)]
    for object in self[id]?.objects.values ?? [:].values where object.name.lastOffset < offset {
      changes += [.remove(object.name), .deleteObject(key: object.key)]
    }
    return changes
  }
}

extension ArchiveEnvironment {
  /// Drops what local memory and disk have of an object that is going.
  func forget(_ name: ObjectName) {
    footers.drop(name)
    chunks.drop(name)
  }
}
