import ArchiveFormat
import Synchronization
import TierKit

/// Whether the store is the one that the index describes: a small object in the store holds a random id, and so does
/// the index. In another bucket or below another prefix every object looks deleted; what takes things away for good, or
/// adds to the store, asks here first.
///
/// Thread-safe.
package final class StoreIdentity: Sendable {
  /// Its name has no directory and can therefore never be that of an archive object.
  package static let key = "archive.identity"

  private let index: SegmentIndex
  private let access: StoreAccess
  private let host: HostServices
  private let isConfirmed = Atomic(false)

  init(index: SegmentIndex, access: StoreAccess, host: HostServices) {
    self.index = index
    self.access = access
    self.host = host
  }

  /// For a start: throws only when the store answers and is another one. A store that does not answer in a moment is
  /// asked again by whoever needs to know; the answer is then false.
  @discardableResult
  func confirmIfReachable() throws(TierError) -> Bool {
    if isConfirmed.load(ordering: .acquiring) { return true }
    var call = access.call()
    call.deadline = min(call.deadline, host.monotonicNanoseconds + Limits.identityPatience)
    let mismatch: TierError?
    do throws(TierError) {
      mismatch = try compare(call)
    } catch {
      host.log(
        .warning, "Whether the object store is the right one cannot be told yet; it is asked again later.",
        [("error", error.message)])
      return false
    }
    if let mismatch { throw mismatch }
    return true
  }

  /// Returns when the store is known to be the right one; asks it unless that is known already. Blocks. Throws what the
  /// store throws, or `permanent` when it is another.
  package func confirm(isCancelled: @escaping @Sendable () -> Bool = { false }) throws(TierError) {
    if isConfirmed.load(ordering: .acquiring) { return }
    if let mismatch = try compare(access.call(isCancelled: isCancelled)) { throw mismatch }
  }

  /// Nil: the store and the index have the same id, or have it now.
  private func compare(_ call: StoreCall) throws(TierError) -> TierError? {
    let known = index.current.storeID
    var found = try read(call)
    if found == nil {
      if let known, !index.current.isEmpty {
        return mismatch("the object \(Self.key) with the id \(known) is not there")
      }
      let id = known ?? Self.newID()
      let isOurs = try Array(id.utf8).withRawBytes { (raw) throws(TierError) in
        try access.store.put(Self.key, [raw], ifAbsent: true, call)
      }
      found = isOurs ? id : try read(call)
    }
    guard let found else { throw TierError(.retriable, "\(Self.key) vanished while it was read") }
    // An index of an earlier version, a new one or a rebuilt one has no id yet.
    try index.commit { state in state.storeID == nil ? [.storeID(found)] : [] }
    guard index.current.storeID == found else {
      return mismatch("it has the id \(found) and the index was made for \(index.current.storeID ?? "none")")
    }
    isConfirmed.store(true, ordering: .releasing)
    return nil
  }

  private func mismatch(_ what: String) -> TierError {
    TierError(
      .permanent,
      "the object store is not the one that the segment index describes: \(what). Check the store's address, bucket "
        + "and prefix (or path) and this tier's data directory. If the objects were moved on purpose, remove "
        + "segments.index: it is then made again from the store")
  }

  /// Nil: the store has none.
  private func read(_ call: StoreCall) throws(TierError) -> String? {
    guard let info = try access.store.head(Self.key, call) else { return nil }
    guard info.byteCount == Self.idByteCount else {
      throw TierError(.corrupt, "\(Self.key) has \(info.byteCount) bytes instead of \(Self.idByteCount)")
    }
    let parts = try access.read(Self.key, [0..<info.byteCount], objectByteCount: info.byteCount, call)
    // A copy: the memory goes with the last reference to `parts`.
    let text = withExtendedLifetime(parts) { Array(parts[0].bytes) }
    guard text.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
      throw TierError(.corrupt, "\(Self.key) holds no id")
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Lower case hexadecimal digits.
  private static let idByteCount = 32

  private static func newID() -> String {
    (0..<idByteCount).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
  }
}
