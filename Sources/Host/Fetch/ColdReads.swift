import NIOConcurrencyHelpers
import PluginLoader

/// Reads from tiers below the commit tier, which may wait for a network: on threads of their own, so that they hold up
/// no disk read and no append, and kept apart from the fetches that asked. A fetch whose time is up is answered without
/// the bytes; when they have come, the next fetch of the same offset takes them. So a consumer gets on although every
/// read takes longer than its fetches wait.
final class ColdReads: Sendable {
  struct Key: Hashable, Sendable {
    var partition: PartitionIdentity
    var offset: Int64
    /// Where a read ends depends on it.
    var isolation: PartitionLog.Isolation
  }

  fileprivate enum Entry {
    case pending([any LogWaiter])
    case done(LogRead, byteCount: Int, expires: Int64)
  }

  fileprivate struct State {
    var entries: [Key: Entry] = [:]
    var byteCount = 0
  }

  private let pool: BlockingPool
  private let state = NIOLockedValueBox(State())
  /// The monotonic clock, ns.
  private let clock: @Sendable () -> Int64

  /// Results that nobody has taken yet: a few full fetches. The ones beyond it are read again.
  private static let byteCountMax = 64 << 20
  /// A consumer that has not come back by then will not.
  private static let lifetime: Int64 = 30_000_000_000

  init(pool: BlockingPool, clock: @escaping @Sendable () -> Int64 = { TierHost.monotonicNow }) {
    self.pool = pool
    self.clock = clock
  }

  /// The result for a key when it is there and has at most `byteCountMax` bytes, or any number with `any`. It is handed
  /// out once. Does not block.
  func take(_ key: Key, byteCountMax: Int, any: Bool) -> LogRead? {
    state.withLockedValue { state in
      guard case .done(let result, let byteCount, _) = state.entries[key], any || byteCount <= byteCountMax else {
        return nil
      }
      state.entries[key] = nil
      state.byteCount -= byteCount
      return result
    }
  }

  /// Begins the read unless it is under way or done, and wakes `waiter` when it ends. Does not block.
  func start(_ key: Key, waiter: any LogWaiter, _ read: @escaping @Sendable () -> LogRead) {
    let (isDone, isNew) = state.withLockedValue { state -> (Bool, Bool) in
      switch state.entries[key] {
      case .done: return (true, false)
      case .pending(let waiters):
        if !waiters.contains(where: { $0 === waiter }) { state.entries[key] = .pending(waiters + [waiter]) }
        return (false, false)
      case nil:
        state.entries[key] = .pending([waiter])
        return (false, true)
      }
    }
    if isDone { return }
    guard isNew else { return }
    pool.run { [self] in finish(key, read()) }
  }

  private func finish(_ key: Key, _ result: LogRead) {
    var byteCount = 0
    if case .records(_, let count, _) = result { byteCount = count }
    let now = clock()
    let waiters = state.withLockedValue { state -> [any LogWaiter] in
      guard case .pending(let waiters) = state.entries[key] else { return [] }
      state.makeRoom(for: byteCount, limit: Self.byteCountMax, now: now)
      state.entries[key] = .done(result, byteCount: byteCount, expires: now + Self.lifetime)
      state.byteCount += byteCount
      return waiters
    }
    for waiter in waiters { waiter.wake() }
  }
}

extension ColdReads.State {
  /// Drops what is too old, and then the oldest until there is room.
  fileprivate mutating func makeRoom(for wanted: Int, limit: Int, now: Int64) {
    let done = entries.compactMap { key, entry -> (ColdReads.Key, Int, Int64)? in
      if case .done(_, let byteCount, let expires) = entry { (key, byteCount, expires) } else { nil }
    }.sorted { $0.2 < $1.2 }
    for (key, count, expires) in done where expires < now || byteCount + wanted > limit {
      entries[key] = nil
      byteCount -= count
    }
  }
}
