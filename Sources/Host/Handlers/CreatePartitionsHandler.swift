import KafkaProtocol

/// Raises the partition counts of topics. v2 is flexible, v3 may throttle.
enum CreatePartitionsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...3

  static func handle(_ request: CreatePartitionsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let repeated = request.topics.repeatedKeys(\.name)
    let topics = request.topics.withoutRepetitions(of: \.name)
    ControllerTurns<_, AppendRefusal?>(topics, on: context.broker.topics.controller) { topic, answer in
      if repeated.contains(topic.name) {
        answer(AppendRefusal(code: .invalidRequest, message: "Duplicate topic name."))
      } else {
        grow(topic, validateOnly: request.validateOnly, context.broker, answer)
      }
    } completion: { refusals in
      var response = CreatePartitionsResponse()
      response.results = zip(topics, refusals).map { topic, refusal in
        var result = CreatePartitionsResponse.CreatePartitionsTopicResult()
        result.name = topic.name
        result.errorCode = refusal?.code ?? .none
        result.errorMessage = refusal?.message
        return result
      }
      context.respond(response)
    }.begin()
  }

  private static func grow(
    _ request: CreatePartitionsRequest.CreatePartitionsTopic, validateOnly: Bool, _ broker: Broker,
    _ answer: @escaping @Sendable (AppendRefusal?) -> Void
  ) {
    let topic: Topic
    do throws(AppendRefusal) {
      topic = try growable(request, broker)
    } catch {
      return answer(error)
    }
    guard !validateOnly else { return answer(nil) }
    broker.topics.grow(topic, to: request.count) { refusal in
      if refusal == nil {
        broker.logger.info(
          "Added partitions", metadata: ["topic": "\(topic.name)", "partitions": "\(request.count)"])
      }
      answer(refusal)
    }
  }

  private static func growable(
    _ request: CreatePartitionsRequest.CreatePartitionsTopic, _ broker: Broker
  ) throws(AppendRefusal) -> Topic {
    guard let topic = broker.topics.topic(request.name) else {
      throw AppendRefusal(code: .unknownTopicOrPartition, message: "This server does not host this topic-partition.")
    }
    // Groups and transactions find their partition by hashing over the count: it is fixed when the topic is made.
    guard !topic.isInternal else {
      throw AppendRefusal(
        code: .invalidTopicException, message: "The partition count of the internal topic \(topic.name) is fixed.")
    }
    try check(request, current: Int32(topic.partitions.count), nodeID: broker.nodeID)
    return topic
  }

  /// Kafka's rules for one topic. Pure.
  static func check(
    _ request: CreatePartitionsRequest.CreatePartitionsTopic, current: Int32, nodeID: Int32
  ) throws(AppendRefusal) {
    if request.count == current {
      throw AppendRefusal(code: .invalidPartitions, message: "Topic already has \(current) partition(s).")
    }
    if request.count < current {
      throw AppendRefusal(
        code: .invalidPartitions,
        message:
          "The topic \(request.name) currently has \(current) partition(s); \(request.count) would not be an increase.")
    }
    guard Int(request.count) <= TopicLimits.partitionCountMax else {
      throw AppendRefusal(
        code: .invalidPartitions,
        message:
          "\(request.count) partitions are more than one broker takes, which is \(TopicLimits.partitionCountMax).")
    }
    guard let assignments = request.assignments else { return }
    let added = Int(request.count - current)
    guard assignments.count == added else {
      throw AppendRefusal(
        code: .invalidReplicaAssignment,
        message: "\(added) partition(s) would be added, but \(assignments.count) assignment(s) were given.")
    }
    guard assignments.allSatisfy({ $0.brokerIds == [nodeID] }) else {
      throw AppendRefusal(
        code: .invalidReplicaAssignment,
        message: "Each new partition must have the only broker, \(nodeID), as its replica.")
    }
  }
}
