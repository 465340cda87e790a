import KafkaRecords
import SegmentFormat
import TierAPI
import TierKit

/// The new form of a run of sealed segments while it is written beside them:
///
///     <base>.log.cleaned            the batches that stay; becomes <base>.log.swap, then <base>.log
///     <base>.index.rebuilding       its indexes, which take the places of the old ones at the end
///     <base>.timeindex.rebuilding
///
/// Nothing of it counts before the log is called `.swap`; until then `discard` takes everything back.
struct SegmentRewrite {
  static let cleanedSuffix = ".cleaned"
  static let swapSuffix = ".swap"

  /// Offsets that the new segment stands for.
  let range: Range<Int64>
  let segment: Segment
  private let interval: Int64
  private let context: TierContext
  private(set) var rebuild: IndexRebuild

  private var fileSystem: any FileSystem { context.fileSystem }
  var cleanedPath: String { segment.log.path + Self.cleanedSuffix }
  var swapPath: String { segment.log.path + Self.swapSuffix }

  init(_ range: Range<Int64>, directory: String, interval: Int64, _ context: TierContext) {
    self.range = range
    self.interval = interval
    self.context = context
    segment = Segment(directory, baseOffset: range.lowerBound, .found, context.descriptors)
    rebuild = IndexRebuild(segment, interval: interval, context.descriptors)
  }

  /// Writes the batches, reads them back and checks them, and makes log and indexes durable under their other names.
  /// Blocks. Throws `.corrupt` or `.permanent` for batches that must not be there; `discard` is the caller's.
  mutating func write(_ extents: UnsafeBufferPointer<chronik_extent>) throws(TierError) {
    let path = cleanedPath
    let (file, size) = try naming("write", path) { () throws(Errno) in
      let file = try OpenFile(path, .replacing, fileSystem)
      var size: Int64 = 0
      for extent in extents { try copy(extent, to: file, at: &size) }
      return (file, size)
    }
    guard size <= Limits.segmentByteCountMax else {
      throw TierError(.permanent, "\(path): \(size) bytes do not fit into a segment")
    }
    try check(file, size)
    try naming("sync", path) { () throws(Errno) in try fileSystem.syncData(file.descriptor) }
    do throws(Errno) { try rebuild.prepare(isFinal: true) } catch { throw TierError(error, "index", path) }
  }

  private func copy(_ extent: chronik_extent, to file: OpenFile, at size: inout Int64) throws(Errno) {
    if extent.kind == CHRONIK_EXTENT_MEMORY {
      try fileSystem.writeFully(file.descriptor, UnsafeRawBufferPointer(start: extent.ptr, count: extent.len), at: size)
      size += Int64(extent.len)
      return
    }
    let buffer = context.buffers.take()
    defer { context.buffers.put(buffer) }
    var done = 0
    while done < extent.len {
      let count = min(buffer.bytes.count, extent.len - done)
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
      try fileSystem.readFully(extent.fd, at: extent.file_offset + Int64(done), into: piece)
      try fileSystem.writeFully(file.descriptor, UnsafeRawBufferPointer(piece), at: size)
      done += count
      size += Int64(count)
    }
  }

  /// What was written is what a segment may hold: whole batches with good checksums whose offsets rise within the range
  /// and end with it.
  private mutating func check(_ file: OpenFile, _ size: Int64) throws(TierError) {
    let defect: TierError?
    do throws(Errno) { defect = try findDefect(file, size) } catch { throw TierError(error, "read", cleanedPath) }
    if let defect { throw defect }
  }

  private mutating func findDefect(_ file: OpenFile, _ size: Int64) throws(Errno) -> TierError? {
    let buffer = context.buffers.take()
    defer { context.buffers.put(buffer) }
    var scanner = LogScanner(
      RecoverySource(file: file), to: size, expectedOffset: range.lowerBound, borrowing: buffer.bytes)
    var end = range.lowerBound
    while true {
      switch try scanner.next() {
      case .batch(let header, let position):
        guard header.lastOffset - range.lowerBound <= Int64(Int32.max), header.nextOffset <= range.upperBound else {
          return refusal("a batch ends at \(header.nextOffset)")
        }
        try rebuild.note(header, at: position)
        end = header.nextOffset
      case .end: return end == range.upperBound ? nil : refusal("the last batch ends at \(end)")
      case .damage(let damage, let position):
        return TierError(.corrupt, "\(cleanedPath) byte \(position): \(damage)")
      }
    }
  }

  private func refusal(_ seen: String) -> TierError {
    TierError(
      .permanent,
      "\(cleanedPath): \(seen), the segments to replace stand for [\(range.lowerBound), \(range.upperBound))")
  }

  /// Removes what was written. What cannot be removed now goes at the next start.
  func discard() {
    for path in [cleanedPath] + rebuild.temporaryPaths {
      do throws(Errno) { try fileSystem.remove(path) } catch {
        guard error != .notFound else { continue }
        context.host.log(.debug, "A file of a rewrite that was given up remains.", [("file", path)])
      }
    }
  }

  /// Puts the indexes in place, once the log is. Their names are durable after the directory was synced.
  mutating func installIndexes() throws(Errno) { try rebuild.install(fileSystem) }
}
