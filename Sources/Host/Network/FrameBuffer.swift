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
    // No more than lies in memory already, or a small piece: like any other allocation of Swift's.
    guard let memory = malloc(capacity) else { fatalError("out of memory for \(capacity) bytes") }
    base = memory
  }

  deinit { free(base) }

  var isComplete: Bool { count == byteCount }
  var missing: Int { byteCount - count }
  /// Size of the allocation, for memory accounting.
  var storageByteCount: Int { capacity }
  /// What it takes of the in-flight budget: what has arrived, not what was announced.
  var chargedByteCount: Int { count + NetworkLimits.frameOverhead }

  /// Adds bytes, at most ``missing``. Memory grows with what has arrived, never with what was announced. False, and
  /// nothing is added, when there is no memory: what a peer may send must not end the process.
  func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
    precondition(bytes.count <= missing)
    guard let source = bytes.baseAddress, bytes.count > 0 else { return true }
    guard count + bytes.count <= capacity || grow(to: count + bytes.count) else { return false }
    (base + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
    return true
  }

  /// More than is needed at once, so that a large frame is not copied again and again; only what is written of it becomes
  /// resident.
  private func grow(to least: Int) -> Bool {
    for wanted in [min(byteCount, max(capacity * 4, least)), least] {
      guard let larger = realloc(base, wanted) else { continue }
      base = larger
      capacity = wanted
      return true
    }
    return false
  }

  /// Adds bytes for which the buffer was made; for frames that the broker itself writes.
  func appendReserved(_ bytes: UnsafeRawBufferPointer) {
    precondition(count + bytes.count <= capacity && append(bytes))
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
