import KafkaProtocol

/// One partition that a fetch asks for.
struct FetchTarget: Sendable {
  var topic: String
  var topicID: KafkaUUID
  var partition: Int32
  var fetchOffset: Int64
  /// Soft bound for this partition, bytes.
  var maxBytes: Int
  /// -1: the client does not know.
  var currentLeaderEpoch: Int32
  var lastFetchedEpoch: Int32
}

/// What identifies a partition within a fetch session: topic ids from v13 on, names before.
struct FetchKey: Hashable, Sendable {
  var topic: String
  var topicID: KafkaUUID
  var partition: Int32
}

extension FetchTarget {
  /// Each partition once, where it was named first and as it was named last, which is what Kafka makes of repetitions.
  /// The log of a partition is read, and has somebody to wake, for every target.
  static func distinct(_ targets: [FetchTarget]) -> [FetchTarget] {
    guard targets.count > 1 else { return targets }
    var places: [FetchKey: Int] = [:]
    places.reserveCapacity(targets.count)
    var distinct: [FetchTarget] = []
    distinct.reserveCapacity(targets.count)
    for target in targets {
      if let place = places[target.key] {
        distinct[place] = target
      } else {
        places[target.key] = distinct.count
        distinct.append(target)
      }
    }
    return distinct
  }

  var key: FetchKey { FetchKey(topic: topic, topicID: topicID, partition: partition) }

  init(_ topic: FetchRequest.FetchTopic, _ partition: FetchRequest.FetchPartition) {
    self.init(
      topic: topic.topic, topicID: topic.topicId, partition: partition.partition, fetchOffset: partition.fetchOffset,
      maxBytes: Int(max(0, partition.partitionMaxBytes)), currentLeaderEpoch: partition.currentLeaderEpoch,
      lastFetchedEpoch: partition.lastFetchedEpoch)
  }
}
