import ArchiveFormat
import TierKit

/// Accepts what is to be deleted and carries it out: objects one by one, partitions by listing until nothing is left.
/// What is done is recorded; what fails waits and is tried again, longer each time, also after a restart. An object
/// that is gone already counts as deleted.
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
  /// Held while the mark of a partition and its job in the index come or go, so that none is left alone. Taken inside
  /// `exclusion` where both are needed.
  let marks = Guarded(())

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

  // MARK: accepting

  /// Nothing of the partition is seen any more, and everything goes in the background. When this returns, the promise
  /// outlives the index. Throws when the store could not be told of it; the deletion goes on all the same, and a
  /// repetition tells the store again. Throws as well when the index could not be written: then nothing was accepted.
  func accept(_ id: PartitionID) throws(TierError) {
    defer { wake() }
    let failure = try marks.withLock { (_) throws(TierError) in
      let (isNew, failure) = mark(id)
      do throws(TierError) {
        try index.commit { state in state.pendingPartitions.contains(id) ? [] : [.deletePartition(id)] }
      } catch {
        // One that was there before may be that of a deletion that was accepted.
        if isNew { takeBackMark(of: id) }
        throw error
      }
      return failure
    }
    if let failure { throw failure }
  }

  /// `isNew`: this call has put the mark, for certain. Inside `marks`.
  private func mark(_ id: PartitionID) -> (isNew: Bool, failure: TierError?) {
    do throws(TierError) {
      guard try identity.confirmIfReachable() else {
        let what = "the store could not be told that \(id.topic)-\(id.partition) is to be deleted"
        return (false, TierError(.retriable, what))
      }
      let call = promiseCall()
      let isNew = try Tombstone.content.withRawBytes { (raw) throws(TierError) in
        try access.store.put(Tombstone.key(of: id), [raw], ifAbsent: true, call)
      }
      return (isNew, nil)
    } catch {
      return (false, error)
    }
  }

  /// Inside `marks`. A mark that cannot be taken back now is found by an import or a rebuild, which know it for what it
  /// is as long as there is an index.
  private func takeBackMark(of id: PartitionID) {
    do throws(TierError) {
      try access.store.remove([Tombstone.key(of: id)], promiseCall())
    } catch {
      host.log(
        .warning, "The mark of a deletion that was not accepted stays in the store for now.",
        [("partition", "\(id.topic)-\(id.partition)"), ("error", error.message)])
    }
  }

  private func promiseCall() -> StoreCall {
    var call = access.call()
    call.deadline = min(call.deadline, host.monotonicNanoseconds + Limits.promisePatience)
    return call
  }

  /// For a partition that is being written to and whose mark was seen: a deletion that is in the index is finished; one
  /// that never got there was not accepted, and its mark must not outlive what is written now. True: it was finished.
  func settleMark(of id: PartitionID, isCancelled: @escaping @Sendable () -> Bool) throws(TierError) -> Bool {
    let isPending = try exclusion.withLock { (_) throws(TierError) in
      try !removeMark(of: id, isCancelled: isCancelled)
    }
    if isPending { try finishDeletion(of: id, isCancelled: isCancelled) }
    return isPending
  }

  /// Removes the mark of a partition unless the index has the deletion. True: it was removed. Inside `exclusion`.
  func removeMark(
    of id: PartitionID, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(TierError) -> Bool {
    let isPending = try marks.withLock { (_) throws(TierError) in
      if index.current.pendingPartitions.contains(id) { return true }
      try access.store.remove([Tombstone.key(of: id)], access.call(isCancelled: isCancelled))
      return false
    }
    if isPending { return false }
    host.log(
      .warning, "The mark of a deletion that was never accepted was removed.",
      [("partition", "\(id.topic)-\(id.partition)")])
    return true
  }

  // MARK: deleting

  /// Deletes everything that is pending. Blocks. Throws the first failure after everything was tried. `note` hears how
  /// many objects have gone; what it throws ends the call.
  package func runOnce(_ note: (_ deleted: Int) throws(TierError) -> Void = { _ in }) throws(TierError) {
    var deleted = 0
    var failure: TierError?
    let current = index.current
    // In another store nothing would be found, and taken for deleted.
    if current.pendingDeletionCount > 0 { try identity.confirm { [self] in isStopping } }
    for id in current.pendingPartitions {
      do throws(TierError) {
        try deleteEverything(of: id, { [self] in isStopping }) { (count) throws(TierError) in
          deleted += count
          try note(deleted)
        }
      } catch {
        if error.code == .cancelled { throw error }
        failure = failure ?? error
      }
    }
    let keys = current.pendingObjects.sorted()
    for start in stride(from: 0, to: keys.count, by: Limits.removePage) {
      let page = Array(keys[start..<min(start + Limits.removePage, keys.count)])
      do throws(TierError) { try delete(page) } catch { failure = failure ?? error }
      deleted += page.count
      try note(deleted)
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
    try deleteEverything(of: id, isCancelled) { _ in }
  }

  /// Deletes what the store has of a partition, known or not, its mark last.
  private func deleteEverything(
    of id: PartitionID, _ isCancelled: @escaping @Sendable () -> Bool,
    note: (_ deleted: Int) throws(TierError) -> Void
  ) throws(TierError) {
    let directory = ObjectName.directory(topic: id.topic, topicID: id.topicID, partition: id.partition)
    try exclusion.withLock { (_) throws(TierError) in
      guard index.current.pendingPartitions.contains(id) else { return }
      let mark = Tombstone.key(of: id)
      // A page may end with the mark, and strangers' keys may follow it.
      for start in ["", mark] {
        while true {
          let page = try access.page(
            prefix: directory, startAfter: start, limit: Limits.removePage, access.call(isCancelled: isCancelled))
          let keys = page.objects.map(\.key).filter { $0 != mark }
          if keys.isEmpty { break }
          try access.store.remove(keys, access.call(isCancelled: isCancelled))
          host.addToCounter("deleted_objects", Int64(keys.count))
          try note(keys.count)
        }
      }
      try marks.withLock { (_) throws(TierError) in
        try access.store.remove([mark], access.call(isCancelled: isCancelled))
        try index.commit { _ in [.partitionDeleted(id)] }
      }
    }
  }
}
