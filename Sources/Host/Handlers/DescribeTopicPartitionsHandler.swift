import KafkaProtocol

/// Topics with their partitions, page by page, in order of the names. A page ends after `responsePartitionLimit`
/// partitions; its cursor names the first one of the next page.
enum DescribeTopicPartitionsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...0
  /// Kafka's max.request.partition.size.limit.
  static let pageSizeMax: Int32 = 2000

  static func handle(_ request: DescribeTopicPartitionsRequest, _ context: RequestContext) {
    let topics = context.broker.topics
    let asked = request.topics.isEmpty ? topics.all.map(\.name) : Set(request.topics.map(\.name)).sorted()
    let start = request.cursor
    var left = Int(max(1, min(request.responsePartitionLimit, pageSizeMax)))
    var response = DescribeTopicPartitionsResponse()
    for name in asked where name >= start?.topicName ?? "" {
      guard left > 0 else {
        response.nextCursor = cursor(name, 0)
        break
      }
      guard let topic = topics.topic(name) else {
        // Listed a moment ago and gone now, or never there: only those that were asked for by name are mentioned.
        if !request.topics.isEmpty { response.topics.append(missing(name)) }
        continue
      }
      let first = name == start?.topicName ? max(0, start?.partitionIndex ?? 0) : 0
      let logs = topic.partitions.dropFirst(Int(first))
      response.topics.append(describe(topic, logs.prefix(left), context.broker.nodeID))
      if logs.count > left {
        response.nextCursor = cursor(name, first + Int32(left))
        break
      }
      left -= logs.count
    }
    context.respond(response)
  }

  private static func cursor(_ name: String, _ partition: Int32) -> DescribeTopicPartitionsResponse.Cursor {
    var cursor = DescribeTopicPartitionsResponse.Cursor()
    cursor.topicName = name
    cursor.partitionIndex = partition
    return cursor
  }

  private static func missing(_ name: String) -> DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic {
    var entry = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic()
    entry.name = name
    entry.errorCode = TopicName.complaint(name) == nil ? .unknownTopicOrPartition : .invalidTopicException
    return entry
  }

  private static func describe(
    _ topic: Topic, _ logs: ArraySlice<PartitionLog>, _ nodeID: Int32
  ) -> DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic {
    var entry = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic()
    entry.name = topic.name
    entry.topicId = topic.id
    entry.isInternal = topic.isInternal
    entry.topicAuthorizedOperations = AuthorizedOperations.topic
    entry.partitions = logs.map { log in
      var partition = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition()
      partition.partitionIndex = log.identity.partition
      partition.leaderId = nodeID
      partition.leaderEpoch = log.offsets.leaderEpoch
      partition.replicaNodes = [nodeID]
      partition.isrNodes = [nodeID]
      partition.eligibleLeaderReplicas = []
      partition.lastKnownElr = []
      return partition
    }
    return entry
  }
}
