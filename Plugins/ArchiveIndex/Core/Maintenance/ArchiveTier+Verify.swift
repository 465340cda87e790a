import ArchiveFormat
import TierKit

extension ArchiveTier {
  package func verify(
    readsEverything: Bool, progress: (UInt64, UInt64) -> Bool, _ visit: (ArchiveFinding) -> Void
  ) throws(TierError) -> ArchiveSummary {
    try withMeter(progress) { (meter) throws(TierError) in
      var count: UInt64 = 0
      var objectBytes: Int64 = 0
      func report(_ finding: ArchiveFinding) {
        count += 1
        visit(finding)
      }
      var misnamed = Set<ObjectName>()
      let listing = try compare(&meter, &misnamed, report)
      objectBytes = listing.objects.values.reduce(0) { $0 + $1.byteCount }
      let entries = environment.index.current.entries.filter { listing.objects[$0.name] != nil }
      for finding in try inspect(entries, readsEverything: readsEverything, &meter) { report(finding) }
      let partitions = environment.index.current.partitions.values
      let there = Set(listing.objects.keys).subtracting(misnamed)
      for partition in partitions.sorted(by: { ($0.id.topic, $0.id.partition) < ($1.id.topic, $1.id.partition) }) {
        reportLost(partition, there, report)
        reportGaps(partition, report)
      }
      var summary = environment.index.current.summary
      summary.objectBytes = UInt64(objectBytes)
      summary.findings = count
      return summary
    }
  }

  /// Both directions. What was archived or deleted while the listing went on is asked for once more.
  private func compare(
    _ meter: inout ProgressMeter, _ misnamed: inout Set<ObjectName>, _ report: (ArchiveFinding) -> Void
  ) throws(TierError) -> StoreListing {
    let before = environment.index.current
    var listing = StoreListing()
    try environment.access.list(prefix: "") { (page) throws(TierError) in
      listing.add(page)
      try meter.note(listing.objects.count, of: before.objectCount)
    }
    for key in listing.foreign { report(ArchiveFinding(.foreign, key, "The key is no archive object's.")) }
    let after = environment.index.current
    for id in listing.deletedPartitions
    where ![before, after].contains(where: { $0.pendingPartitions.contains(id) }) {
      let detail =
        after[id] == nil
        ? "The partition is marked as deleted and the index does not know of it; a rebuild deletes it."
        : "The partition is marked as deleted and the index has it, and no deletion; a rebuild removes the mark."
      report(ArchiveFinding(.objectWithoutEntry, Tombstone.key(of: id), detail))
    }
    let unknown = listing.objects.values.filter { object in
      ![before, after].contains { $0[object.id]?.objects[object.name] != nil || $0.isBeingDeleted(object) }
    }
    let footers = try environment.foundFooters(of: unknown) { (done) throws(TierError) in
      try meter.note(done, of: unknown.count)
    }
    for object in unknown.sorted(by: { $0.key < $1.key }) {
      if case .misnamed(let footer)? = footers[object.name] {
        misnamed.insert(object.name)
        report(Self.misnamed(object, footer))
      } else {
        report(
          ArchiveFinding(.objectWithoutEntry, object.key, "The store has the object and the index does not know it."))
      }
    }
    for object in after.entries.sorted(by: { $0.key < $1.key }) {
      guard let found = listing.objects[object.name], found.byteCount != object.byteCount else { continue }
      let detail = "The object has \(found.byteCount) bytes instead of \(object.byteCount)."
      report(ArchiveFinding(.damaged, object.key, detail))
    }
    let missing = after.entries.filter { listing.objects[$0.name] == nil }
    let gone = try environment.gone(missing) { (done) throws(TierError) in try meter.note(done, of: missing.count) }
    for object in missing.sorted(by: { $0.key < $1.key })
    where gone.contains(object.name) && environment.index[object.id]?.objects[object.name] != nil {
      report(ArchiveFinding(.entryWithoutObject, object.key, "The index has the object and the store does not."))
    }
    return listing
  }

  /// What is wrong with the objects, by key. Footers are read many at a time; whole objects, whose reading is
  /// parallel in itself, are not.
  private func inspect(
    _ objects: [IndexedObject], readsEverything: Bool, _ meter: inout ProgressMeter
  ) throws(TierError) -> [ArchiveFinding] {
    var findings: [ArchiveFinding] = []
    if objects.isEmpty { return [] }
    let width = readsEverything ? 1 : Limits.footerReadsMax
    try ParallelWork<ArchiveFinding?>(width: width).run(objects.count) { [self] (number) throws(TierError) in
      try inspect(objects[number], readsEverything: readsEverything)
    } receive: { (new, done) throws(TierError) in
      findings += new.compactMap { $0 }
      try meter.note(done, of: objects.count)
      return true
    }
    return findings.sorted { $0.key < $1.key }
  }

  /// The object's footer against its entry, past all caches, and everything in it when that is wanted. Nil: it is as it
  /// should be, or gone meanwhile.
  private func inspect(_ object: IndexedObject, readsEverything: Bool) throws(TierError) -> ArchiveFinding? {
    let access = environment.access.withoutGate
    let source = StoreSource(
      key: object.key, byteCount: Int(object.byteCount), access: access, eachRead: { access.call() })
    do throws(TierError) {
      let reader = try reading(object.key) {
        try ArchiveReader(
          opening: source, objectByteCount: Int(object.byteCount), hotByteCount: object.name.hotByteCount)
      }
      guard object.name.agrees(with: reader.footer) else {
        return Self.misnamed(object, reader.footer)
      }
      if readsEverything { try reading(object.key) { try reader.verify() } }
      return nil
    } catch {
      switch error.code {
      case .corrupt: return ArchiveFinding(.damaged, object.key, error.message)
      case .notFound: return nil
      default: throw error
      }
    }
  }

  private static func misnamed(_ object: IndexedObject, _ footer: Footer) -> ArchiveFinding {
    ArchiveFinding(
      .damaged, object.key, "The footer describes another object than the name: \(MisnamedObjects.text(footer)).")
  }

  /// An object that is back is reported as one that the index does not know.
  private func reportLost(
    _ partition: PartitionObjects, _ there: Set<ObjectName>, _ report: (ArchiveFinding) -> Void
  ) {
    for (lost, offsets) in partition.holes where !there.contains(lost.object.name) {
      let ranges = offsets.map { "\($0.lowerBound) to \($0.upperBound - 1)" }.joined(separator: ", ")
      report(
        ArchiveFinding(
          .lost, lost.object.key,
          "The store has lost the object and with it the offsets \(ranges), as was noticed at "
            + "\(UTCTime.text(lost.noticedAt)). Bring it back and rebuild; else it is forgotten with those offsets."))
    }
  }

  private func reportGaps(_ partition: PartitionObjects, _ report: (ArchiveFinding) -> Void) {
    for gap in partition.gaps {
      report(
        ArchiveFinding(
          .gap, "\(partition.id.topic)-\(partition.id.partition)",
          "No object has the offsets \(gap.lowerBound) to \(gap.upperBound - 1)."))
    }
  }

  package func exportJSON(topic: String?, _ write: (String) -> Void) throws(TierError) {
    let partitions = environment.index.current.partitions.values
      .filter { topic == nil || $0.id.topic == topic }
      .sorted { ($0.id.topic, $0.id.partition) < ($1.id.topic, $1.id.partition) }
    write("{\"version\":1,\"partitions\":[")
    for (number, partition) in partitions.enumerated() {
      write((number == 0 ? "\n" : ",\n") + IndexJSON.head(of: partition))
      for (place, name) in partition.cover.kept.enumerated() {
        guard let object = partition.objects[name] else { continue }
        write((place == 0 ? "\n  " : ",\n  ") + IndexJSON.text(of: object))
      }
      write("],\"lost\":[")
      for (place, hole) in partition.holes.enumerated() {
        write((place == 0 ? "\n  " : ",\n  ") + IndexJSON.text(of: hole.lost, missing: hole.offsets))
      }
      write("]}")
    }
    write("\n]}\n")
  }
}
