import TierAPI

extension TierHandle {
  /// Every partition of which the tier holds something, open or not; nil when it does not say. May block.
  public func heldPartitions() throws(TierFailure) -> [PartitionIdentity]? {
    guard let list = table.pointee.list_partitions else { return nil }
    let found = Found()
    try check("list_partitions") { message in
      list(
        me, { context, id in Unmanaged<Found>.fromOpaque(context!).takeUnretainedValue().add(id.pointee) },
        Unmanaged.passUnretained(found).toOpaque(), message)
    }
    return withExtendedLifetime(found) { found.partitions }
  }

  private final class Found {
    var partitions: [PartitionIdentity] = []

    func add(_ raw: chronik_partition_id) {
      let half = { (offset: Int) in
        withUnsafeBytes(of: raw.topic_id) {
          UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
      }
      partitions.append(
        PartitionIdentity(
          topic: String(borrowing: raw.topic), topicID: (high: half(0), low: half(8)), partition: raw.partition))
    }
  }
}
