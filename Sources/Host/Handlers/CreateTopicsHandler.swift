import Configuration
import KafkaProtocol

/// Creates topics. v4 takes -1 for the broker's defaults, v5 reports the configuration, v7 the topic id.
enum CreateTopicsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 2...7

  static func handle(_ request: CreateTopicsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let repeated = request.topics.repeatedKeys(\.name)
    let topics = request.topics.withoutRepetitions(of: \.name)
    ControllerTurns<_, CreateTopicsResponse.CreatableTopicResult>(topics, on: context.broker.topics.controller) {
      topic, answer in
      if repeated.contains(topic.name) {
        answer(failure(topic.name, .invalidRequest, "Duplicate topic name."))
      } else {
        create(topic, validateOnly: request.validateOnly, context.broker, answer)
      }
    } completion: { results in
      var response = CreateTopicsResponse()
      response.topics = results
      context.respond(response)
    }.begin()
  }

  private static func create(
    _ topic: CreateTopicsRequest.CreatableTopic, validateOnly: Bool, _ broker: Broker,
    _ answer: @escaping @Sendable (CreateTopicsResponse.CreatableTopicResult) -> Void
  ) {
    let plan: TopicPlan
    do throws(AppendRefusal) {
      plan = try TopicPlan(topic, broker)
    } catch {
      return answer(failure(topic.name, error.code, error.message))
    }
    guard !validateOnly else { return answer(success(topic.name, nil, plan, broker)) }
    broker.topics.create(topic.name, partitions: plan.partitionCount, overrides: plan.overrides) { outcome in
      switch outcome {
      case .success(let created):
        broker.logger.info(
          "Created a topic",
          metadata: ["topic": "\(topic.name)", "id": "\(created.id)", "partitions": "\(plan.partitionCount)"])
        answer(success(topic.name, created.id, plan, broker))
      case .failure(let refusal): answer(failure(topic.name, refusal.code, refusal.message))
      }
    }
  }

  private static func success(
    _ name: String, _ id: KafkaUUID?, _ plan: TopicPlan, _ broker: Broker
  ) -> CreateTopicsResponse.CreatableTopicResult {
    var result = CreateTopicsResponse.CreatableTopicResult()
    result.name = name
    result.topicId = id ?? .zero
    result.errorMessage = nil
    result.numPartitions = plan.partitionCount
    result.replicationFactor = 1
    result.configs = configuration(plan.overrides, broker)
    return result
  }

  private static func failure(
    _ name: String, _ code: ErrorCode, _ message: String
  ) -> CreateTopicsResponse.CreatableTopicResult {
    var result = CreateTopicsResponse.CreatableTopicResult()
    result.name = name
    result.errorCode = code
    result.errorMessage = message
    result.configs = []
    return result
  }

  private static func configuration(
    _ overrides: [String: String], _ broker: Broker
  ) -> [CreateTopicsResponse.CreatableTopicConfigs] {
    TopicConfiguration.describe(
      overrides: overrides, defaults: broker.settings.current.topicDefaults).map { entry in
      var config = CreateTopicsResponse.CreatableTopicConfigs()
      config.name = entry.name
      config.value = entry.value
      config.readOnly = entry.isReadOnly
      config.configSource = entry.source.rawValue
      config.isSensitive = entry.isSensitive
      return config
    }
  }
}

/// A topic as a request describes it, checked against this broker. On the controller thread.
struct TopicPlan {
  var partitionCount: Int32
  var overrides: [String: String]

  init(_ topic: CreateTopicsRequest.CreatableTopic, _ broker: Broker) throws(AppendRefusal) {
    if let complaint = TopicName.complaint(topic.name) {
      throw AppendRefusal(code: .invalidTopicException, message: complaint)
    }
    if broker.topics.isTaken(topic.name) {
      throw AppendRefusal(code: .topicAlreadyExists, message: "Topic '\(topic.name)' already exists.")
    }
    if let other = broker.topics.collision(with: topic.name) {
      throw AppendRefusal(
        code: .invalidTopicException,
        message:
          "Topic '\(topic.name)' collides with existing topic: \(other) ('.' and '_' are the same in metric names).")
    }
    partitionCount = try Self.partitionCount(topic, broker)
    var given: [String: String] = [:]
    for config in topic.configs {
      guard let value = config.value else {
        throw AppendRefusal(code: .invalidConfig, message: "Null value not supported for topic configs: \(config.name)")
      }
      given[config.name] = value
    }
    let defaults = broker.settings.current.topicDefaults.values
    switch TopicConfiguration.validate(overrides: given, brokerDefaults: defaults) {
    case .success(let normalized): overrides = normalized
    case .failure(let problems): throw AppendRefusal(code: .invalidConfig, message: "\(problems)")
    }
  }

  private static func partitionCount(
    _ topic: CreateTopicsRequest.CreatableTopic, _ broker: Broker
  ) throws(AppendRefusal) -> Int32 {
    if !topic.assignments.isEmpty {
      guard topic.numPartitions == -1, topic.replicationFactor == -1 else {
        throw AppendRefusal(
          code: .invalidRequest,
          message: "Both numPartitions or replicationFactor and replicasAssignments were set; they exclude each other.")
      }
      let numbers = topic.assignments.map(\.partitionIndex).sorted()
      guard numbers == Array(0..<Int32(numbers.count)),
        topic.assignments.allSatisfy({ $0.brokerIds == [broker.nodeID] })
      else {
        throw AppendRefusal(
          code: .invalidReplicaAssignment,
          message:
            "Partitions must be numbered from 0 without gaps, each with the only broker, \(broker.nodeID), as replica.")
      }
      return Int32(numbers.count)
    }
    guard topic.replicationFactor == -1 || topic.replicationFactor == 1 else {
      throw AppendRefusal(
        code: .invalidReplicationFactor,
        message: topic.replicationFactor <= 0
          ? "Replication factor must be larger than 0, or -1 to use the default value."
          : "Unable to replicate the partition \(topic.replicationFactor) time(s): only 1 broker is registered.")
    }
    let count = topic.numPartitions == -1 ? broker.configuration.topics.partitionCount : topic.numPartitions
    guard count > 0, Int(count) <= TopicLimits.partitionCountMax else {
      throw AppendRefusal(
        code: .invalidPartitions,
        message: "Number of partitions was set to an invalid value: expected 1 to \(TopicLimits.partitionCountMax), "
          + "or -1 to use the default value.")
    }
    return count
  }
}
