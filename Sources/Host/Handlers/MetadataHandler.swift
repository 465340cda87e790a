import KafkaProtocol

/// Brokers and topics.
///
/// Topic list: null means all, in v0 an empty list does too. v4 lets the client forbid auto-creation, v8 asks for
/// authorised operations, v10 adds topic ids, v12 looks up by id. A missing topic is created when the broker and the
/// request allow it. A topic that is named several times is answered once, as in Kafka.
enum MetadataHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...12

  static func handle(_ request: MetadataRequest, _ context: RequestContext) {
    let wanted = request.topics.flatMap {
      $0.isEmpty && context.version == 0 ? nil : $0.withoutRepetitions(of: Wanted.init)
    }
    let topics = context.broker.topics
    let mayCreate = request.allowAutoTopicCreation && context.broker.configuration.topics.createsAutomatically
    // Internal topics are made by their coordinators, with settings of their own.
    let missing = (wanted ?? []).filter { $0.topicId == .zero }.compactMap(\.name).filter {
      topics.topic($0) == nil && TopicName.complaint($0) == nil && !Topic.internalNames.contains($0)
    }
    guard mayCreate, !missing.isEmpty else {
      return context.respond(response(request, wanted, context))
    }
    context.waitForAnswer()
    // The rest is unknown in this answer, which every client takes as "ask again".
    let first = Array(Set(missing.prefix(TopicLimits.createdOnFirstUseMax)))
    ControllerTurns<String, Void>(first, on: topics.controller) { name, answer in
      create(name, context.broker) { answer(()) }
    } completion: { _ in
      context.respond(response(request, wanted, context))
    }.begin()
  }

  private struct Wanted: Hashable {
    var id: KafkaUUID
    var name: String?

    init(_ topic: MetadataRequest.MetadataRequestTopic) {
      id = topic.topicId
      // An id is enough: the name beside it is not looked at.
      name = topic.topicId == .zero ? topic.name : nil
    }
  }

  /// What fails is seen in the response: the topic is still unknown there. On the controller thread.
  private static func create(_ name: String, _ broker: Broker, _ completion: @escaping @Sendable () -> Void) {
    let topics = broker.topics
    guard !topics.isTaken(name) else { return topics.whenCreated(name, completion) }
    if let other = topics.collision(with: name) {
      broker.logger.warning(
        "A topic is not created on first use: '.' and '_' are the same in metric names",
        metadata: ["topic": "\(name)", "exists": "\(other)"])
      return completion()
    }
    topics.create(name, partitions: broker.configuration.topics.partitionCount, overrides: [:]) { outcome in
      switch outcome {
      case .success(let topic):
        broker.logger.info("Created a topic on first use", metadata: ["topic": "\(name)", "id": "\(topic.id)"])
      case .failure(let refusal):
        broker.logger.warning(
          "A topic could not be created on first use", metadata: ["topic": "\(name)", "error": "\(refusal.message)"])
      }
      completion()
    }
  }

  private static func response(
    _ request: MetadataRequest, _ wanted: [MetadataRequest.MetadataRequestTopic]?, _ context: RequestContext
  ) -> MetadataResponse {
    let broker = context.broker
    var response = MetadataResponse()
    var node = MetadataResponse.MetadataResponseBroker()
    node.nodeId = broker.nodeID
    node.host = broker.advertised.host
    node.port = Int32(broker.advertised.port)
    response.brokers = [node]
    response.clusterId = broker.clusterID
    response.controllerId = broker.nodeID
    if request.includeClusterAuthorizedOperations {
      response.clusterAuthorizedOperations = AuthorizedOperations.cluster
    }
    let includesOperations = request.includeTopicAuthorizedOperations
    if let wanted {
      response.topics = wanted.map { entry(for: $0, version: context.version, broker, includesOperations) }
    } else {
      response.topics = broker.topics.all.map { entry($0, broker, includesOperations) }
    }
    return response
  }

  private static func entry(
    for wanted: MetadataRequest.MetadataRequestTopic, version: Int16, _ broker: Broker, _ includesOperations: Bool
  ) -> MetadataResponse.MetadataResponseTopic {
    var missing = MetadataResponse.MetadataResponseTopic()
    missing.name = wanted.name
    missing.topicId = wanted.topicId
    guard version >= 12 || isByName(wanted) else {
      missing.errorCode = .invalidRequest
      missing.name = wanted.name ?? ""
      return missing
    }
    if wanted.topicId != .zero {
      if let topic = broker.topics.topic(wanted.topicId) { return entry(topic, broker, includesOperations) }
      missing.errorCode = .unknownTopicId
      missing.name = nil
      return missing
    }
    if let topic = broker.topics.topic(wanted.name ?? "") { return entry(topic, broker, includesOperations) }
    missing.errorCode = TopicName.complaint(wanted.name ?? "") == nil ? .unknownTopicOrPartition : .invalidTopicException
    return missing
  }

  /// v10 and v11 have a place for an id in the request, but a response to them cannot do without a name.
  private static func isByName(_ wanted: MetadataRequest.MetadataRequestTopic) -> Bool {
    wanted.name != nil && wanted.topicId == .zero
  }

  private static func entry(
    _ topic: Topic, _ broker: Broker, _ includesOperations: Bool
  ) -> MetadataResponse.MetadataResponseTopic {
    var entry = MetadataResponse.MetadataResponseTopic()
    entry.name = topic.name
    entry.topicId = topic.id
    entry.isInternal = topic.isInternal
    if includesOperations { entry.topicAuthorizedOperations = AuthorizedOperations.topic }
    entry.partitions = topic.partitions.map { log in
      var partition = MetadataResponse.MetadataResponsePartition()
      partition.partitionIndex = log.identity.partition
      partition.leaderId = broker.nodeID
      partition.leaderEpoch = log.offsets.leaderEpoch
      partition.replicaNodes = [broker.nodeID]
      partition.isrNodes = [broker.nodeID]
      return partition
    }
    return entry
  }
}

/// The bit sets of allowed operations that v8 and later report (bit n is Kafka's AclOperation n). Without an authoriser
/// everything is allowed.
enum AuthorizedOperations {
  /// Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs.
  static let topic: Int32 = [3, 4, 5, 6, 7, 8, 10, 11].reduce(0) { $0 | 1 << $1 }
  /// Create, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite.
  static let cluster: Int32 = [5, 7, 8, 9, 10, 11, 12].reduce(0) { $0 | 1 << $1 }
  /// Read, Delete, Describe.
  static let group: Int32 = [3, 6, 8].reduce(0) { $0 | 1 << $1 }
}
