import KafkaRecords
import SegmentFormat
import TierKit

/// A file as recovery reads it: from the disk, waiting as long as it takes.
struct RecoverySource: ByteSource {
  let file: OpenFile

  func read(at position: Int64, into target: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try file.fileSystem.readFully(file.descriptor, at: position, into: target)
    return target.count
  }
}

/// Opens the directory of a partition and brings it into a state that is known to be right.
///
///  1. Look at the names. An interrupted exchange of segments is finished or taken back; remains of replaced files go;
///     foreign files are left alone.
///  2. Finish what a crash interrupted: delete segments below the recorded start.
///  3. Take sealed segments below the recovery point on trust: size from the file, largest time from the last entry of
///     the time index. Nothing of them is scanned, unless an index is missing.
///  4. After a clean shutdown take the active segment on trust as well, from its last index entry on.
///  5. Otherwise scan: every batch's checksum and offsets, from the recovery point on when it lies in the last segment and
///     its checkpoint says where (``RecoveryScan/resume(_:_:fileByteCount:)``), else from the beginning of its segment.
///  6. Cut the log at the first bad batch, if that lies at or above the recovery point, say so in one line, delete the
///     segments behind it. Below the recovery point nothing may be bad: the partition is refused as it is.
///  7. Compute the indexes of scanned segments again.
///  8. Sync what was scanned, so that the end reported is durable.
struct Recovery {
  let id: PartitionID
  let directory: String
  let context: TierContext
  let settings: PartitionSettings
  /// From the checkpoints. Everything below the recovery point survived; 0 without one.
  let known: PartitionCheckpoint
  let wasClean: Bool

  var recoveryPoint: Int64 { known.recoveryPoint }
  var logStart: Int64? { known.logStart }

  var fileSystem: any FileSystem { context.fileSystem }

  struct Outcome {
    var state: LogState
    var indexing: IndexingState
  }

  /// `initialOffset` is where a partition without segments begins. Throws `.corrupt` for damage below the recovery point.
  func run(initialOffset: Int64) throws(TierError) -> Outcome {
    try SwapRecovery(directory: directory, context: context).run()
    var listing = try look()
    try finishDeletions(&listing)
    guard !listing.bases.isEmpty else { return try begin(at: initialOffset) }
    let loaded = loadEpochs()
    var epochs = loaded ?? LeaderEpochs()
    if let outcome = try trustAll(listing, epochs) { return outcome }
    let firstScanned = listing.bases.lastIndex { $0 <= recoveryPoint } ?? 0
    var entries: [SegmentEntry] = []
    for index in 0..<firstScanned { entries.append(try trust(listing, index)) }
    let scan = RecoveryScan(recovery: self, bases: listing.bases, mayResume: loaded != nil)
    let indexing = try scan.run(from: firstScanned, &entries, &epochs)
    return outcome(entries, epochs, indexing)
  }

  private func outcome(_ entries: [SegmentEntry], _ epochs: LeaderEpochs, _ indexing: IndexingState) -> Outcome {
    var entries = entries
    for index in entries.indices where entries[index].tail.lastLeaderEpoch < 0 {
      entries[index].tail.lastLeaderEpoch = epochs.epoch(before: entries[index].tail.nextOffset)
    }
    let end = entries[entries.count - 1].tail.nextOffset
    let start = min(max(entries[0].segment.baseOffset, logStart ?? 0), end)
    var state = LogState(segments: entries, startOffset: start, durableEnd: end, filedEnd: end, epochs: epochs)
    if let last = entries.last { state.filedTail = last.tail.recoveryTail(base: last.segment.baseOffset) }
    state.summarizeSealed()
    state._checkInvariants()
    return Outcome(state: state, indexing: indexing)
  }

  /// nil when they cannot be read.
  private func loadEpochs() -> LeaderEpochs? {
    let path = "\(directory)/\(PartitionFiles.epochs)"
    do {
      guard let bytes = try fileSystem.loadSmallFile(path) else { return LeaderEpochs() }
      return LeaderEpochs(try LeaderEpochCheckpoint.parse(String(decoding: bytes, as: UTF8.self)))
    } catch {
      log(.warning, "The leader epochs cannot be read; they are taken from the batches.", [("file", path), ("error", "\(error)")])
      return nil
    }
  }

  // MARK: 1 and 2: names

  /// What the directory holds.
  struct Listing {
    /// Base offsets of the logs, rising.
    var bases: [Int64] = []
    var indexes: Set<Int64> = []
    var timeIndexes: Set<Int64> = []
    var foreign: [String] = []
  }

  private func look() throws(TierError) -> Listing {
    let names = try naming("list", directory) { () throws(Errno) in try fileSystem.list(directory) }
    var listing = Listing()
    for entry in names {
      if let (base, kind) = SegmentFileName.parse(entry.name), !entry.isDirectory {
        switch kind {
        case .log: listing.bases.append(base)
        case .index: listing.indexes.insert(base)
        case .timeIndex: listing.timeIndexes.insert(base)
        }
      } else if !entry.isDirectory, PartitionFiles.isTemporary(entry.name) {
        try naming("remove", "\(directory)/\(entry.name)") { () throws(Errno) in
          try fileSystem.remove("\(directory)/\(entry.name)")
        }
      } else if entry.isDirectory || !PartitionFiles.isKnown(entry.name) {
        listing.foreign.append(entry.name)
      }
    }
    listing.bases.sort()
    if !listing.foreign.isEmpty {
      log(
        .warning, "Files that do not belong here are left alone.",
        [("directory", directory), ("names", listing.foreign.prefix(Limits.namedForeignFilesMax).joined(separator: " "))])
    }
    return listing
  }

  private func finishDeletions(_ listing: inout Listing) throws(TierError) {
    guard let logStart else { return }
    while listing.bases.count > 1, listing.bases[1] <= logStart {
      let segment = Segment(directory, baseOffset: listing.bases[0], .found, context.descriptors)
      try naming("remove", segment.log.path) { () throws(Errno) in try segment.removeFiles(fileSystem) }
      listing.bases.removeFirst()
    }
  }

  private func begin(at offset: Int64) throws(TierError) -> Outcome {
    let segment = Segment(directory, baseOffset: offset, .created, context.descriptors)
    try naming("create", segment.log.path) { () throws(Errno) in
      _ = try segment.createFiles()
      try fileSystem.syncDirectory(directory)
    }
    var entry = SegmentEntry(segment: segment, tail: SegmentTail(nextOffset: offset))
    entry.isNameDurable = true
    let state = LogState(
      segments: [entry], startOffset: offset, durableEnd: offset, filedEnd: offset, epochs: LeaderEpochs())
    return Outcome(state: state, indexing: IndexingState())
  }

  // MARK: 3 and 4: trust

  /// After a clean shutdown: every segment on trust, if the active one bears it out. Its last index entry leads to the
  /// last batches, and they must end exactly with the file and at the recovery point.
  private func trustAll(_ listing: Listing, _ epochs: LeaderEpochs) throws(TierError) -> Outcome? {
    let last = listing.bases.count - 1
    guard wasClean, recoveryPoint >= listing.bases[last] else { return nil }
    var active = try trust(listing, last)
    guard let indexing = try trustActive(&active, listing) else { return nil }
    var entries: [SegmentEntry] = []
    for index in 0..<last { entries.append(try trust(listing, index)) }
    return outcome(entries + [active], epochs, indexing)
  }

  private func trustActive(_ entry: inout SegmentEntry, _ listing: Listing) throws(TierError) -> IndexingState? {
    let segment = entry.segment
    let base = segment.baseOffset
    guard listing.indexes.contains(base), listing.timeIndexes.contains(base) else { return nil }
    do throws(ReadStop) {
      let times: Int64
      let offsets: Int64
      let file: OpenFile
      do {
        offsets = try fileSystem.byteCount(path: segment.index.slot.path)
        times = try fileSystem.byteCount(path: segment.timeIndex.slot.path)
        file = try segment.log.file()
      } catch { throw ReadStop(error, segment.log.path) }
      guard offsets % 8 == 0, times % 12 == 0 else { return nil }
      segment.index.reload(written: Int(offsets / 8))
      segment.timeIndex.reload(written: Int(times / 12))
      if entry.tail.byteCount == 0 { return recoveryPoint == base && offsets + times == 0 ? IndexingState() : nil }
      guard let lastTime = try segment.timeIndex.last(cachedOnly: false, where: { _ in true }) else { return nil }
      let view = SegmentView(
        segment: segment, byteCount: entry.tail.byteCount, nextOffset: recoveryPoint, file: file, cachedOnly: false)
      let position = try segment.index.last(cachedOnly: false) { _ in true }.map { Int64($0.position) } ?? 0
      guard position >= 0, position < entry.tail.byteCount, let first = try view.locate(base) else { return nil }
      var scanner = view.scanner(from: position, expectedOffset: base)
      while let batch = try view.nextBatch(&scanner) {
        entry.tail.nextOffset = batch.header.nextOffset
        entry.tail.lastLeaderEpoch = batch.header.partitionLeaderEpoch
      }
      guard entry.tail.nextOffset == recoveryPoint else { return nil }
      entry.tail.firstTimestamp = first.header.maxTimestamp
      // The last entry was written at the clean end and carries the largest time, however sparse the offset index is.
      entry.tail.maxTimestamp = lastTime.timestamp
      entry.tail.maxTimestampLast = base + Int64(lastTime.relativeOffset)
      return IndexingState(
        bytesSinceEntry: entry.tail.byteCount - position, lastTime: lastTime, entryCount: Int(offsets / 8))
    } catch {
      guard case .failed(let errno, let path) = error, errno != .inputOutput, errno != .notFound else { return nil }
      throw TierError(errno, "read", path)
    }
  }

  /// An empty segment at the recovery point may have been created just before a kill, without a sync of its directory:
  /// its first flush makes up for that. Every other name is vouched for by the recovery point or synced by the scan.
  func isNameDurable(_ entry: SegmentEntry) -> Bool {
    entry.tail.byteCount > 0 || entry.segment.baseOffset < recoveryPoint
  }

  /// A segment without a scan. Sealed ones end where the next one begins.
  private func trust(_ listing: Listing, _ index: Int) throws(TierError) -> SegmentEntry {
    let base = listing.bases[index]
    let segment = Segment(directory, baseOffset: base, .found, context.descriptors)
    let next = index + 1 < listing.bases.count ? listing.bases[index + 1] : base
    var entry = SegmentEntry(segment: segment, tail: SegmentTail(nextOffset: next))
    entry.tail.byteCount = try naming("look at", segment.log.path) { () throws(Errno) in
      try fileSystem.byteCount(path: segment.log.path)
    }
    entry.durableByteCount = entry.tail.byteCount
    entry.isNameDurable = isNameDurable(entry)
    // The active segment goes on growing: what its indexes get from now on is not durable.
    entry.areIndexesDurable = index + 1 < listing.bases.count
    guard entry.tail.byteCount > 0 else { return entry }
    if listing.indexes.contains(base), listing.timeIndexes.contains(base), let time = try lastTime(segment),
      let position = try lastPosition(segment, logByteCount: entry.tail.byteCount)
    {
      if index + 1 < listing.bases.count { reportGap(entry, from: position) }
      entry.tail.maxTimestamp = time.timestamp
      entry.tail.maxTimestampLast = base + Int64(time.relativeOffset)
      return entry
    }
    if index + 1 == listing.bases.count { return entry }
    return try RecoveryScan(recovery: self, bases: listing.bases, mayResume: false).rebuildTrusted(entry)
  }

  /// The position that the last entry of an offset index names, 0 without entries; nil when the index cannot be right:
  /// it must have whole entries, some when there is more than one interval, and a last one that is not zeros, which is
  /// what lost writes leave.
  private func lastPosition(_ segment: Segment, logByteCount: Int64) throws(TierError) -> Int64? {
    let path = segment.index.slot.path
    return try naming("read", path) { () throws(Errno) -> Int64? in
      let file = try OpenFile(path, .existing, fileSystem)
      let size = try fileSystem.byteCount(file.descriptor)
      guard size % Int64(OffsetIndexEntry.byteCount) == 0 else { return nil }
      if size == 0 { return logByteCount <= settings.indexIntervalBytes ? 0 : nil }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: OffsetIndexEntry.byteCount, alignment: 8)
      defer { buffer.deallocate() }
      try fileSystem.readFully(file.descriptor, at: size - Int64(buffer.count), into: buffer)
      let entry = OffsetIndexEntry(bytes: UnsafeRawPointer(buffer.baseAddress!))
      return entry.position > 0 && Int64(entry.position) < logByteCount ? Int64(entry.position) : nil
    }
  }

  /// Says so when the batches of a sealed segment, from the one at `position` on, end before the next segment begins:
  /// the file between them is lost. Kafka's cleaner leaves such gaps as well, so the log is opened all the same; and so
  /// it is when the disk cannot read them, which concerns their readers alone.
  private func reportGap(_ entry: SegmentEntry, from position: Int64) {
    guard entry.tail.byteCount - position <= Limits.gapScanByteCountMax else { return }
    let (segment, next) = (entry.segment, entry.tail.nextOffset)
    do throws(Errno) {
      let file = try OpenFile(segment.log.path, .existing, fileSystem)
      var scanner = LogScanner(
        RecoverySource(file: file), from: position, to: entry.tail.byteCount, expectedOffset: segment.baseOffset,
        verifiesChecksums: false, bufferByteCount: Limits.headerScanByteCount)
      var end: Int64?
      while case .batch(let header, _) = try scanner.next() { end = header.nextOffset }
      guard let end, end < next else { return }
      log(
        .warning, "Offsets are missing between two segments: one was lost, unless Kafka has compacted this log.",
        [("file", segment.log.path), ("end", String(end)), ("next_segment", String(next))])
    } catch {
      log(
        .warning, "The end of a segment could not be read; the log is opened without it being checked.",
        [("file", segment.log.path), ("error", String(describing: error))])
    }
  }

  /// The last entry of a time index when the file looks right: whole entries, the last one in range and above the one
  /// before, and no zeros, which is what lost writes leave.
  private func lastTime(_ segment: Segment) throws(TierError) -> TimeIndexEntry? {
    let path = segment.timeIndex.slot.path
    return try naming("read", path) { () throws(Errno) in
      let file = try OpenFile(path, .existing, fileSystem)
      let size = try fileSystem.byteCount(file.descriptor)
      guard size > 0, size % Int64(TimeIndexEntry.byteCount) == 0 else { return nil }
      let count = min(2, Int(size) / TimeIndexEntry.byteCount)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count * TimeIndexEntry.byteCount, alignment: 8)
      defer { buffer.deallocate() }
      try fileSystem.readFully(file.descriptor, at: size - Int64(buffer.count), into: buffer)
      let start = UnsafeRawPointer(buffer.baseAddress!)
      let entry = TimeIndexEntry(bytes: start + (count - 1) * TimeIndexEntry.byteCount)
      if count == 2, !entry.follows(TimeIndexEntry(bytes: start)) { return nil }
      let isZero = entry.timestamp == 0 && entry.relativeOffset == 0
      return entry.relativeOffset >= 0 && entry.timestamp >= 0 && !isZero ? entry : nil
    }
  }

  func log(_ level: HostServices.LogLevel, _ text: String, _ fields: [(String, String)]) {
    context.host.log(level, text, [("topic", id.topic), ("partition", String(id.partition))] + fields)
  }
}

/// Files in a partition's directory besides the segments.
enum PartitionFiles {
  static let metadata = "partition.metadata"
  static let epochs = "leader-epoch-checkpoint"
  /// What Kafka keeps beside its segments and this tier has no use for.
  private static let kafkaSuffixes = [".snapshot", ".txnindex", ".deleted", ".cleaned", ".swap"]

  static func isKnown(_ name: String) -> Bool {
    name == metadata || name == epochs || SegmentFileName.parse(name) != nil || isTemporary(name)
      || isNumbered(name) && kafkaSuffixes.contains { name.hasSuffix($0) }
  }

  /// Whether this is what a crash left of a file that was being made: only ours are removed.
  static func isTemporary(_ name: String) -> Bool {
    for suffix in [IndexRebuild.temporarySuffix, ".tmp"] where name.hasSuffix(suffix) {
      let whole = String(name.dropLast(suffix.count))
      return whole == metadata || whole == epochs || SegmentFileName.parse(whole) != nil
    }
    return false
  }

  /// Whether the name begins like a segment's, as those of all of Kafka's files that belong to one.
  static func isNumbered(_ name: String) -> Bool {
    let utf8 = name.utf8
    return utf8.count > 21 && utf8.prefix(20).allSatisfy { (0x30...0x39).contains($0) }
      && utf8[utf8.index(utf8.startIndex, offsetBy: 20)] == UInt8(ascii: ".")
  }
}
