import KafkaProtocol

/// The idempotent producers that partitions remember. There are no transactions, so none has an open one. A partition
/// that is named several times is answered once.
enum DescribeProducersHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...0

  static func handle(_ request: DescribeProducersRequest, _ context: RequestContext) {
    var response = DescribeProducersResponse()
    var seen: Set<TopicPartitionName> = []
    response.topics = request.topics.map { topic in
      var result = DescribeProducersResponse.TopicResponse()
      result.name = topic.name
      let served = context.broker.topics.topic(topic.name)
      let missing: ErrorCode = TopicName.complaint(topic.name) == nil ? .unknownTopicOrPartition : .invalidTopicException
      let numbers = topic.partitionIndexes.filter {
        seen.insert(TopicPartitionName(topic: topic.name, partition: $0)).inserted
      }
      result.partitions = numbers.map { describe($0, served?.partition($0), missing) }
      return result
    }
    context.respond(response)
  }

  private static func describe(
    _ number: Int32, _ log: PartitionLog?, _ missing: ErrorCode
  ) -> DescribeProducersResponse.PartitionResponse {
    var result = DescribeProducersResponse.PartitionResponse()
    result.partitionIndex = number
    guard let log else {
      result.errorCode = missing
      result.errorMessage = missing.sentence
      return result
    }
    result.activeProducers = log.producers.sorted { $0.key < $1.key }.map { id, producer in
      var state = DescribeProducersResponse.ProducerState()
      state.producerId = id
      state.producerEpoch = Int32(producer.epoch)
      state.lastSequence = producer.batches.last?.lastSequence ?? -1
      state.lastTimestamp = producer.batches.last?.timestamp ?? -1
      state.coordinatorEpoch = -1
      return state
    }
    return result
  }
}
