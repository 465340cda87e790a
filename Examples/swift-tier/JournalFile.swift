import Glibc
import KafkaRecords
import TierKit

// One partition's file, integers big-endian:
//
//    0  "CHRJRNL1"
//    8  int64   start offset
//   16  uint8   bytes of the topic's name, which follows from 17 on (at most 249)
//  268  uint32  CRC-32C of bytes 0 … 267
//  272  record batches, one behind the other, verbatim
//
// The batches carry their own checksums. The header is only ever written into a new file, which takes its place by
// rename when it is complete and flushed; so the name always leads to a whole one.

/// An open journal; the descriptor lives as long as the object, which is what extents hold on to.
final class JournalFile: Sendable {
  static let headerByteCount = 272
  private static let magic = Array("CHRJRNL1".utf8)

  let path: String
  let topic: String
  let start: Int64
  let descriptor: Int32

  private init(path: String, topic: String, start: Int64, descriptor: Int32) {
    (self.path, self.topic, self.start, self.descriptor) = (path, topic, start, descriptor)
  }

  deinit { Glibc.close(descriptor) }

  /// nil when there is no such file; CORRUPT when its header is not whole, which the protocol above rules out.
  static func open(_ path: String) throws(TierError) -> JournalFile? {
    let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
    if descriptor < 0, errno == ENOENT { return nil }
    guard descriptor >= 0 else { throw .errno(path) }
    do throws(TierError) {
      let header = try readBytes(descriptor, 0, headerByteCount, path)
      let (crc, start) = header.withUnsafeBytes { ($0.bigEndian(268, as: UInt32.self), $0.bigEndian(8, as: Int64.self)) }
      guard header.starts(with: magic), header[16] <= 249, crc == checksum(header) else {
        throw TierError(.corrupt, "\(path): the header is damaged")
      }
      let topic = String(decoding: header[17..<(17 + Int(header[16]))], as: UTF8.self)
      return JournalFile(path: path, topic: topic, start: start, descriptor: descriptor)
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  private static func checksum(_ header: [UInt8]) -> UInt32 {
    header.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[..<268])) }
  }

  /// Writes a new file beside the old one, lets `fill` add batches, and puts it in the old one's place, durably.
  static func create(
    _ path: String, topic: String, start: Int64, fill: (JournalFile) throws(TierError) -> Void
  ) throws(TierError) -> JournalFile {
    let draft = path + ".new"
    let descriptor = Glibc.open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .errno(draft) }
    let file = JournalFile(path: path, topic: topic, start: start, descriptor: descriptor)
    var header = [UInt8](repeating: 0, count: headerByteCount)
    header.replaceSubrange(0..<8, with: magic)
    withUnsafeBytes(of: start.bigEndian) { header.replaceSubrange(8..<16, with: $0) }
    header[16] = UInt8(topic.utf8.count)
    header.replaceSubrange(17..<(17 + topic.utf8.count), with: topic.utf8)
    withUnsafeBytes(of: checksum(header).bigEndian) { header.replaceSubrange(268..<272, with: $0) }
    do throws(TierError) {
      try file.write(header, at: 0)
      try fill(file)
      try file.flush()
      guard rename(draft, path) == 0 else { throw TierError.errno(path) }
      try syncDirectory(of: path)
    } catch {
      unlink(draft)
      throw error
    }
    return file
  }

  /// Recovery: every batch is checked; the file is cut at the first that is torn, damaged or out of order.
  func scan(reportingTo host: HostServices) throws(TierError) -> [JournalEntry] {
    let size = Int64(lseek(descriptor, 0, SEEK_END))
    var index: [JournalEntry] = []
    var position = Int64(Self.headerByteCount)
    while let entry = try nextEntry(at: position, size: size),
      index.last.map({ $0.nextOffset == entry.baseOffset }) ?? (entry.baseOffset <= start && start < entry.nextOffset)
    {
      index.append(entry)
      position = entry.end
    }
    if position < size {
      host.log(.warning, "cut off a torn tail", [("file", path), ("at", "\(position)"), ("bytes", "\(size - position)")])
      guard cut(at: position) else { throw .errno(path) }
    }
    try flush()
    return index
  }

  /// The length field is compared with what the file has before memory is reserved for it.
  private func nextEntry(at position: Int64, size: Int64) throws(TierError) -> JournalEntry? {
    guard size - position >= Int64(RecordBatchHeader.byteCount) else { return nil }
    let head = try Self.readBytes(descriptor, position, RecordBatchHeader.byteCount, path)
    guard let parsed = try? head.withUnsafeBytes({ try RecordBatchHeader(parsing: $0) }),
      Int64(parsed.byteCount) <= size - position
    else { return nil }
    let whole = try Self.readBytes(descriptor, position, parsed.byteCount, path)
    guard let header = try? whole.withUnsafeBytes({ try RecordBatch.validate($0) }) else { return nil }
    return JournalEntry(
      baseOffset: header.baseOffset, nextOffset: header.nextOffset, maxTimestamp: header.maxTimestamp,
      leaderEpoch: header.partitionLeaderEpoch, position: position, byteCount: header.byteCount)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at position: Int64) throws(TierError) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(position) + off_t(done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .errno(path) }
      done += count
    }
  }

  private func write(_ bytes: [UInt8], at position: Int64) throws(TierError) {
    try bytes.withUnsafeBytes { bytes in Result { () throws(TierError) in try write(bytes, at: position) } }.get()
  }

  /// Copies a region of another file in pieces.
  func copy(_ range: Range<Int64>, of source: JournalFile, to target: Int64) throws(TierError) {
    var position = range.lowerBound
    while position < range.upperBound {
      let piece = try Self.readBytes(source.descriptor, position, Int(min(1 << 20, range.upperBound - position)), path)
      try write(piece, at: target + position - range.lowerBound)
      position += Int64(piece.count)
    }
  }

  func cut(at position: Int64) -> Bool { ftruncate(descriptor, off_t(position)) == 0 }

  func flush() throws(TierError) {
    guard fdatasync(descriptor) == 0 else { throw .errno(path) }
  }

  /// A new or removed name is durable only when its directory was flushed.
  static func syncDirectory(of path: String) throws(TierError) {
    let directory = String(path[..<path.lastIndex(of: "/")!])
    let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .errno(directory) }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .errno(directory) }
  }

  /// Exactly `count` bytes; a file that ends earlier is CORRUPT.
  private static func readBytes(
    _ descriptor: Int32, _ position: Int64, _ count: Int, _ path: String
  ) throws(TierError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + done, count - done, off_t(position) + off_t(done))
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw .errno(path) }
      guard got > 0 else { throw TierError(.corrupt, "\(path): ends at \(position + Int64(done))") }
      done += got
    }
    return bytes
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func bigEndian<Number: FixedWidthInteger & BitwiseCopyable>(_ position: Int, as: Number.Type) -> Number {
    Number(bigEndian: loadUnaligned(fromByteOffset: position, as: Number.self))
  }
}

extension TierError {
  /// What the last system call said about a path.
  static func errno(_ path: String) -> TierError {
    let code = Glibc.errno
    return TierError(code == ENOSPC || code == EDQUOT ? .noSpace : .permanent, "\(path): \(String(cString: strerror(code)))")
  }
}
