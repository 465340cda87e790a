import TierAPI
import TierKit

/// The hot tail of every partition in memory, bounded over all partitions together.
///
/// It is a cache: the oldest batches of whichever partition go when room is needed, and `start_offset` rises with them.
/// In a chain without another tier (`volatile: true`) that makes the log a bounded window: what was let go is before
/// the log's start, and readers are told so instead of meeting a hole.
public final class MemoryBufferTier: Tier {
  public static let description = TierDescription(
    id: "chronik.memory-buffer", name: "MemoryBuffer", version: "1.0.0",
    summary: "Keeps the newest batches of every partition in memory, bounded over all partitions together.",
    abilities: [.append, .read],
    keys: [
      ConfigurationKey(
        "capacity", .size(capacityRange), default: "64MiB",
        "Bytes of memory that all partitions together may pin; the oldest batches go first.")
    ])

  /// Below, a handful of partitions would evict each other's only block; above, it is a typing error.
  static let capacityRange: ClosedRange<Int64> = (256 << 10)...(1 << 40)

  let pool: MemoryPool
  private let host: HostServices
  private let partitions = Locked<[PartitionID: BufferedPartition]>([:])

  public init(host: HostServices, options: TierOptions) throws(TierError) {
    let capacity = try options.integer("capacity")
    guard Self.capacityRange.contains(capacity) else {
      throw TierError(
        .invalidConfiguration,
        "capacity: \(capacity) bytes is out of range; accepted are \(Self.capacityRange.lowerBound) to "
          + "\(Self.capacityRange.upperBound) bytes")
    }
    self.host = host
    pool = MemoryPool(capacity: Int(capacity), host: host)
    host.setGauge("capacity_bytes", capacity)
  }

  public func stop() { pool.close() }

  public func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierPartition {
    let partition = BufferedPartition(pool: pool, host: host, initialOffset: initialOffset) { [weak self] in
      self?.partitions.withLock { _ = $0.removeValue(forKey: id) }
    }
    let isNew = partitions.withLock { table in
      guard table[id] == nil else { return false }
      table[id] = partition
      return true
    }
    guard isNew else { throw TierError(.permanent, "\(id.topic)-\(id.partition) is open already") }
    return partition
  }

  /// Nothing is held of a partition that is not open.
  public func deletePartition(_ id: PartitionID) {}

  public func listPartitions() -> [PartitionID] { partitions.withLock { Array($0.keys) } }
}
