import KafkaRecords
import SegmentFormat
import TierKit

/// Replays the commit log's entries of one segment, in order.
struct SegmentReplay {
  let path: String
  let fileSystem: any FileSystem
  let host: HostServices
  let buffers: BufferPool

  /// Writes what is missing and syncs the file. Returns whether its name may not be durable: the file was made now, or
  /// by a killed process that never synced the directory, and then its entries begin with its first byte. A file that
  /// is not there is made only from that byte on: otherwise its segment was deleted. Blocks.
  func run(_ entries: [CommitLogReplay.Location], _ logs: [OpenFile]) throws(TierError) -> Bool {
    try naming("replay the commit log into", path) { () throws(Errno) in
      let file: OpenFile
      do throws(Errno) {
        file = try OpenFile(path, .existing, fileSystem)
      } catch {
        guard error == .notFound else { throw error }
        guard entries[0].position == 0 else { return false }
        file = try OpenFile(path, .creating, fileSystem)
      }
      for entry in entries {
        guard try apply(entry, logs[entry.file], file) else { break }
      }
      try fileSystem.syncData(file.descriptor)
      return entries[0].position == 0
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
    if try isNewer(file, size: size, than: wanted, from: batchStart(wanted, before: same), entry) {
      report("the segment holds other batches there, which stay", entry)
      return false
    }
    let rest = UnsafeRawBufferPointer(rebasing: wanted[same...])
    try fileSystem.writeFully(file.descriptor, rest, at: entry.position + Int64(same))
    return true
  }

  /// Where in an entry's batches the one begins that holds byte `position`.
  private func batchStart(_ bytes: UnsafeMutableRawBufferPointer, before position: Int) -> Int {
    var start = 0
    while let header = Self.header(bytes, at: start), start + header.byteCount <= position { start += header.byteCount }
    return start
  }

  /// Whether the file has a whole batch of the same offset and with other content where the entry's batch begins at
  /// byte `start`: a truncation came between, whose release was lost, or another program used the directory. The
  /// checksum does not cover offset and epoch, so a batch that differs in nothing else was torn there.
  private func isNewer(
    _ file: OpenFile, size: Int64, than wanted: UnsafeMutableRawBufferPointer, from start: Int,
    _ entry: CommitLogReplay.Location
  ) throws(Errno) -> Bool {
    let position = entry.position + Int64(start)
    guard position < size, let header = Self.header(wanted, at: start) else { return false }
    let buffer = buffers.take()
    defer { buffers.put(buffer) }
    var scanner = LogScanner(
      RecoverySource(file: file), from: position, to: size, expectedOffset: 0, borrowing: buffer.bytes)
    guard case .batch(let found, _) = try scanner.next() else { return false }
    return found.baseOffset == header.baseOffset && found.crc != header.crc
  }

  /// The header of the batch at a byte of an entry; nil when there is none.
  private static func header(_ bytes: UnsafeMutableRawBufferPointer, at start: Int) -> RecordBatchHeader? {
    guard start + RecordBatchHeader.byteCount <= bytes.count else { return nil }
    let head = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + RecordBatchHeader.byteCount)])
    do { return try RecordBatchHeader(parsing: head) } catch { return nil }
  }

  private func report(_ reason: String, _ entry: CommitLogReplay.Location) {
    host.log(
      .error, "Entries of the commit log do not fit their segment and are left out.",
      [("file", path), ("byte", String(entry.position)), ("reason", reason)])
  }
}
