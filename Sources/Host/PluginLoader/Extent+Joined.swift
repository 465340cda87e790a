import Glibc
import TierAPI

extension Extent {
  /// Reads bytes from the start of the extent into `destination`, all of it or not at all. A file region may block.
  public func copyBytes(into destination: UnsafeMutableRawBufferPointer) throws(TierFailure) {
    precondition(destination.count <= byteCount)
    guard destination.count > 0 else { return }
    guard isFileRegion else {
      destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory.prefix(destination.count)))
      return
    }
    var filled = 0
    while filled < destination.count {
      let count = pread(
        raw.fd, destination.baseAddress! + filled, destination.count - filled,
        off_t(raw.file_offset) + off_t(filled))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw TierFailure(
          .retriable, origin: "extent",
          message: count == 0 ? "the file ends early" : String(cString: strerror(errno)))
      }
      filled += count
    }
  }

  /// One extent in memory with the bytes of several. The caller bounds their sum.
  static func joined(_ extents: [Extent]) throws(TierFailure) -> Extent {
    let count = extents.reduce(0) { $0 + $1.byteCount }
    let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 16)
    var position = 0
    do throws(TierFailure) {
      for extent in extents {
        try extent.copyBytes(
          into: UnsafeMutableRawBufferPointer(rebasing: storage[position..<position + extent.byteCount]))
        position += extent.byteCount
      }
    } catch {
      storage.deallocate()
      throw error
    }
    return Extent(
      chronik_extent(
        kind: CHRONIK_EXTENT_MEMORY, fd: -1, ptr: storage.baseAddress!.assumingMemoryBound(to: UInt8.self),
        file_offset: 0, len: count, owner: storage.baseAddress, release: { $0?.deallocate() }))
  }
}
