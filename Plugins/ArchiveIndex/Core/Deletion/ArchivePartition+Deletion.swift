import ArchiveFormat
import TierKit

extension ArchivePartition {
  /// Nothing below `offset` is read again once this has returned; the objects follow in the background, also after a
  /// restart.
  package func advanceStart(to offset: Int64) throws(TierError) {
    let objects = objects
    let held = offsets(objects)
    guard offset <= held.upperBound else {
      throw TierError(
        .permanent, "\(id.topic)-\(id.partition): offset \(offset) is beyond the end at \(held.upperBound)")
    }
    // What was lost below a start that is none of the host's doing is given up only when the host says so.
    let givesUpLost = offset > objects.clamp && objects.lost.keys.contains { $0.baseOffset < offset }
    guard offset > held.lowerBound || givesUpLost else { return }
    let changes = try environment.index.commit { state in
      state.removal(of: id, below: offset)
    }
    for case .remove(let name) in changes { environment.forget(name) }
    environment.deletions.wake()
    if givesUpLost { environment.noteLostObjects() }
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
  func noteLostObjects() { host.setGauge("lost_objects", Int64(index.current.lostObjectCount)) }

  /// Drops what local memory and disk have of an object that is going.
  func forget(_ name: ObjectName) {
    footers.drop(name)
    chunks.drop(name)
  }
}
