import KafkaProtocol

/// Where a leader epoch ended. v3 adds the replica id, v4 is flexible. librdkafka sends exactly v2.
enum OffsetForLeaderEpochHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 2...4

  static func handle(_ request: OffsetForLeaderEpochRequest, _ context: RequestContext) {
    var response = OffsetForLeaderEpochResponse()
    response.topics = request.topics.map { topic in
      var result = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult()
      result.topic = topic.topic
      let served = context.broker.topics.topic(topic.topic)
      result.partitions = topic.partitions.map { look($0, served?.partition($0.partition)) }
      return result
    }
    context.respond(response)
  }

  private static func look(
    _ wanted: OffsetForLeaderEpochRequest.OffsetForLeaderPartition, _ log: PartitionLog?
  ) -> OffsetForLeaderEpochResponse.EpochEndOffset {
    var result = OffsetForLeaderEpochResponse.EpochEndOffset()
    result.partition = wanted.partition
    guard let log else {
      result.errorCode = .unknownTopicOrPartition
      return result
    }
    let current = log.offsets.leaderEpoch
    if wanted.currentLeaderEpoch >= 0, wanted.currentLeaderEpoch != current {
      result.errorCode = wanted.currentLeaderEpoch < current ? .fencedLeaderEpoch : .unknownLeaderEpoch
      return result
    }
    if let end = log.end(of: wanted.leaderEpoch) {
      result.leaderEpoch = end.epoch
      result.endOffset = end.endOffset
    }
    return result
  }
}
