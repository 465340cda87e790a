import KafkaProtocol

/// The idempotent producers that partitions remember. There are no transactions, so none has an open one. A partition that
/// is named several times is answered once.
enum DescribeProducersHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...0

  static func handle(_ request: DescribeProducersRequest, _ context: RequestContext) {
    var response = DescribeProducersResponse()
    response.topics = request.topics.withoutRepetitions(of: \.name).map { topic in
      var result = DescribeProducersResponse.TopicResponse()
      result.name = topic.name
      let served = context.broker.topics.topic(topic.name)
      result.partitions = topic.partitionIndexes.withoutRepetitions { $0 }.map { describe($0, served?.partition($0)) }
      return result
    }
    context.respond(response)
  }

  private static func describe(_ number: Int32, _ log: PartitionLog?) -> DescribeProducersResponse.PartitionResponse {
    var result = DescribeProducersResponse.PartitionResponse()
    result.partitionIndex = number
    guard let log else {
      result.errorCode = .unknownTopicOrPartition
      result.errorMessage = ErrorCode.unknownTopicOrPartition.sentence
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
