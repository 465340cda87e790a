import SegmentFormat
import Synchronization

/// The files of one segment: the log and its two indexes. What they hold is in ``SegmentEntry``.
///
/// Bytes of the log below the published size never change as long as the object is in use; truncation makes a new file.
final class Segment: Sendable {
  let baseOffset: Int64
  let log: FileSlot
  let index: SegmentIndex<OffsetIndexEntry>
  let timeIndex: SegmentIndex<TimeIndexEntry>
  /// Set when a lookup through the index failed; lookups walk the log from its start from then on.
  let isIndexDistrusted = Atomic<Bool>(false)
  /// Set when the index files could not be completed: no recovery point may rely on them, so that the next start makes
  /// them again.
  let areIndexesIncomplete = Atomic<Bool>(false)
  private let allocation = Guarded(Allocation())

  private struct Allocation {
    /// Bytes for which the file has disk blocks, as far as this object knows.
    var end: Int64 = 0
    var isOver = false
  }

  enum Origin {
    /// Created by this process: the index files are empty.
    case created
    /// Found on disk: the index files are looked at when needed.
    case found
  }

  init(_ directory: String, baseOffset: Int64, _ origin: Origin, _ cache: DescriptorCache) {
    self.baseOffset = baseOffset
    func slot(_ kind: SegmentFileName.Kind) -> FileSlot {
      FileSlot("\(directory)/\(SegmentFileName.format(baseOffset, kind))", cache)
    }
    log = slot(.log)
    let written: Int? = if case .created = origin { 0 } else { nil }
    index = SegmentIndex(slot(.index), written: written)
    timeIndex = SegmentIndex(slot(.timeIndex), written: written)
  }

  /// Creates the three files, empty. Their names are durable after the directory was synced.
  func createFiles() throws(Errno) -> OpenFile {
    let file = try log.file(.replacing)
    _ = try index.slot.file(.replacing)
    _ = try timeIndex.slot.file(.replacing)
    return file
  }

  /// Removes the files' names, the log's last, so that a crash in between leaves a segment that recovery understands.
  /// Missing ones are no error. Readers that hold the files go on.
  func removeFiles(_ fileSystem: any FileSystem) throws(Errno) {
    for slot in [timeIndex.slot, index.slot, log] {
      do {
        try fileSystem.remove(slot.path)
      } catch {
        if error != .notFound { throw error }
      }
      slot.letGo()
    }
  }

  // MARK: preallocation

  /// Reserves blocks ahead of the writer: as much again as the log has, at most `step`, never beyond `limit`. Small logs
  /// get nothing. Blocks. A refusal ends it for this segment: it only costs speed. Neither is anything taken of what
  /// `space` keeps.
  func reserveAhead(_ file: OpenFile, size: Int64, step: Int64, limit: Int64, _ space: SpaceReserve) {
    guard step > 0, size >= Limits.preallocationStart, size < limit else { return }
    allocation.withLock { allocation in
      guard !allocation.isOver, allocation.end - size < min(size, step) / 2 else { return }
      let start = max(allocation.end, size)
      let end = min(size + min(size, step), limit)
      guard end > start, space.hasRoom(end - start) else { return }
      do {
        try file.fileSystem.allocate(file.descriptor, at: start, byteCount: end - start)
        allocation.end = end
      } catch {
        allocation.isOver = true
      }
    }
  }

  /// Gives blocks behind `size` back. Blocks.
  func endReservation(_ file: OpenFile, size: Int64) throws(Errno) {
    let failure = allocation.withLock { allocation -> Errno? in
      allocation.isOver = true
      guard allocation.end > size else { return nil }
      allocation.end = 0
      do throws(Errno) { try file.fileSystem.truncate(file.descriptor, to: size) } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }
}
