import Glibc
import TierAPI

/// Where frames get their memory, so that a test can refuse it. What it hands out is freed by `free`.
struct FrameMemory: Sendable {
  var allocate: @Sendable (Int) -> UnsafeMutableRawPointer?
  var reallocate: @Sendable (UnsafeMutableRawPointer, Int) -> UnsafeMutableRawPointer?

  static let system = FrameMemory(allocate: { malloc($0) }, reallocate: { realloc($0, $1) })
}

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

  private let memory: FrameMemory

  /// A buffer for a frame of `byteCount` bytes, of which `available` are at hand; nil when there is no memory.
  init?(byteCount: Int, available: Int, memory: FrameMemory = .system) {
    self.byteCount = byteCount
    self.memory = memory
    capacity = max(1, min(byteCount, max(available, NetworkLimits.initialFrameByteCountMax)))
    guard let base = memory.allocate(capacity) else { return nil }
    self.base = base
  }

  /// A frame that the broker itself has written. Its bytes are in memory already, so this fails like any other
  /// allocation of Swift's.
  convenience init(copying bytes: [UInt8]) {
    self.init(byteCount: bytes.count, available: bytes.count)!
    bytes.withUnsafeBytes { appendReserved($0) }
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

  /// More than is needed at once, so that a large frame is not copied again and again; only what is written of it
  /// becomes resident.
  private func grow(to least: Int) -> Bool {
    for wanted in [min(byteCount, max(capacity * 4, least)), least] {
      guard let larger = memory.reallocate(base, wanted) else { continue }
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
