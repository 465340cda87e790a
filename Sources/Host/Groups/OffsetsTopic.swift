/// The topic in which groups and offsets are kept.
enum OffsetsTopic {
  static let name = "__consumer_offsets"

  /// Settings under Kafka's names; segments are small because compaction works on sealed ones.
  static let settings = [
    "cleanup.policy": "compact", "compression.type": "producer", "segment.bytes": "104857600",
  ]

  /// The partition that holds everything about `group`: the absolute value of Java's `String.hashCode` modulo the
  /// number of partitions, so that Kafka's tools look in the right place.
  static func partition(of group: String, count: Int32) -> Int32 {
    precondition(count > 0)
    var hash: Int32 = 0
    for unit in group.utf16 { hash = hash &* 31 &+ Int32(unit) }
    return (hash == .min ? 0 : abs(hash)) % count
  }
}
