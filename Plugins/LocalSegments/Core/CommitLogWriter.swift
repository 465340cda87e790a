import Glibc
import SegmentFormat
import TierKit

/// Gathers entries in a buffer and writes them to a commit-log file, one behind the other. Used by one thread while it
/// holds the log's lock. After a failed write it takes nothing more.
struct CommitLogWriter {
  let file: OpenFile
  private let buffer: UnsafeMutableRawBufferPointer
  private let generation: UInt64
  /// Byte of the file at which the buffer's content belongs.
  private var start: Int64
  private var used = 0
  private(set) var sequence: UInt64
  private(set) var failure: Errno?

  /// `buffer` has room for the largest entry.
  init(
    file: OpenFile, buffer: UnsafeMutableRawBufferPointer, generation: UInt64, position: Int64, sequence: UInt64
  ) {
    self.file = file
    self.buffer = buffer
    self.generation = generation
    start = position
    self.sequence = sequence
  }

  /// The byte behind the last entry.
  var end: Int64 { start + Int64(used) }

  /// The first entry of a generation.
  mutating func begin(previous: (generation: UInt64, count: UInt64)) {
    put(
      CommitLogEntry(
        .begin, generation: generation, sequence: sequence, baseOffset: Int64(bitPattern: previous.generation),
        position: Int64(bitPattern: previous.count)), name: [])
  }

  mutating func add(_ kind: CommitLogEntry.Kind, _ id: PartitionID, _ name: [UInt8], baseOffset: Int64) {
    put(
      CommitLogEntry(
        kind, generation: generation, sequence: sequence, topicID: id.topicID, partition: id.partition,
        baseOffset: baseOffset, nameByteCount: name.count), name: name)
  }

  /// Copies `count` bytes of a segment at `position` into an entry; false, without an entry, when they cannot be read.
  mutating func add(
    _ id: PartitionID, _ name: [UInt8], baseOffset: Int64, segment: OpenFile, position: Int64, count: Int
  ) -> Bool {
    let entry = CommitLogEntry(
      .data, generation: generation, sequence: sequence, topicID: id.topicID, partition: id.partition,
      baseOffset: baseOffset, position: position, nameByteCount: name.count, dataByteCount: count)
    guard makeRoom(entry.byteCount) else { return true }
    let data = UnsafeMutableRawBufferPointer(rebasing: buffer[(used + entry.dataStart)...].prefix(count))
    do {
      try segment.fileSystem.readFully(segment.descriptor, at: position, into: data)
    } catch {
      return false
    }
    put(entry, name: name)
    return true
  }

  /// Fills the page, so that the next flush writes none of these bytes again.
  mutating func pad() {
    let page = CommitLogFormat.pageByteCount
    var rest = Int((Int64(page) - end % Int64(page)) % Int64(page))
    if rest == 0 { return }
    if rest < CommitLogFormat.entryHeaderByteCount { rest += page }
    let dataByteCount = rest - CommitLogFormat.entryHeaderByteCount
    guard makeRoom(rest) else { return }
    let data = UnsafeMutableRawBufferPointer(
      rebasing: buffer[(used + CommitLogFormat.entryHeaderByteCount)..<(used + rest)])
    data.initializeMemory(as: UInt8.self, repeating: 0)
    put(CommitLogEntry(.padding, generation: generation, sequence: sequence, dataByteCount: dataByteCount), name: [])
  }

  /// Writes what the buffer holds; false after any failure.
  mutating func writeOut() -> Bool {
    guard failure == nil else { return false }
    do throws(Errno) {
      if used > 0 {
        try file.fileSystem.writeFully(file.descriptor, UnsafeRawBufferPointer(rebasing: buffer[..<used]), at: start)
      }
    } catch {
      failure = error
      return false
    }
    start += Int64(used)
    used = 0
    return true
  }

  private mutating func makeRoom(_ count: Int) -> Bool { buffer.count - used >= count || writeOut() }

  private mutating func put(_ entry: CommitLogEntry, name: [UInt8]) {
    guard makeRoom(entry.byteCount) else { return }
    let target = UnsafeMutableRawBufferPointer(rebasing: buffer[used..<(used + entry.byteCount)])
    name.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return }
      (target.baseAddress! + CommitLogFormat.entryHeaderByteCount).copyMemory(from: base, byteCount: raw.count)
    }
    entry.seal(target)
    used += entry.byteCount
    sequence += 1
  }
}
