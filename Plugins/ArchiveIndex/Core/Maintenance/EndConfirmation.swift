import ArchiveFormat
import TierKit

extension ArchiveEnvironment {
  /// Reads the footers of the objects that say where partitions begin and end, as far as only their names are known: a
  /// misnamed one must not move either. With `id` of that partition alone. Blocks. Throws what the store throws; of one
  /// that is damaged or gone it warns.
  func confirmEnds(of id: PartitionID? = nil) throws(TierError) {
    var asked = Set<ObjectName>()
    while true {
      let state = index.current
      let partitions = id.map { [state[$0]].compactMap { $0 } } ?? Array(state.partitions.values)
      let objects = partitions.flatMap(\.unconfirmedEnds).filter { asked.insert($0.name).inserted }
      if objects.isEmpty { return }
      let work = ParallelWork<IndexedObject?>(width: Limits.footerReadsMax)
      try work.run(objects.count) { [self] (number) throws(TierError) in
        let object = objects[number]
        if let completed = try completed(object) { return completed }
        warnUnlessRejected(object)
        return nil
      } receive: { (completed, _) throws(TierError) in
        _ = try record(completed.compactMap { $0 })
        return true
      }
    }
  }

  private func warnUnlessRejected(_ object: IndexedObject) {
    guard index[object.id]?.objects[object.name] != nil else { return }
    host.log(
      .warning, "The object that says where a partition begins or ends cannot be read; its name is believed.",
      [("object", object.key)])
  }
}

extension PartitionObjects {
  /// The first and the last object in use, where only their names are known.
  fileprivate var unconfirmedEnds: [IndexedObject] {
    let first = cover.kept.min { $0.baseOffset < $1.baseOffset }
    let last = cover.kept.last
    return [last, first == last ? nil : first].compactMap { $0.flatMap { objects[$0] } }.filter { $0.rawByteCount < 0 }
  }
}
