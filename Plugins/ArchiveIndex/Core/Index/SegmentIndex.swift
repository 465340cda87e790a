import TierKit

/// The truth of what is archived: the state in memory and its file. A change is in the file, durably, before anybody
/// sees it in the state.
///
/// Thread-safe. `commit` and `replace` wait for the disk and for each other; reading the state waits for neither.
package final class SegmentIndex: Sendable {
  private struct Journal {
    var descriptor: Int32 = -1
    var byteCount = 0
    var snapshotByteCount = 0
    var recordCount = 0
    /// True for a file of an earlier version, which the next commit writes anew.
    var isOld = false
    /// Why the end of the file cannot be trusted any more; the next commit writes the file anew.
    var failure: DiskError?
  }

  private let disk: any IndexDisk
  private let directory: String
  private let byteCountMax: Int
  private let journal = Guarded(Journal())
  private let state = Guarded(IndexState())

  /// The file never grows beyond `byteCountMax` bytes.
  package init(disk: any IndexDisk, directory: String, byteCountMax: Int = Limits.indexByteCountMax) {
    self.disk = disk
    self.directory = directory
    self.byteCountMax = byteCountMax
  }

  private var path: String { "\(directory)/segments.index" }

  // MARK: life

  /// What `load` found.
  package enum Found: Sendable, Equatable {
    /// The state is the one that was committed last.
    case clean
    case missing
    /// The state is the one that was committed last; the power went during another commit. The next one writes the file
    /// anew.
    case torn(String)
    /// The state is what could be read, which may lack objects that the store has.
    case damaged(String)
  }

  /// Reads the file. If it is missing or damaged, `replace` has to follow before anything is committed. A file of a
  /// later version is an error and stays as it is.
  package func load() throws(TierError) -> Found {
    let path = path
    let bytes = try naming("read", path) { () throws(DiskError) in
      try disk.load(path, limit: byteCountMax)
    }
    guard let bytes else { return .missing }
    let content = IndexFile.decode(bytes)
    guard content.version <= IndexFile.version else {
      throw TierError(
        .permanent,
        "\(path) was written by a later version of this tier (format \(content.version); this one reads up to "
          + "\(IndexFile.version)): use that version, or move the file away; it is then made again from the store, "
          + "without its memory of lost objects")
    }
    state.withLock { $0 = content.state }
    if let defect = content.defect, !content.isTorn { return .damaged(defect) }
    let descriptor = try naming("open", path) { () throws(DiskError) in try disk.open(path, .existing) }
    guard let descriptor else { throw TierError(.permanent, "\(path) vanished while it was opened") }
    journal.withLock { journal in
      journal = Journal(
        descriptor: descriptor, byteCount: content.byteCount, snapshotByteCount: content.byteCount,
        recordCount: content.recordCount, isOld: content.version < IndexFile.version,
        failure: content.isTorn ? .inputOutput : nil)
    }
    return content.defect.map { .torn($0) } ?? .clean
  }

  package func close() {
    journal.withLock { journal in
      if journal.descriptor >= 0 { disk.close(journal.descriptor) }
      journal.descriptor = -1
    }
  }

  // MARK: reading

  package subscript(id: PartitionID) -> PartitionObjects? { state.withLock { $0[id] } }
  /// The whole state, as it is now.
  package var current: IndexState { state.withLock { $0 } }

  // MARK: changing

  /// Makes changes durable and then visible. `changes` sees the state that no other commit changes meanwhile.
  ///
  /// After a failure nothing is visible; it may be found after a crash all the same.
  @discardableResult
  package func commit(_ changes: (IndexState) -> [IndexChange]) throws(TierError) -> [IndexChange] {
    try journal.withLock { (journal) throws(TierError) in
      let wanted = changes(current)
      if wanted.isEmpty { return [] }
      var next = current
      next.apply(wanted)
      if journal.descriptor < 0 || journal.isOld || journal.failure != nil
        || wanted.count > Limits.changesPerRecordMax
      {
        try write(next, &journal)
      } else {
        try append(wanted, next, &journal)
      }
      state.withLock { $0 = next }
      if journal.byteCount > 2 * journal.snapshotByteCount + Limits.journalGrowthMin {
        // The commit stands; what fails here is tried again after the next one.
        do throws(TierError) { try write(next, &journal) } catch {}
      }
      return wanted
    }
  }

  /// Puts another state, durably, in the place of everything known.
  package func replace(with next: IndexState) throws(TierError) {
    try journal.withLock { (journal) throws(TierError) in
      try write(next, &journal)
      state.withLock { $0 = next }
    }
  }

  private func append(_ changes: [IndexChange], _ next: IndexState, _ journal: inout Journal) throws(TierError) {
    let record = IndexFile.encode(changes, number: journal.recordCount)
    if journal.byteCount + record.count > byteCountMax { return try write(next, &journal) }
    do throws(DiskError) {
      try disk.writeFully(journal.descriptor, record, at: journal.byteCount)
      try disk.sync(journal.descriptor)
    } catch {
      journal.failure = error
      throw TierError(error, "append to", path)
    }
    journal.byteCount += record.count
    journal.recordCount += 1
  }

  private func write(_ next: IndexState, _ journal: inout Journal) throws(TierError) {
    let (bytes, recordCount) = IndexFile.encode(next)
    let path = path
    // `load` refuses what is larger: the next start could not read it.
    guard bytes.count <= byteCountMax else {
      throw TierError(
        .permanent,
        "\(path) would have \(bytes.count) bytes, more than \(byteCountMax): use larger objects (object_size)")
    }
    let descriptor: Int32
    do throws(DiskError) {
      descriptor = try disk.replace(path, in: directory, with: bytes)
    } catch {
      // The new file may or may not be in place: nothing is appended to either until one was written successfully.
      journal.failure = error
      throw TierError(error, "write", path)
    }
    if journal.descriptor >= 0 { disk.close(journal.descriptor) }
    journal = Journal(
      descriptor: descriptor, byteCount: bytes.count, snapshotByteCount: bytes.count, recordCount: recordCount)
  }
}
