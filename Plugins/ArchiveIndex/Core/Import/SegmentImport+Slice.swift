import ArchiveFormat
import KafkaRecords
import TierKit

extension SegmentImport {
  /// Builds, puts, verifies and records one object.
  func archive(_ slice: Slice, _ aborted: [AbortedTransaction], _ buffer: OwnedBytes) throws(TierError) {
    try checkCancelled()
    let target = UnsafeMutableRawBufferPointer(start: buffer.base, count: slice.bytes.count)
    try bytes.read(at: slice.bytes.lowerBound, into: target)
    let object = try build(slice, aborted, UnsafeRawBufferPointer(target))
    let name = ObjectName(object.footer, leaderEpoch: slice.leaderEpoch)
    var entry = IndexedObject(name: name, byteCount: Int64(object.byteCount))
    entry.rawByteCount = Int64(slice.bytes.count)
    entry.minTimestamp = object.footer.range.minTimestamp
    entry.maxTimestampOffset = slice.maxTimestampOffset
    // Until it is recorded nobody knows of it but the store.
    partition.importing.withLock { $0.mayHaveUnknownObjects = true }
    try put(object, &entry)
    try verify(object, entry)
    try environment.index.commit { _ in [.add(entry)] }
    partition.importing.withLock { $0.mayHaveUnknownObjects = false }
    note(object, entry)
  }

  private func build(
    _ slice: Slice, _ aborted: [AbortedTransaction], _ raw: UnsafeRawBufferPointer
  ) throws(TierError) -> ArchivedObject {
    let identity = Footer.Identity(topicID: id.topicID, topic: id.topic, partition: id.partition)
    var segment = ArchiveSegment(identity: identity, batches: Self.steps(raw))
    segment.offsets = slice.offsets
    segment.abortedTransactions = aborted.filter {
      $0.firstOffset < slice.offsets.upperBound && $0.lastOffset >= slice.offsets.lowerBound
    }
    let configuration = environment.configuration
    let writer = ArchiveWriter(index: configuration.index, level: configuration.compressionLevel)
    let object: ArchivedObject?
    do throws(ArchiveError) {
      object = try writer.write(segment, isCancelled: isCancelled)
    } catch {
      throw TierError(.corrupt, "\(id.topic)-\(id.partition), segment \(offsets.lowerBound): \(error)")
    }
    guard let object else { throw TierError(.cancelled, "the import was cancelled") }
    return object
  }

  /// The batches in ranges between which a cancellation is looked for. The headers were checked by the plan.
  private static func steps(_ raw: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
    var steps: [UnsafeRawBufferPointer] = []
    var start = 0
    var end = 0
    while end < raw.count {
      let length = raw.loadUnaligned(fromByteOffset: end + RecordBatch.Layout.batchLength, as: Int32.self).bigEndian
      end += Int(length) + RecordBatchHeader.byteCountBeforeLengthEnd
      if end - start >= Limits.importStep || end == raw.count {
        steps.append(UnsafeRawBufferPointer(rebasing: raw[start..<end]))
        start = end
      }
    }
    return steps
  }

  // MARK: the store

  /// Puts the object where none is. One that is there already and is whole stands for ours: the same offsets of the
  /// same log. `entry` becomes what is in the store.
  private func put(_ object: ArchivedObject, _ entry: inout IndexedObject) throws(TierError) {
    let access = environment.access
    for _ in 0..<2 {
      let isNew = try object.withBytes { (bytes) throws(TierError) in
        try access.store.put(entry.key, [bytes], ifAbsent: true, access.call(isCancelled: isCancelled))
      }
      if isNew { return }
      let found = try access.store.head(entry.key, access.call(isCancelled: isCancelled))
      // Gone again: somebody deleted it just now.
      guard let found else { continue }
      if found.byteCount == object.byteCount { return }
      var other = entry
      other.byteCount = Int64(found.byteCount)
      do throws(TierError) {
        // Built by another version of zstd, perhaps.
        let found = try environment.footers.find(other, access.call(isCancelled: isCancelled))
        if case .misnamed(let footer) = found { throw Self.occupied(other, footer) }
        entry = other
        return
      } catch {
        guard error.code == .corrupt else { throw error }
        try access.store.remove([entry.key], access.call(isCancelled: isCancelled))
      }
    }
    throw TierError(.retriable, "\(entry.key) could not be created: another object keeps appearing there")
  }

  /// Reads back what the store has and compares. A damaged object is removed so that the next attempt makes it anew.
  private func verify(_ object: ArchivedObject, _ entry: IndexedObject) throws(TierError) {
    let access = environment.access
    let isCancelled = isCancelled
    let source = StoreSource(
      key: entry.key, byteCount: Int(entry.byteCount), access: access,
      eachRead: { access.call(isCancelled: isCancelled) })
    do throws(TierError) {
      let reader = try reading(entry.key) {
        try ArchiveReader(
          opening: source, objectByteCount: Int(entry.byteCount), hotByteCount: entry.name.hotByteCount)
      }
      guard entry.name.agrees(with: reader.footer) else { throw Self.occupied(entry, reader.footer) }
      let isOurs = entry.byteCount != Int64(object.byteCount) || reader.footer == object.footer
      guard isOurs, reader.footer.range == object.footer.range else {
        throw TierError(.corrupt, "\(entry.key): what the store has is not what was written")
      }
      if environment.configuration.verification == .full { try reading(entry.key) { try reader.verify() } }
    } catch {
      guard error.code == .corrupt else { throw error }
      environment.footers.drop(entry.name)
      try access.store.remove([entry.key], access.call())
      throw TierError(.retriable, "a new object did not pass its verification and was removed: \(error.message)")
    }
  }

  /// A misnamed object may be the only copy of what it holds: only its owner can say where it belongs.
  private static func occupied(_ entry: IndexedObject, _ footer: Footer) -> TierError {
    TierError(
      .permanent,
      "\(entry.key) has to be made, and there is an object that by its footer is \(MisnamedObjects.text(footer)): "
        + "move it away")
  }

  private func note(_ object: ArchivedObject, _ entry: IndexedObject) {
    let host = environment.host
    host.addToCounter("archived_objects", 1)
    host.addToCounter("archived_record_bytes", entry.rawByteCount)
    host.addToCounter("archived_object_bytes", entry.byteCount)
    let undecodable = object.statistics.undecodableBatchCount
    if undecodable > 0 {
      host.addToCounter("undecodable_batches", Int64(undecodable))
      let reason = object.statistics.firstUndecodable.map { "\($0.error)" } ?? ""
      host.log(
        .warning, "Batches that cannot be decoded are archived as they are and cannot be searched.",
        [("object", entry.key), ("count", String(undecodable)), ("first", reason)])
    }
    guard entry.byteCount == Int64(object.byteCount) else { return }
    let tail = object.withBytes { bytes in
      [UInt8](UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - entry.name.hotByteCount)...]))
    }
    environment.footers.keep(tail, entry.name)
  }
}
