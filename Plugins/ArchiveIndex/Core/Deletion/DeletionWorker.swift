import ArchiveFormat
import TierKit

/// Carries out what the index says is to be deleted: objects one by one, partitions by listing until nothing is left.
/// What is done is recorded; what fails waits and is tried again, longer each time, also after a restart. An object that
/// is gone already counts as deleted.
package final class DeletionWorker: Sendable {
  private struct State {
    var isRunning = false
    /// True when there may be something to do that no attempt has looked at.
    var isAwake = false
  }

  private let index: SegmentIndex
  private let access: StoreAccess
  private let identity: StoreIdentity
  private let host: HostServices
  private let state = Guarded(State())
  private let thread = Guarded<WorkerThread?>(nil)
  /// Held while objects are deleted, and by a rebuild, whose listing must not grow old meanwhile.
  let exclusion = Guarded(())

  init(index: SegmentIndex, access: StoreAccess, identity: StoreIdentity, host: HostServices) {
    self.index = index
    self.access = access
    self.identity = identity
    self.host = host
  }

  // MARK: life

  func start() {
    state.withLock { $0 = State(isRunning: true, isAwake: true) }
    thread.withLock { $0 = WorkerThread(.background) { [self] in work() } }
  }

  /// Ends the call that is under way and joins the thread.
  func stop() {
    state.change { $0.isRunning = false }
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }

  func wake() { state.change { $0.isAwake = true } }

  private func work() {
    var pause = Limits.deletionBackoffMin
    while true {
      let goesOn = state.wait { state -> Bool? in
        if !state.isRunning { return false }
        guard state.isAwake else { return nil }
        state.isAwake = false
        return true
      }
      guard goesOn else { return }
      do throws(TierError) {
        try runOnce()
        pause = Limits.deletionBackoffMin
      } catch {
        if isStopping { return }
        host.log(
          .warning, "Archived objects cannot be deleted now; it is tried again.",
          [("error", error.message), ("pending", String(index.current.pendingDeletionCount))])
        let isStopping = state.wait(nanoseconds: pause) { state in state.isRunning ? nil : true }
        if isStopping == true { return }
        pause = min(2 * pause, Limits.deletionBackoffMax)
        wake()
      }
    }
  }

  // MARK: deleting

  /// Deletes everything that is pending. Blocks. Throws the first failure after everything was tried.
  package func runOnce() throws(TierError) {
    var failure: TierError?
    let current = index.current
    // In another store nothing would be found, and taken for deleted.
    if current.pendingDeletionCount > 0 { try identity.confirm { [self] in isStopping } }
    for id in current.pendingPartitions {
      do throws(TierError) { try deleteEverything(of: id) { [self] in isStopping } } catch { failure = failure ?? error }
    }
    let keys = current.pendingObjects.sorted()
    for start in stride(from: 0, to: keys.count, by: Limits.removePage) {
      let page = Array(keys[start..<min(start + Limits.removePage, keys.count)])
      do throws(TierError) { try delete(page) } catch { failure = failure ?? error }
    }
    host.setGauge("pending_deletions", Int64(index.current.pendingDeletionCount))
    if let failure { throw failure }
  }

  private var isStopping: Bool { state.withLock { !$0.isRunning } }

  private func delete(_ keys: [String]) throws(TierError) {
    try exclusion.withLock { (_) throws(TierError) in
      // Each key is still to be deleted: a partition's job may have taken it over.
      let wanted = index.current.pendingObjects
      let keys = keys.filter(wanted.contains)
      if keys.isEmpty { return }
      try access.store.remove(keys, access.call())
      try index.commit { _ in keys.map { .objectDeleted(key: $0) } }
      host.addToCounter("deleted_objects", Int64(keys.count))
    }
  }

  /// Finishes the deletion of a partition that is about to be used again: an object put now would be taken for one of
  /// the old. Nothing when none is pending.
  func finishDeletion(of id: PartitionID, isCancelled: @escaping @Sendable () -> Bool) throws(TierError) {
    guard index.current.pendingPartitions.contains(id) else { return }
    try identity.confirm(isCancelled: isCancelled)
    try deleteEverything(of: id, isCancelled: isCancelled)
  }

  /// Deletes what the store has of a partition, known or not.
  private func deleteEverything(of id: PartitionID, isCancelled: @escaping @Sendable () -> Bool) throws(TierError) {
    let directory = ObjectName.directory(topic: id.topic, topicID: id.topicID, partition: id.partition)
    try exclusion.withLock { (_) throws(TierError) in
      guard index.current.pendingPartitions.contains(id) else { return }
      while true {
        let page = try access.store.list(
          prefix: directory, startAfter: "", limit: Limits.removePage, access.call(isCancelled: isCancelled))
        if page.objects.isEmpty { break }
        try access.store.remove(page.objects.map(\.key), access.call(isCancelled: isCancelled))
        host.addToCounter("deleted_objects", Int64(page.objects.count))
      }
      try index.commit { _ in [.partitionDeleted(id)] }
    }
  }
}
