import KafkaRecords
import SegmentFormat
import TierKit

/// Replays the commit log's entries of one segment, in order.
struct SegmentReplay {
  let path: String
  let fileSystem: any FileSystem
  let host: HostServices
  let buffers: BufferPool

  /// Writes what is missing and syncs the file. Returns whether the file had to be made. A file that is not there is made
  /// only from its first byte on: otherwise its segment was deleted. Blocks.
  func run(_ entries: [CommitLogReplay.Location], _ logs: [OpenFile]) throws(TierError) -> Bool {
    try naming("replay the commit log into", path) { () throws(Errno) in
      let file: OpenFile
      var isMade = false
      do throws(Errno) {
        file = try OpenFile(path, .existing, fileSystem)
      } catch {
        guard error == .notFound else { throw error }
        guard entries[0].position == 0 else { return false }
        file = try OpenFile(path, .creating, fileSystem)
        isMade = true
      }
      for entry in entries {
        guard try apply(entry, logs[entry.file], file) else { break }
      }
      try fileSystem.syncData(file.descriptor)
      return isMade
    }
  }

  /// False when this entry and those behind it do not fit the file.
  private func apply(
    _ entry: CommitLogReplay.Location, _ log: OpenFile, _ file: OpenFile
  ) throws(Errno) -> Bool {
    let size = try fileSystem.byteCount(file.descriptor)
    guard entry.position <= size else {
      report("bytes are missing before the entry", entry)
      return false
    }
    let wanted = UnsafeMutableRawBufferPointer.allocate(byteCount: entry.count, alignment: 8)
    defer { wanted.deallocate() }
    try fileSystem.readFully(log.descriptor, at: entry.dataStart, into: wanted)
    let there = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(min(Int64(entry.count), size - entry.position)), alignment: 8)
    defer { there.deallocate() }
    try fileSystem.readFully(file.descriptor, at: entry.position, into: there)
    let same = zip(wanted, there).prefix { $0 == $1 }.count
    if same == entry.count { return true }
    if try isNewer(file, size: size, at: entry.position + batchStart(wanted, before: same)) {
      report("the segment holds other batches there, which stay", entry)
      return false
    }
    let rest = UnsafeRawBufferPointer(rebasing: wanted[same...])
    try fileSystem.writeFully(file.descriptor, rest, at: entry.position + Int64(same))
    return true
  }

  /// Where in an entry's batches the one begins that holds byte `position`.
  private func batchStart(_ bytes: UnsafeMutableRawBufferPointer, before position: Int) -> Int64 {
    var start = 0
    while start + RecordBatchHeader.byteCount <= bytes.count {
      let head = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + RecordBatchHeader.byteCount)])
      guard let size = RecordBatchHeader.size(of: head), start + size <= position else { break }
      start += size
    }
    return Int64(start)
  }

  /// Whether a whole batch stands at a byte where the entry has a different one: a truncation came between, whose release
  /// was lost, or another program used the directory.
  private func isNewer(_ file: OpenFile, size: Int64, at position: Int64) throws(Errno) -> Bool {
    guard position < size else { return false }
    let buffer = buffers.take()
    defer { buffers.put(buffer) }
    var scanner = LogScanner(
      RecoverySource(file: file), from: position, to: size, expectedOffset: 0, borrowing: buffer.bytes)
    if case .batch = try scanner.next() { return true }
    return false
  }

  private func report(_ reason: String, _ entry: CommitLogReplay.Location) {
    host.log(
      .error, "Entries of the commit log do not fit their segment and are left out.",
      [("file", path), ("byte", String(entry.position)), ("reason", reason)])
  }
}

extension RecordBatchHeader {
  /// The bytes of a batch by its header alone; nil when that is none.
  fileprivate static func size(of head: UnsafeRawBufferPointer) -> Int? {
    do { return try RecordBatchHeader(parsing: head).byteCount } catch { return nil }
  }
}
