import ArchiveFormat
import TierAPI
import TierKit

/// Importing: a sealed segment becomes objects. Each is built, put, read back and then recorded with one sync; a crash
/// anywhere leaves nothing visible or a complete object, which the next attempt finds and takes over.
extension ArchivePartition {
  package func importSegment(
    _ segment: chronik_segment, _ extents: UnsafeBufferPointer<chronik_extent>, attempt: [UInt8],
    isCancelled: () -> Bool
  ) throws(TierError) {
    guard segment.base_offset >= 0, segment.next_offset > segment.base_offset, segment.next_offset < .max else {
      throw TierError(.permanent, "a segment cannot have the offsets \(segment.base_offset) to \(segment.next_offset)")
    }
    let failure: TierError? = withoutActuallyEscaping(isCancelled) { escaping in
      let question = CancelQuestion(ask: escaping)
      let job = SegmentImport(
        partition: self, offsets: segment.base_offset..<segment.next_offset, bytes: SegmentBytes(extents),
        leaderEpoch: segment.last_leader_epoch, isCancelled: { question.ask() })
      do throws(TierError) {
        try job.run()
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }
}

/// The host's question, which the store asks from inside its calls as well.
private struct CancelQuestion: @unchecked Sendable {
  let ask: () -> Bool
}

/// One call of `import_segment`.
struct SegmentImport {
  let partition: ArchivePartition
  let offsets: Range<Int64>
  let bytes: SegmentBytes
  let leaderEpoch: Int32
  let isCancelled: @Sendable () -> Bool

  var environment: ArchiveEnvironment { partition.environment }
  var id: PartitionID { partition.id }

  func run() throws(TierError) {
    try environment.identity.confirm(isCancelled: isCancelled)
    try environment.deletions.finishDeletion(of: id, isCancelled: isCancelled)
    try environment.confirmEnds(of: id)
    guard try !isHeld() else { return }
    if partition.importing.withLock({ $0.mayHaveUnknownObjects }) {
      try adoptUnknownObjects()
      guard try !isHeld() else { return }
    }
    try checkCancelled()
    let plan = try SlicePlan(
      bytes, offsets: offsets, resume: resume, first: first,
      sliceByteCountMax: environment.configuration.objectByteCount, isCancelled: isCancelled)
    guard !plan.slices.isEmpty else {
      // Offsets without a batch; the next object takes them in.
      try environment.index.commit { _ in [.emptyEnd(id, offsets.upperBound)] }
      return
    }
    let buffer = OwnedBytes(byteCount: plan.slices.map(\.bytes.count).max()!)
    for slice in plan.slices { try archive(slice, plan.aborted, buffer) }
  }

  func checkCancelled() throws(TierError) {
    if isCancelled() { throw TierError(.cancelled, "the import was cancelled") }
  }

  /// Where importing goes on.
  private var resume: Int64 {
    let objects = partition.objects
    let held = partition.offsets(objects)
    // While nothing is held a segment may begin anywhere.
    return objects.isEmpty ? max(objects.clamp, objects.emptyEnd) : held.upperBound
  }

  /// Where the next object begins: behind the last one, even where offsets without batches follow it.
  private var first: Int64 {
    let objects = partition.objects
    return objects.cover.kept.last.map { max(objects.clamp, $0.lastOffset + 1) } ?? max(offsets.lowerBound, resume)
  }

  /// True when all of the segment is held or was deleted. Throws when it does not follow what is held.
  private func isHeld() throws(TierError) -> Bool {
    let objects = partition.objects
    let end = resume
    if offsets.upperBound <= end { return true }
    if !objects.isEmpty, offsets.lowerBound > end {
      throw TierError(
        .permanent, "\(id.topic)-\(id.partition): a segment at \(offsets.lowerBound) does not follow the end at \(end)")
    }
    return false
  }

  /// Takes over complete objects of this partition that the index does not know.
  private func adoptUnknownObjects() throws(TierError) {
    let directory = ObjectName.directory(topic: id.topic, topicID: id.topicID, partition: id.partition)
    var found: [IndexedObject] = []
    var isMarked = false
    try environment.access.list(
      prefix: directory, startAfter: ObjectName.listingStart(directory: directory, offset: resume),
      isCancelled: isCancelled
    ) { page in
      for info in page {
        isMarked = isMarked || info.key == Tombstone.key(of: id)
        guard let name = ObjectName(path: info.key) else { continue }
        found.append(IndexedObject(name: name, byteCount: Int64(info.byteCount)))
      }
    }
    // Nothing is left of what was found when a deletion had to be finished.
    if isMarked, try environment.deletions.settleMark(of: id, isCancelled: isCancelled) { return }
    for object in found {
      // What does not continue the partition is left to `archive rebuild`.
      let end = resume
      guard object.name.lastOffset >= end, partition.objects.isEmpty || object.name.baseOffset <= end else { continue }
      guard let complete = try completed(object) else { continue }
      try environment.index.commit { state in
        state.pendingObjects.contains(complete.key) ? [] : [.add(complete)]
      }
      environment.host.log(
        .info, "An archived object that was not recorded is taken over.", [("object", complete.key)])
    }
    partition.importing.withLock { $0.mayHaveUnknownObjects = false }
  }

  /// The object with what its footer says; nil when it is misnamed; nil, and the object gone, when it is damaged.
  private func completed(_ object: IndexedObject) throws(TierError) -> IndexedObject? {
    do throws(TierError) {
      let call = environment.access.call(isCancelled: isCancelled)
      switch try environment.footers.find(object, call) {
      case .loaded(let loaded): return object.completed(by: loaded.footer)
      case .misnamed(let footer):
        _ = environment.misnamed.reject(object, footer)
        return nil
      }
    } catch {
      guard error.code == .corrupt else { throw error }
      environment.host.log(
        .error, "A damaged object that was never recorded is removed.",
        [("object", object.key), ("error", error.message)])
      try environment.access.store.remove([object.key], environment.access.call(isCancelled: isCancelled))
      return nil
    }
  }
}

extension IndexedObject {
  /// With what the footer knows.
  func completed(by footer: Footer) -> IndexedObject {
    var object = self
    object.rawByteCount = Int64(footer.range.rawByteCount)
    object.minTimestamp = footer.range.minTimestamp
    if object.maxTimestampOffset < 0 {
      object.maxTimestampOffset =
        footer.frames.first { $0.maxTimestamp == footer.range.maxTimestamp }?.firstOffset ?? name.baseOffset
    }
    return object
  }
}
