import TierAPI

/// A read in Swift's terms; see `chronik_read_request`.
public struct ReadRequest: Sendable {
  /// The wanted offset: the answer begins with the batch that contains it.
  public var offset: Int64
  /// No batch whose base offset is at or beyond this.
  public var endOffset: Int64
  /// The answer stops before the batch that would exceed this many bytes …
  public var maxBytes: Int
  /// … except that the first batch is returned whole when this is set.
  public var minOneBatch: Bool
  public var nonblocking: Bool

  public init(offset: Int64, endOffset: Int64, maxBytes: Int, minOneBatch: Bool, nonblocking: Bool) {
    self.offset = offset
    self.endOffset = endOffset
    self.maxBytes = maxBytes
    self.minOneBatch = minOneBatch
    self.nonblocking = nonblocking
  }

  init(_ raw: UnsafePointer<chronik_read_request>) {
    offset = raw.pointee.offset
    endOffset = raw.pointee.end_offset
    maxBytes = Int(clamping: raw.pointee.max_bytes)
    minOneBatch = raw.pointee.min_one_batch != 0
    nonblocking = raw.pointee.flags & CHRONIK_NONBLOCKING != 0
  }
}

/// How a call that may answer at once ended, when it did not fail.
public enum ReadOutcome: Sendable {
  case ok
  /// Not held here.
  case miss
  /// Only possible when the request was nonblocking; nothing happened.
  case wouldBlock

  var status: Int32 {
    switch self {
    case .ok: CHRONIK_OK
    case .miss: CHRONIK_MISS
    case .wouldBlock: CHRONIK_WOULD_BLOCK
    }
  }
}

/// The host's result struct while a tier fills it: extents are added in offset order.
///
/// Every extent added carries a reference to `owner`, which the host releases from any thread when it is done with the
/// bytes. If the read fails after extents were added, the glue releases them.
public struct ReadAnswer: ~Copyable {
  private let raw: UnsafeMutablePointer<chronik_read_result>

  /// Begins an answer in the caller's struct, whose `capacity` and `extents` are set.
  public init(_ raw: UnsafeMutablePointer<chronik_read_result>) {
    self.raw = raw
    raw.pointee.extent_count = 0
    raw.pointee.byte_count = 0
    raw.pointee.start_offset = -1
    raw.pointee.next_offset = -1
  }

  /// How many more extents fit. A tier that runs out ends its answer there.
  public var remainingExtents: Int { Int(raw.pointee.capacity) - Int(raw.pointee.extent_count) }
  public var byteCount: Int { Int(raw.pointee.byte_count) }

  /// Sets the base offset of the first batch and the offset after the last one.
  public func setOffsets(start: Int64, next: Int64) {
    raw.pointee.start_offset = start
    raw.pointee.next_offset = next
  }

  /// Adds bytes in memory that stay valid and unchanged as long as `owner` lives.
  public func addMemory(_ bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    var extent = chronik_extent()
    extent.kind = CHRONIK_EXTENT_MEMORY
    extent.fd = -1
    extent.ptr = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    extent.len = bytes.count
    add(extent, owner: owner)
  }

  /// Adds `byteCount` bytes of an open file; `owner` keeps the descriptor open.
  public func addFileRegion(fileDescriptor: Int32, offset: Int64, byteCount: Int, owner: AnyObject) {
    var extent = chronik_extent()
    extent.kind = CHRONIK_EXTENT_FILE
    extent.fd = fileDescriptor
    extent.file_offset = offset
    extent.len = byteCount
    add(extent, owner: owner)
  }

  private func add(_ extent: chronik_extent, owner: AnyObject) {
    precondition(remainingExtents > 0, "a tier must stop when remainingExtents is 0")
    var extent = extent
    extent.owner = Unmanaged.passRetained(owner).toOpaque()
    extent.release = { Unmanaged<AnyObject>.fromOpaque($0!).release() }
    raw.pointee.extents[Int(raw.pointee.extent_count)] = extent
    raw.pointee.extent_count += 1
    raw.pointee.byte_count += UInt64(extent.len)
  }

  /// Gives every extent back; used when a read fails half way.
  func discard() {
    for index in 0..<Int(raw.pointee.extent_count) {
      let extent = raw.pointee.extents[index]
      extent.release?(extent.owner)
    }
    raw.pointee.extent_count = 0
    raw.pointee.byte_count = 0
  }
}

/// Bytes of a batch that a tier keeps after `append` returned, without copying them.
public final class RetainedSlice: Sendable {
  private let slice: chronik_slice

  /// Takes a reference; nil when the sender does not allow it and the bytes must be copied.
  public init?(_ slice: chronik_slice) {
    guard let retain = slice.retain else { return nil }
    retain(slice.owner)
    self.slice = slice
  }

  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: slice.ptr, count: slice.len) }
  /// Size of the allocation that this reference keeps alive.
  public var storageByteCount: Int { slice.storage_bytes }

  deinit { slice.release?(slice.owner) }
}
