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
    let doubtful = doubtful(objects, below: offset)
    let changes = try environment.index.commit { state in
      state.removal(of: id, below: offset, except: doubtful)
    }
    for case .remove(let name) in changes { environment.forget(name) }
    environment.deletions.wake()
    if givesUpLost { environment.noteLostObjects() }
  }

  /// Objects that are known by their names alone and may be others: nothing is deleted on a name's word. Those that a
  /// store which does not answer leaves in doubt stay until the start moves again.
  private func doubtful(_ objects: PartitionObjects, below offset: Int64) -> Set<ObjectName> {
    let unread = objects.objects.values.filter { $0.name.lastOffset < offset && $0.rawByteCount < 0 }
    do throws(TierError) {
      let footers = try environment.foundFooters(of: unread) { _ in }
      return Set(
        unread.compactMap { object in
          guard case .misnamed(let footer)? = footers[object.name] else { return nil }
          _ = environment.misnamed.reject(object, footer)
          return object.name
        })
    } catch {
      environment.host.log(
        .warning, "Objects below the start are kept: they could not be read, and nobody has since the index was lost.",
        [("partition", "\(id.topic)-\(id.partition)"), ("objects", String(unread.count)), ("error", error.message)])
      return Set(unread.map(\.name))
    }
  }
}

extension IndexState {
  /// Changes that raise a partition's start and let go of the objects wholly below it.
  func removal(of id: PartitionID, below offset: Int64, except doubtful: Set<ObjectName> = []) -> [IndexChange] {
    var changes = [IndexChange.start(id, offset)]
    for object in self[id]?.objects.values ?? [:].values
    where object.name.lastOffset < offset && !doubtful.contains(object.name) {
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
