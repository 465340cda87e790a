import KafkaRecords
import SegmentFormat
import TierKit

/// Steps 5 to 8 of ``Recovery``: what could not be taken on trust is read, batch by batch.
struct RecoveryScan {
  let recovery: Recovery
  /// Base offsets of all logs found, rising.
  let bases: [Int64]
  /// Whether a scan may begin at the recovery point: not when the epochs below it must be taken from the batches.
  let mayResume: Bool

  var fileSystem: any FileSystem { recovery.fileSystem }

  /// One segment after its scan.
  private struct Scanned {
    var entry: SegmentEntry
    var rebuild: IndexRebuild
    let file: OpenFile
    /// Where and why the batches end before the file does.
    var damage: (reason: LogDamage, position: Int64)?
    var fileByteCount: Int64
  }

  /// Scans the segments from `first` on and appends them to `entries`, up to the first bad batch, which ends the log.
  /// `epochs` is brought up to date for the scanned part. Returns how far the last segment's indexes are.
  func run(
    from first: Int, _ entries: inout [SegmentEntry], _ epochs: inout LeaderEpochs
  ) throws(TierError) -> IndexingState {
    var indexing = IndexingState()
    var index = first
    var isCut = false
    while index < bases.count, !isCut {
      var scanned = try scan(bases[index], &epochs)
      let end = scanned.entry.tail.nextOffset
      let next = index + 1 < bases.count ? bases[index + 1] : nil
      if let damage = scanned.damage {
        try checkIsTail(scanned, damage.position, later: index + 1)
        try cut(&scanned, reason: damage.reason.description, later: index + 1)
        isCut = true
      } else if let next, end != next, next > recovery.recoveryPoint || end > next {
        let reason = end > next ? "the next segment overlaps this one" : "batches up to offset \(next) are missing"
        try cut(&scanned, reason: reason, later: index + 1)
        isCut = true
      } else if next == nil, end < recovery.recoveryPoint {
        recovery.log(
          .error, "The log ends before its recovery point: durable batches are missing.",
          [("end", String(end)), ("recovery_point", String(recovery.recoveryPoint))])
      }
      let isLast = isCut || index + 1 == bases.count
      try finish(&scanned, isSealed: !isLast)
      indexing = scanned.rebuild.indexing
      entries.append(scanned.entry)
      index += 1
    }
    // Below the recovery point names are durable already.
    if isCut || entries[entries.count - 1].tail.nextOffset > recovery.recoveryPoint {
      try naming("sync", recovery.directory) { () throws(Errno) in try fileSystem.syncDirectory(recovery.directory) }
    }
    return indexing
  }

  /// Reads a log, or what is not durable of it. Nothing but temporary files is written.
  private func scan(_ base: Int64, _ epochs: inout LeaderEpochs) throws(TierError) -> Scanned {
    let context = recovery.context
    let segment = Segment(recovery.directory, baseOffset: base, .found, context.descriptors)
    do throws(Errno) {
      let file = try segment.log.file()
      let size = try fileSystem.byteCount(file.descriptor)
      let rebuild =
        try resume(segment, file, fileByteCount: size)
        ?? IndexRebuild(segment, interval: recovery.settings.indexIntervalBytes, context.descriptors)
      epochs.truncate(to: rebuild.tail.nextOffset)
      var scanned = Scanned(
        entry: SegmentEntry(segment: segment, tail: rebuild.tail), rebuild: rebuild, file: file, fileByteCount: size)
      let buffer = context.buffers.take()
      defer { context.buffers.put(buffer) }
      // A position must fit the index; what lies beyond is damage.
      let start = rebuild.tail.byteCount
      var scanner = LogScanner(
        RecoverySource(file: file), from: start, to: max(start, min(size, Limits.segmentByteCountMax)),
        expectedOffset: rebuild.tail.nextOffset, borrowing: buffer.bytes)
      scan: while true {
        switch try scanner.next() {
        case .batch(let header, let position):
          guard header.lastOffset - base <= Int64(Int32.max) else {
            scanned.damage = (.offset(found: header.baseOffset, expectedAtLeast: base), position)
            break scan
          }
          try scanned.rebuild.note(header, at: position)
          epochs.note(header.partitionLeaderEpoch, at: header.baseOffset)
        case .end: break scan
        case .damage(let reason, let position):
          scanned.damage = (reason, position)
          break scan
        }
      }
      scanned.entry.tail = scanned.rebuild.tail
      return scanned
    } catch {
      throw TierError(error, "recover", segment.log.path)
    }
  }

  /// Refuses to cut when batches that were durable and are still good lie behind the damage: that is no torn tail.
  private func checkIsTail(_ scanned: Scanned, _ position: Int64, later: Int) throws(TierError) {
    guard scanned.entry.tail.nextOffset < recovery.recoveryPoint else { return }
    var isTail = !bases[later...].contains { $0 < recovery.recoveryPoint }
    if isTail { isTail = try !isGoodBatchBehind(scanned, position) }
    if isTail { return }
    let segment = scanned.entry.segment
    throw TierError(
      .corrupt,
      "\(segment.log.path) byte \(position): "
        + "\(scanned.damage?.reason.description ?? "damage") below the recovery point "
        + "\(recovery.recoveryPoint), with good batches behind it; nothing was changed, restore "
        + "the file or delete the partition"
    )
  }

  private func isGoodBatchBehind(_ scanned: Scanned, _ position: Int64) throws(TierError) -> Bool {
    try naming("read", scanned.file.path) { () throws(Errno) in
      var head = [UInt8](repeating: 0, count: RecordBatchHeader.byteCount)
      guard scanned.fileByteCount - position > Int64(head.count) else { return false }
      let file = scanned.file
      let result: Result<Void, Errno> = head.withUnsafeMutableBytes { raw in
        do throws(Errno) { return .success(try fileSystem.readFully(file.descriptor, at: position, into: raw)) } catch {
          return .failure(error)
        }
      }
      try result.get()
      guard let header = head.withUnsafeBytes({ raw in try? RecordBatchHeader(parsing: raw) }) else { return false }
      let next = position + Int64(header.byteCount)
      guard next < scanned.fileByteCount else { return false }
      var scanner = LogScanner(
        RecoverySource(file: file), from: next, to: scanned.fileByteCount,
        expectedOffset: scanned.entry.tail.nextOffset)
      if case .batch = try scanner.next() { return true }
      return false
    }
  }

  /// Ends the log with the last good batch: deletes later segments, newest first, and shortens this one.
  private func cut(_ scanned: inout Scanned, reason: String, later: Int) throws(TierError) {
    let segment = scanned.entry.segment
    let size = scanned.entry.tail.byteCount
    var lost = scanned.fileByteCount - size
    do throws(Errno) {
      for base in bases[later...].reversed() {
        let gone = Segment(recovery.directory, baseOffset: base, .found, recovery.context.descriptors)
        lost += try fileSystem.byteCount(path: gone.log.path)
        try gone.removeFiles(fileSystem)
        try fileSystem.syncDirectory(recovery.directory)
      }
      if scanned.fileByteCount > size { try fileSystem.truncate(scanned.file.descriptor, to: size) }
    } catch {
      throw TierError(error, "cut", segment.log.path)
    }
    recovery.log(
      scanned.entry.tail.nextOffset < recovery.recoveryPoint ? .error : .warning,
      "The log was cut at the first batch that is not whole.",
      [
        ("file", segment.log.path), ("byte", String(size)), ("reason", reason), ("bytes_cut", String(lost)),
        ("segments_deleted", String(bases.count - later)), ("end_offset", String(scanned.entry.tail.nextOffset)),
      ])
    recovery.context.host.addToCounter("recovery_cut_bytes", lost)
  }

  /// Puts the new indexes in place and makes the segment durable.
  private func finish(_ scanned: inout Scanned, isSealed: Bool) throws(TierError) {
    do throws(Errno) {
      try scanned.rebuild.finish(isFinal: isSealed, fileSystem)
      try syncNewNames(scanned.rebuild)
      let isDurable = scanned.damage == nil && scanned.entry.tail.nextOffset <= recovery.recoveryPoint
      if !isDurable { try fileSystem.syncData(scanned.file.descriptor) }
    } catch {
      throw TierError(error, "recover", scanned.file.path)
    }
    scanned.entry.durableByteCount = scanned.entry.tail.byteCount
    scanned.entry.isNameDurable = recovery.isNameDurable(scanned.entry)
    scanned.entry.areIndexesDurable = isSealed
  }

  /// New indexes stand under their names only when the directory says so: a power cut would bring back the old files,
  /// of which nothing may be on disk.
  private func syncNewNames(_ rebuild: IndexRebuild) throws(Errno) {
    if rebuild.hasReplacedFiles { try fileSystem.syncDirectory(recovery.directory) }
  }

  /// A sealed segment whose log is trusted and whose indexes are not: walks over its headers. A batch that cannot be
  /// walked over ends the index there; reads of it will report the damage.
  func rebuildTrusted(_ entry: SegmentEntry) throws(TierError) -> SegmentEntry {
    var entry = entry
    let segment = entry.segment
    recovery.log(.warning, "An index is missing or wrong and is computed again.", [("file", segment.log.path)])
    do throws(Errno) {
      let file = try segment.log.file()
      var rebuild = IndexRebuild(
        segment, interval: recovery.settings.indexIntervalBytes, recovery.context.descriptors)
      var scanner = LogScanner(
        RecoverySource(file: file), to: entry.tail.byteCount, expectedOffset: segment.baseOffset,
        verifiesChecksums: false)
      walk: while true {
        switch try scanner.next() {
        case .batch(let header, let position): try rebuild.note(header, at: position)
        case .end: break walk
        case .damage(let reason, let position):
          recovery.log(
            .error, "A batch on disk is damaged.",
            [("file", segment.log.path), ("byte", String(position)), ("reason", reason.description)])
          break walk
        }
      }
      try rebuild.finish(isFinal: true, fileSystem)
      try syncNewNames(rebuild)
      let size = entry.tail.byteCount
      let next = entry.tail.nextOffset
      entry.tail = rebuild.tail
      entry.tail.byteCount = size
      entry.tail.nextOffset = next
      return entry
    } catch {
      throw TierError(error, "rebuild the index of", segment.log.path)
    }
  }
}
