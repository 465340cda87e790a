/// A partition as clients name it.
struct TopicPartitionName: Hashable, Sendable, Comparable {
  var topic: String
  var partition: Int32

  static func < (left: Self, right: Self) -> Bool {
    (left.topic, left.partition) < (right.topic, right.partition)
  }
}

/// How far a group has read a partition.
struct CommittedOffset: Equatable, Sendable {
  /// Of the next record to read.
  var offset: Int64
  /// -1 when the client did not say.
  var leaderEpoch: Int32
  var metadata: String
  /// When it was committed, in milliseconds since 1970.
  var timestamp: Int64
  /// When it expires, in milliseconds since 1970, if the client said so; otherwise the broker's retention decides.
  var expiry: Int64?
}

/// The offsets of one group: what is durable, and for which partitions a commit is on its way. Pure.
///
/// A commit counts from the moment it is durable, so nobody reads an offset that a crash could take back.
struct GroupOffsets: Sendable {
  private(set) var committed: [TopicPartitionName: CommittedOffset] = [:]
  /// How many commits of each partition are on their way.
  private(set) var inFlight: [TopicPartitionName: Int] = [:]

  var isEmpty: Bool { committed.isEmpty && inFlight.isEmpty }

  /// Every partition whose offset is in the log or will be: what a deletion has to cover.
  var places: Set<TopicPartitionName> { Set(committed.keys).union(inFlight.keys) }

  /// A commit goes to the log.
  mutating func begin(_ places: some Sequence<TopicPartitionName>) {
    for place in places { inFlight[place, default: 0] += 1 }
  }

  /// It has come back, in log order. It counts when it is durable.
  mutating func finish(_ offsets: [(TopicPartitionName, CommittedOffset)], succeeded: Bool) {
    for (place, offset) in offsets {
      if let count = inFlight[place] { inFlight[place] = count > 1 ? count - 1 : nil }
      if succeeded { committed[place] = offset }
    }
  }

  /// Tombstones are durable.
  mutating func remove(_ places: some Sequence<TopicPartitionName>) {
    for place in places { committed[place] = nil }
  }

  /// From the log, at start.
  mutating func restore(_ place: TopicPartitionName, _ offset: CommittedOffset?) { committed[place] = offset }

  /// Offsets that nobody needs any more at `now` (ms since 1970).
  ///
  /// Offsets of a group with members are kept, unless it is a group of consumers and none of them subscribes to the
  /// topic. The retention counts from the commit, or from the moment when the last member left. `retention` in
  /// milliseconds. Partitions with a commit on its way are spared.
  func expired(in group: GroupStateMachine, at now: Int64, retention: Int64) -> [TopicPartitionName] {
    let base: (TopicPartitionName, CommittedOffset) -> Int64?
    switch group.state {
    case .dead, .preparingRebalance, .completingRebalance: return []
    case .empty where group.protocolType != nil && group.stateTimestamp >= 0:
      base = { max($1.timestamp, group.stateTimestamp) }
    case .empty: base = { $1.timestamp }
    case .stable where group.isConsumerGroup && group.subscribedTopics != nil:
      base = { group.isSubscribed(to: $0.topic) ? nil : $1.timestamp }
    case .stable: return []
    }
    return committed.compactMap { place, offset in
      guard inFlight[place] == nil, let start = base(place, offset) else { return nil }
      if let expiry = offset.expiry { return expiry <= now ? place : nil }
      let (age, isBeyondAll) = now.subtractingReportingOverflow(start)
      return isBeyondAll ? (start < 0 ? place : nil) : age >= retention ? place : nil
    }
  }
}
