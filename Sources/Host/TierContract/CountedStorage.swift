import Synchronization
import TierAPI

/// What the suite knows of the slices that it handed to one tier.
final class SliceLedger: Sendable {
  let retains = Atomic<Int>(0)
  let releases = Atomic<Int>(0)
  /// Retains and releases of bytes whose last reference was gone already.
  let misuses = Atomic<Int>(0)

  var kept: Int { retains.load(ordering: .acquiring) - releases.load(ordering: .acquiring) }
}

/// One allocation whose slices a tier may keep. When the last reference goes its bytes are scribbled over, and the
/// memory is never used again: a tier that reads on serves scribble, one that counts wrong is seen doing it.
final class CountedStorage: @unchecked Sendable {
  static let scribble: UInt8 = 0xDD

  let bytes: UnsafeMutableRawBufferPointer
  private let ledger: SliceLedger
  /// The suite's own reference is the first.
  private let references = Atomic<Int>(1)

  /// The object is immortal; `drop` ends the suite's reference.
  init(_ content: [UInt8], ledger: SliceLedger) {
    bytes = .allocate(byteCount: max(1, content.count), alignment: 16)
    bytes.copyBytes(from: content)
    self.ledger = ledger
    _ = Unmanaged.passRetained(self)
  }

  func drop() { release(counted: false) }

  private func retain() {
    ledger.retains.add(1, ordering: .relaxed)
    if references.add(1, ordering: .acquiringAndReleasing).oldValue <= 0 { ledger.misuses.add(1, ordering: .relaxed) }
  }

  private func release(counted: Bool = true) {
    if counted { ledger.releases.add(1, ordering: .releasing) }
    let left = references.subtract(1, ordering: .acquiringAndReleasing).newValue
    if left == 0 { bytes.initializeMemory(as: UInt8.self, repeating: Self.scribble) }
    if left < 0 { ledger.misuses.add(1, ordering: .relaxed) }
  }

  /// The whole allocation as a slice; with `canBeKept` false the tier has to copy it.
  func slice(canBeKept: Bool) -> chronik_slice {
    chronik_slice(
      ptr: UnsafePointer(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)), len: bytes.count,
      storage_bytes: bytes.count, owner: Unmanaged.passUnretained(self).toOpaque(),
      retain: canBeKept ? { CountedStorage.from($0).retain() } : nil,
      release: canBeKept ? { CountedStorage.from($0).release() } : nil)
  }

  private static func from(_ owner: UnsafeMutableRawPointer?) -> CountedStorage {
    Unmanaged<CountedStorage>.fromOpaque(owner!).takeUnretainedValue()
  }
}
