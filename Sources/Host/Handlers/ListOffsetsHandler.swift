import KafkaProtocol
import KafkaRecords
import PluginLoader

/// Offsets by time or by name: latest -1, earliest -2, largest timestamp -3 (v7), earliest local -4 (v8), latest tiered
/// -5 (v9). v2 adds isolation, v4 leader epochs.
///
/// By time: the first record, in offset order, whose timestamp is at least the wanted one, among visible records. A
/// partition that is asked for more than once is refused, as in Kafka.
enum ListOffsetsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...9

  static func handle(_ request: ListOffsetsRequest, _ context: RequestContext) {
    let needsRecords = request.topics.contains { topic in
      topic.partitions.contains { $0.timestamp >= 0 || $0.timestamp == -3 }
    }
    if needsRecords {
      context.runCold { context.respond(response(request, context)) }
    } else {
      context.respond(response(request, context))
    }
  }

  private static func response(_ request: ListOffsetsRequest, _ context: RequestContext) -> ListOffsetsResponse {
    var response = ListOffsetsResponse()
    let isolation: PartitionLog.Isolation = request.isolationLevel == 1 ? .readCommitted : .readUncommitted
    let repeated = request.topics.lazy.flatMap { topic in
      topic.partitions.lazy.map { TopicPartitionName(topic: topic.name, partition: $0.partitionIndex) }
    }.repeatedKeys { $0 }
    response.topics = request.topics.map { topic in
      var result = ListOffsetsResponse.ListOffsetsTopicResponse()
      result.name = topic.name
      let served = context.broker.topics.topic(topic.name)
      result.partitions = topic.partitions.map { wanted in
        let place = TopicPartitionName(topic: topic.name, partition: wanted.partitionIndex)
        return repeated.contains(place) ? refusal(wanted, .invalidRequest) : look(wanted, served, isolation, context)
      }
      return result
    }
    return response
  }

  private static func refusal(
    _ wanted: ListOffsetsRequest.ListOffsetsPartition, _ code: ErrorCode
  ) -> ListOffsetsResponse.ListOffsetsPartitionResponse {
    var result = ListOffsetsResponse.ListOffsetsPartitionResponse()
    result.partitionIndex = wanted.partitionIndex
    result.errorCode = code
    return result
  }

  private static func look(
    _ wanted: ListOffsetsRequest.ListOffsetsPartition, _ topic: Topic?, _ isolation: PartitionLog.Isolation,
    _ context: RequestContext
  ) -> ListOffsetsResponse.ListOffsetsPartitionResponse {
    var result = ListOffsetsResponse.ListOffsetsPartitionResponse()
    result.partitionIndex = wanted.partitionIndex
    guard let log = topic?.partition(wanted.partitionIndex) else {
      result.errorCode = .unknownTopicOrPartition
      return result
    }
    let offsets = log.offsets
    if wanted.currentLeaderEpoch >= 0, wanted.currentLeaderEpoch != offsets.leaderEpoch {
      result.errorCode = wanted.currentLeaderEpoch < offsets.leaderEpoch ? .fencedLeaderEpoch : .unknownLeaderEpoch
      return result
    }
    switch wanted.timestamp {
    case -1: result.offset = isolation == .readCommitted ? offsets.lastStableOffset : offsets.highWatermark
    case -2: result.offset = offsets.logStartOffset
    case -3 where context.version >= 7: set(&result) { try log.offsetOfMaxTimestamp(isolation) }
    case -4 where context.version >= 8: result.offset = max(offsets.logStartOffset, log.chain.commit.state.start_offset)
    case -5 where context.version >= 9: result.offset = log.latestTieredOffset
    case 0...: set(&result) { try log.offset(at: wanted.timestamp, isolation) }
    default: result.errorCode = .unsupportedVersion
    }
    result.leaderEpoch = result.offset < 0 ? -1 : log.leaderEpoch(at: result.offset) ?? -1
    return result
  }

  private static func set(
    _ result: inout ListOffsetsResponse.ListOffsetsPartitionResponse, _ find: () throws -> TimestampedOffset?
  ) {
    do {
      guard let found = try find() else { return }
      result.offset = found.offset
      result.timestamp = found.timestamp
    } catch {
      result.errorCode = .kafkaStorageError
    }
  }
}
