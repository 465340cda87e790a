import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore

/// What the broker remembers between the fetches of one consumer, so that requests and responses carry only what changed
/// (KIP-227).
///
/// Used by one request at a time: the cache hands it out once and takes it back when the request is answered.
final class FetchSession: @unchecked Sendable {
  struct Entry: Sendable {
    var target: FetchTarget
    /// As the client last saw them; -1 forces the partition into the next response.
    var highWatermark: Int64 = -1
    var logStartOffset: Int64 = -1
  }

  let id: Int32
  /// Fetches of v13 and later, which name topics by id. One session never mixes both.
  let usesTopicIDs: Bool
  /// In the order in which they are served; a partition that yielded data moves to the end, so that no partition starves
  /// behind another.
  private(set) var order: [FetchKey] = []
  private(set) var entries: [FetchKey: Entry] = [:]
  fileprivate(set) var nextEpoch: Int32 = 1

  fileprivate init(id: Int32, targets: [FetchTarget], usesTopicIDs: Bool) {
    self.id = id
    self.usesTopicIDs = usesTopicIDs
    update(targets, forgotten: [])
  }

  var targets: [FetchTarget] { order.compactMap { entries[$0]?.target } }

  /// Adds or replaces partitions, then drops the forgotten ones.
  func update(_ targets: [FetchTarget], forgotten: [FetchKey]) {
    for target in targets {
      if entries[target.key] == nil {
        order.append(target.key)
        entries[target.key] = Entry(target: target)
      } else {
        entries[target.key]?.target = target
      }
    }
    guard !forgotten.isEmpty else { return }
    let gone = Set(forgotten)
    for key in gone { entries[key] = nil }
    order.removeAll { gone.contains($0) }
  }

  /// Whether an incremental response must mention the partition; remembers what the client then knows.
  func mustMention(_ key: FetchKey, _ partition: FetchResponse.PartitionData) -> Bool {
    guard var entry = entries[key] else { return true }
    let hasChanged =
      partition.records.byteCount > 0 || partition.errorCode != .none
      || entry.highWatermark != partition.highWatermark || entry.logStartOffset != partition.logStartOffset
      || partition.divergingEpoch.epoch >= 0
    entry.highWatermark = partition.errorCode == .none ? partition.highWatermark : -1
    entry.logStartOffset = partition.logStartOffset
    entries[key] = entry
    return hasChanged
  }

  /// Moves served partitions behind the others.
  func rotate(served: Set<FetchKey>) {
    guard !served.isEmpty, served.count < order.count else { return }
    order = order.filter { !served.contains($0) } + order.filter { served.contains($0) }
  }
}

/// All sessions of the broker; bounded. Any thread.
final class FetchSessionCache: Sendable {
  /// A session that was used within this time is not given up for a new one (Kafka's
  /// min.incremental.fetch.session.eviction.ms).
  static let evictionAge: TimeAmount = .minutes(2)
  /// Partitions of all sessions, some 500 bytes each: every consumer of a large broker. One request can name a quarter of
  /// a million, also ones that do not exist, and its session would keep them after the client has gone.
  static let partitionCountMax = 1_000_000

  enum Lookup {
    case session(FetchSession)
    case refused(ErrorCode)
  }

  private struct Slot {
    var session: FetchSession
    var lastUsed: NIODeadline
    var isInUse: Bool
    /// As it was when the session was last handed back.
    var partitionCount: Int
  }

  private struct State {
    var slots: [Int32: Slot] = [:]
    /// The sum over the slots.
    var partitionCount = 0

    mutating func remove(_ id: Int32) { partitionCount -= slots.removeValue(forKey: id)?.partitionCount ?? 0 }
  }

  private let capacity: Int
  private let partitionCountMax: Int
  private let state = NIOLockedValueBox(State())

  init(capacity: Int, partitionCountMax: Int = FetchSessionCache.partitionCountMax) {
    self.capacity = capacity
    self.partitionCountMax = partitionCountMax
  }

  var count: Int { state.withLockedValue { $0.slots.count } }

  /// A new session in use by the caller, or nil when the cache is full of busy ones; the fetch then goes without.
  func create(_ targets: [FetchTarget], usesTopicIDs: Bool = false, now: NIODeadline = .now()) -> FetchSession? {
    guard capacity > 0, !targets.isEmpty else { return nil }
    return state.withLockedValue { state in
      while state.slots.count >= capacity || state.partitionCount + targets.count > partitionCountMax {
        let idle = state.slots.filter { !$0.value.isInUse }
        guard let oldest = idle.min(by: { $0.value.lastUsed < $1.value.lastUsed }),
          now - oldest.value.lastUsed >= Self.evictionAge
        else { return nil }
        state.remove(oldest.key)
      }
      var id: Int32
      repeat { id = .random(in: 1 ... .max) } while state.slots[id] != nil
      let session = FetchSession(id: id, targets: targets, usesTopicIDs: usesTopicIDs)
      state.slots[id] = Slot(session: session, lastUsed: now, isInUse: true, partitionCount: session.order.count)
      state.partitionCount += session.order.count
      return session
    }
  }

  /// The session of an incremental fetch, in use by the caller until ``finish(_:)``.
  func take(_ id: Int32, epoch: Int32, usesTopicIDs: Bool = false, now: NIODeadline = .now()) -> Lookup {
    state.withLockedValue { state in
      guard let slot = state.slots[id] else { return .refused(.fetchSessionIdNotFound) }
      guard !slot.isInUse, slot.session.nextEpoch == epoch else { return .refused(.invalidFetchSessionEpoch) }
      guard slot.session.usesTopicIDs == usesTopicIDs else { return .refused(.fetchSessionTopicIdError) }
      slot.session.nextEpoch = epoch == .max ? 1 : epoch + 1
      state.slots[id]?.isInUse = true
      state.slots[id]?.lastUsed = now
      return .session(slot.session)
    }
  }

  /// Hands a session back. One that has grown beyond what the cache keeps is forgotten: its client begins anew.
  func finish(_ session: FetchSession) {
    state.withLockedValue { state in
      guard let slot = state.slots[session.id], slot.session === session else { return }
      state.partitionCount += session.order.count - slot.partitionCount
      state.slots[session.id]?.partitionCount = session.order.count
      state.slots[session.id]?.isInUse = false
      if state.partitionCount > partitionCountMax { state.remove(session.id) }
    }
  }

  func remove(_ id: Int32) { state.withLockedValue { $0.remove(id) } }
}
