import Glibc
import TierAPI
import TierKit

/// The bytes of a segment that lies in extents, in memory or in open files. Borrowed for the call of `import_segment`.
struct SegmentBytes {
  private let extents: UnsafeBufferPointer<chronik_extent>
  /// Where each extent begins.
  private let starts: [Int]
  let byteCount: Int

  init(_ extents: UnsafeBufferPointer<chronik_extent>) {
    self.extents = extents
    var starts: [Int] = []
    var position = 0
    for extent in extents {
      starts.append(position)
      position += extent.len
    }
    self.starts = starts
    byteCount = position
  }

  /// Fills `target` with the bytes from `position` on, all of which exist.
  func read(at position: Int, into target: UnsafeMutableRawBufferPointer) throws(TierError) {
    precondition(position >= 0 && target.count <= byteCount - position)
    var done = 0
    var index = starts.partitioningIndex { $0 > position } - 1
    while done < target.count {
      let inside = position + done - starts[index]
      let count = min(extents[index].len - inside, target.count - done)
      let part = UnsafeMutableRawBufferPointer(rebasing: target[done..<done + count])
      if count > 0 { try read(extents[index], at: inside, into: part) }
      done += count
      index += 1
    }
  }

  private func read(
    _ extent: chronik_extent, at position: Int, into target: UnsafeMutableRawBufferPointer
  ) throws(TierError) {
    if extent.kind == CHRONIK_EXTENT_MEMORY, let source = extent.ptr {
      target.copyMemory(from: UnsafeRawBufferPointer(start: source + position, count: target.count))
      return
    }
    guard extent.kind == CHRONIK_EXTENT_FILE else {
      throw TierError(.permanent, "an extent of unknown kind \(extent.kind)")
    }
    var done = 0
    while done < target.count {
      let size = pread(
        extent.fd, target.baseAddress! + done, target.count - done, off_t(extent.file_offset) + off_t(position + done))
      if size < 0, errno == EINTR { continue }
      guard size > 0 else {
        let reason = size == 0 ? "the file ends early" : String(cString: strerror(errno))
        throw TierError(.retriable, "the segment to archive cannot be read: \(reason)")
      }
      done += size
    }
  }
}
