import KafkaProtocol

/// Raises the partition counts of topics. v2 is flexible, v3 may throttle.
enum CreatePartitionsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...3

  static func handle(_ request: CreatePartitionsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    context.broker.topics.controller.run {
      var response = CreatePartitionsResponse()
      let counts = Dictionary(request.topics.map { ($0.name, 1) }, uniquingKeysWith: +)
      var reported: Set<String> = []
      for topic in request.topics where reported.insert(topic.name).inserted {
        var result = CreatePartitionsResponse.CreatePartitionsTopicResult()
        result.name = topic.name
        do throws(AppendRefusal) {
          guard counts[topic.name] == 1 else {
            throw AppendRefusal(code: .invalidRequest, message: "Duplicate topic name.")
          }
          try grow(topic, validateOnly: request.validateOnly, context.broker)
        } catch {
          result.errorCode = error.code
          result.errorMessage = error.message
        }
        response.results.append(result)
      }
      context.respond(response)
    }
  }

  private static func grow(
    _ request: CreatePartitionsRequest.CreatePartitionsTopic, validateOnly: Bool, _ broker: Broker
  ) throws(AppendRefusal) {
    guard let topic = broker.topics.topic(request.name) else {
      throw AppendRefusal(code: .unknownTopicOrPartition, message: "This server does not host this topic-partition.")
    }
    // Groups and transactions find their partition by hashing over the count: it is fixed when the topic is made.
    guard !topic.isInternal else {
      throw AppendRefusal(
        code: .invalidTopicException, message: "The partition count of the internal topic \(topic.name) is fixed.")
    }
    try check(request, current: Int32(topic.partitions.count), nodeID: broker.nodeID)
    guard !validateOnly else { return }
    try broker.topics.grow(topic, to: request.count)
    broker.logger.info(
      "Added partitions", metadata: ["topic": "\(topic.name)", "partitions": "\(request.count)"])
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
        message: "The topic \(request.name) currently has \(current) partition(s); \(request.count) would not be an increase.")
    }
    guard request.count <= CreateTopicsHandler.partitionCountMax else {
      throw AppendRefusal(
        code: .invalidPartitions,
        message: "\(request.count) partitions are more than one broker takes, which is \(CreateTopicsHandler.partitionCountMax).")
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
