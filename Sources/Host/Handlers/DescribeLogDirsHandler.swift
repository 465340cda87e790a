import Glibc
import KafkaProtocol
import PluginLoader
import TierAPI

/// Sizes of partitions: one directory for each tier that keeps data, so that what was tiered is seen on its own. v3
/// adds a top-level error, v4 the volume's size and free space.
enum DescribeLogDirsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...4

  static func handle(_ request: DescribeLogDirsRequest, _ context: RequestContext) {
    // Asking a file system for its size may wait for it.
    context.runBlocking { context.respond(response(request, context.broker)) }
  }

  private static func response(_ request: DescribeLogDirsRequest, _ broker: Broker) -> DescribeLogDirsResponse {
    var response = DescribeLogDirsResponse()
    let wanted = partitions(request, broker)
    response.results = broker.chain.tiers.enumerated().filter { index, tier in
      index == broker.chain.commitIndex || tier.has(CHRONIK_TIER_DURABLE) || tier.has(CHRONIK_TIER_IMPORT)
    }.map { index, tier in
      describe(tier, index, isCommitTier: index == broker.chain.commitIndex, wanted, broker)
    }
    return response
  }

  /// Unknown topics and partitions are left out, as in Kafka.
  private static func partitions(_ request: DescribeLogDirsRequest, _ broker: Broker) -> [(Topic, [PartitionLog])] {
    guard let topics = request.topics else { return broker.topics.all.map { ($0, $0.partitions) } }
    return topics.compactMap { topic in
      broker.topics.topic(topic.topic).map { found in (found, topic.partitions.compactMap(found.partition)) }
    }
  }

  private static func describe(
    _ tier: TierHandle, _ index: Int, isCommitTier: Bool, _ wanted: [(Topic, [PartitionLog])], _ broker: Broker
  ) -> DescribeLogDirsResponse.DescribeLogDirsResult {
    var result = DescribeLogDirsResponse.DescribeLogDirsResult()
    result.logDir = "\(broker.configuration.dataDirectory)/\(tier.name)"
    var volume = statvfs()
    if statvfs(broker.configuration.dataDirectory, &volume) == 0 {
      result.totalBytes = Int64(clamping: UInt64(volume.f_blocks) * UInt64(volume.f_frsize))
      result.usableBytes = Int64(clamping: UInt64(volume.f_bavail) * UInt64(volume.f_frsize))
    }
    result.topics = wanted.compactMap { topic, logs in
      var entry = DescribeLogDirsResponse.DescribeLogDirsTopic()
      entry.name = topic.name
      entry.partitions = logs.compactMap { log in size(of: log, index, isCommitTier: isCommitTier) }
      return entry.partitions.isEmpty ? nil : entry
    }
    return result
  }

  /// Nil when the log is being closed, or when a tier below the commit tier holds nothing of it.
  private static func size(
    of log: PartitionLog, _ index: Int, isCommitTier: Bool
  ) -> DescribeLogDirsResponse.DescribeLogDirsPartition? {
    guard log.enter() else { return nil }
    defer { log.leave() }
    let state = log.chain.partitions[index].state
    guard isCommitTier || state.byte_count > 0 else { return nil }
    var partition = DescribeLogDirsResponse.DescribeLogDirsPartition()
    partition.partitionIndex = log.identity.partition
    partition.partitionSize = state.byte_count
    return partition
  }
}
