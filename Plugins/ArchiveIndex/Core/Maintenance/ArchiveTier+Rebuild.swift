import ArchiveFormat
import TierKit

extension ArchiveTier: ArchivingTier {
  package func `extension`(_ id: String) -> UnsafeRawPointer? {
    VTable.archiveExtension(id) ?? VTable.searchExtension(id)
  }

  package func rebuild(progress: (UInt64, UInt64) -> Bool) throws(TierError) -> ArchiveSummary {
    try withMeter(progress) { (meter) throws(TierError) in try rebuild(&meter) }
  }

  /// Deletions wait meanwhile: the listing would show objects that are gone when it is compared.
  private func rebuild(_ meter: inout ProgressMeter) throws(TierError) -> ArchiveSummary {
    try environment.identity.confirm()
    return try environment.deletions.exclusion.withLock { (_) throws(TierError) in
      let before = environment.index.current
      var listing = StoreListing()
      try environment.access.list(prefix: "") { (page) throws(TierError) in
        listing.add(page)
        try meter.note(listing.objects.count, of: 0)
      }
      let missing = before.entries.filter { listing.objects[$0.name] == nil }
      let gone = try environment.gone(missing) { (done) throws(TierError) in try meter.note(done, of: missing.count) }
      let misnamed = try exclude(from: &listing, before, &meter)
      let now = host.wallClockMilliseconds
      let changes = try environment.index.commit { state in
        state.changes(to: listing, isIntact: true, noticedAt: now) { gone.contains($0.name) }
      }
      for case .remove(let name) in changes { environment.forget(name) }
      for case .lose(let lost) in changes { environment.forget(lost.object.name) }
      var unmarked = 0
      for id in environment.index.current.staleMarks(listing) where try environment.deletions.removeMark(of: id) {
        unmarked += 1
      }
      environment.noteLostObjects()
      let completed = try environment.completeEntries(width: Limits.footerReadsMax) { (done, total) throws(TierError) in
        try meter.note(done, of: total)
        return true
      }
      environment.deletions.wake()
      var summary = environment.index.current.summary
      summary.objectBytes = UInt64(listing.objects.values.reduce(0) { $0 + $1.byteCount })
      summary.findings = UInt64(listing.foreign.count + misnamed)
      summary.repaired = UInt64(changes.count + unmarked + completed)
      return summary
    }
  }

  /// Takes the misnamed objects out of a listing, of those that the index does not know as they are there, and returns
  /// how many that are: nothing is added or deleted on the word of such a name.
  private func exclude(
    from listing: inout StoreListing, _ state: IndexState, _ meter: inout ProgressMeter
  ) throws(TierError) -> Int {
    let marked = listing.deletedPartitions.subtracting(state.staleMarks(listing))
    let unknown = listing.objects.values.filter { object in
      state[object.id]?.objects[object.name]?.byteCount != object.byteCount && !state.isBeingDeleted(object)
        && !marked.contains(object.id)
    }
    let footers = try environment.foundFooters(of: unknown) { (done) throws(TierError) in
      try meter.note(done, of: unknown.count)
    }
    var count = 0
    for object in unknown {
      guard case .misnamed(let footer)? = footers[object.name] else { continue }
      _ = environment.misnamed.reject(object, footer)
      listing.exclude(object.name)
      count += 1
    }
    return count
  }

  package func finishDeletions(progress: (UInt64, UInt64) -> Bool) throws(TierError) -> ArchiveSummary {
    try withMeter(progress) { (meter) throws(TierError) in
      try environment.deletions.runOnce { (deleted) throws(TierError) in try meter.note(deleted, of: 0) }
      return environment.index.current.summary
    }
  }

  func withMeter<R>(
    _ progress: (UInt64, UInt64) -> Bool, _ body: (inout ProgressMeter) throws(TierError) -> R
  ) throws(TierError) -> R {
    let result: Result<R, TierError> = withoutActuallyEscaping(progress) { escaping in
      var meter = ProgressMeter(host, escaping)
      do throws(TierError) { return .success(try body(&meter)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}

extension ArchiveEnvironment {
  /// Those of the objects that the store does not have, each asked for by name.
  func gone(
    _ objects: [IndexedObject], _ note: (_ done: Int) throws(TierError) -> Void
  ) throws(TierError) -> Set<ObjectName> {
    var gone = Set<ObjectName>()
    if objects.isEmpty { return gone }
    try ParallelWork<ObjectName?>(width: Limits.footerReadsMax).run(objects.count) {
      [access] (number) throws(TierError) in
      let object = objects[number]
      return try access.store.head(object.key, access.call()) == nil ? object.name : nil
    } receive: { (names, done) throws(TierError) in
      gone.formUnion(names.compactMap { $0 })
      try note(done)
      return true
    }
    return gone
  }
}

extension IndexState {
  /// Every object that may be read.
  var entries: [IndexedObject] { partitions.values.flatMap { $0.objects.values } }

  /// What the index itself can say.
  var summary: ArchiveSummary {
    var summary = ArchiveSummary()
    summary.partitions = UInt64(partitions.values.count { !$0.isEmpty })
    summary.objects = UInt64(objectCount)
    for object in entries {
      summary.objectBytes += UInt64(object.byteCount)
      summary.recordBytes += UInt64(max(0, object.rawByteCount))
    }
    summary.pendingDeletions = UInt64(pendingDeletionCount)
    return summary
  }
}
