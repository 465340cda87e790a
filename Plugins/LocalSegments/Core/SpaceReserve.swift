import Synchronization

/// Keeps a little of the disk free of records: whoever makes room by deleting a topic, records or old segments has to
/// write first what is gone, and so does a start. Without it a full disk could only be helped by hand.
///
/// Thread-safe. Threads that append at the same moment may take a few batches of what is kept.
final class SpaceReserve: Sendable {
  /// Bytes of the disk that are kept free; 0: none.
  let kept: Int64
  private let fileSystem: any FileSystem
  private let path: String
  /// Bytes that may be written before the disk is asked again how much is free.
  private let budget = Atomic<Int64>(0)

  init(kept: Int64, _ fileSystem: any FileSystem, path: String) {
    self.kept = kept
    self.fileSystem = fileSystem
    self.path = path
  }

  /// Counts bytes that are about to be written. Returns the bytes free when they would touch what is kept, else nil.
  func refusal(of byteCount: Int64) -> Int64? {
    guard kept > 0, budget.wrappingSubtract(byteCount, ordering: .relaxed).newValue < 0 else { return nil }
    guard let free = fileSystem.freeByteCount(path) else { return nil }
    let rest = free - kept - byteCount
    // Others write to the same disk, so it is asked the more often, the fuller it is.
    budget.store(max(0, min(rest / 8, Limits.spaceBudgetMax)), ordering: .relaxed)
    return rest < 0 ? free : nil
  }

  /// Whether so many bytes can be set aside without touching what is kept.
  func hasRoom(_ byteCount: Int64) -> Bool {
    guard kept > 0, let free = fileSystem.freeByteCount(path) else { return true }
    return free - byteCount >= kept
  }
}
