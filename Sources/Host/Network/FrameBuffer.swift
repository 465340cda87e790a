import Glibc
import TierAPI

/// The bytes of one request frame, without its size prefix, in one piece of memory that the broker owns.
///
/// The network layer fills it, the produce path patches offsets into it, and from then on the bytes never change: tiers
/// may keep slices of it (``slice(_:)``) and the network may send them. Reference counting frees it.
///
/// Not thread-safe while it is being filled or patched; immutable afterwards.
final class FrameBuffer: @unchecked Sendable {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  /// Final size, as the prefix announced it.
  let byteCount: Int
  private var capacity: Int

  /// A buffer for a frame of `byteCount` bytes, of which `available` are at hand.
  init(byteCount: Int, available: Int) {
    self.byteCount = byteCount
    capacity = max(1, min(byteCount, max(available, NetworkLimits.initialFrameByteCountMax)))
    guard let memory = malloc(capacity) else { fatalError("out of memory for a frame of \(byteCount) bytes") }
    base = memory
  }

  deinit { free(base) }

  var isComplete: Bool { count == byteCount }
  var missing: Int { byteCount - count }
  /// Size of the allocation, for memory accounting.
  var storageByteCount: Int { capacity }
  /// What it takes of the in-flight budget: what has arrived, not what was announced.
  var chargedByteCount: Int { count + NetworkLimits.frameOverhead }

  /// Adds bytes, at most ``missing``. Memory grows with what has arrived, never with what was announced.
  func append(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= missing)
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    if count + bytes.count > capacity {
      capacity = min(byteCount, max(capacity * 4, count + bytes.count))
      guard let larger = realloc(base, capacity) else { fatalError("out of memory for a frame of \(byteCount) bytes") }
      base = larger
    }
    (base + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }

  /// A slice that a tier may keep by `retain`.
  func slice(_ range: Range<Int>) -> chronik_slice {
    chronik_slice(
      ptr: UnsafePointer((base + range.lowerBound).assumingMemoryBound(to: UInt8.self)), len: range.count,
      storage_bytes: capacity, owner: Unmanaged.passUnretained(self).toOpaque(),
      retain: { _ = Unmanaged<FrameBuffer>.fromOpaque($0!).retain() },
      release: { Unmanaged<FrameBuffer>.fromOpaque($0!).release() })
  }
}
