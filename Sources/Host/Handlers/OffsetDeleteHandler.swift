import KafkaProtocol

/// Deletes committed offsets of topics that no member subscribes to; answered when that is durable.
enum OffsetDeleteHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...0

  static func handle(_ request: OffsetDeleteRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let topics = context.broker.topics
    let places = request.topics.flatMap { topic in
      topic.partitions.map { TopicPartitionName(topic: topic.name, partition: $0.partitionIndex) }
    }
    let unknown = Set(places.filter { topics.topic($0.topic)?.partition($0.partition) == nil })
    context.broker.groups.run { groups in
      groups.deleteOffsets(request.groupId, places.filter { !unknown.contains($0) }) { outcome in
        var response = OffsetDeleteResponse()
        switch outcome {
        case .success(var refused):
          for place in unknown { refused[place] = .unknownTopicOrPartition }
          response.topics = results(request, refused)
        case .failure(let refusal): response.errorCode = refusal.code
        }
        context.respond(response)
      }
    }
  }

  private static func results(
    _ request: OffsetDeleteRequest, _ refused: [TopicPartitionName: GroupRefusal]
  ) -> [OffsetDeleteResponse.OffsetDeleteResponseTopic] {
    request.topics.map { topic in
      var result = OffsetDeleteResponse.OffsetDeleteResponseTopic()
      result.name = topic.name
      result.partitions = topic.partitions.map { partition in
        var entry = OffsetDeleteResponse.OffsetDeleteResponsePartition()
        entry.partitionIndex = partition.partitionIndex
        let place = TopicPartitionName(topic: topic.name, partition: partition.partitionIndex)
        entry.errorCode = refused[place]?.code ?? .none
        return entry
      }
      return result
    }
  }
}
