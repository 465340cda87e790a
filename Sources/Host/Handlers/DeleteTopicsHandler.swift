import KafkaProtocol

/// Deletes topics by name, from v6 also by id. The answer means that the deletion is durable and the topic gone; the
/// data goes in the background. A topic that is named twice stays, as in Kafka: the request contradicts itself.
enum DeleteTopicsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...6

  static func handle(_ request: DeleteTopicsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let topics = context.broker.topics
    let asked =
      context.version >= 6
      ? request.topics.map { Wanted(name: $0.name, id: $0.topicId) }
      : request.topicNames.map { Wanted(name: $0, id: .zero) }
    let repeated = asked.filter(\.isWhole).repeatedKeys { $0 }
    let wanted = asked.withoutRepetitions { $0 }
    let ambiguous = wanted.filter(\.isWhole).compactMap { $0.name ?? topics.topic($0.id)?.name }.repeatedKeys { $0 }
    ControllerTurns<_, DeleteTopicsResponse.DeletableTopicResult>(wanted, on: topics.controller) { wanted, answer in
      answer(delete(wanted, isRepeated: repeated.contains(wanted), ambiguous, context))
    } completion: { results in
      var response = DeleteTopicsResponse()
      response.responses = results
      context.respond(response)
    }.begin()
  }

  /// A topic as a request names it.
  private struct Wanted: Hashable {
    var name: String?
    var id: KafkaUUID

    /// By name or by id, and not by both.
    var isWhole: Bool { (name == nil) != (id == .zero) }
  }

  /// `ambiguous`: names of topics that are meant by name and by id.
  private static func delete(
    _ wanted: Wanted, isRepeated: Bool, _ ambiguous: Set<String>, _ context: RequestContext
  ) -> DeleteTopicsResponse.DeletableTopicResult {
    var result = DeleteTopicsResponse.DeletableTopicResult()
    result.name = wanted.name
    result.topicId = wanted.id
    do throws(AppendRefusal) {
      if isRepeated {
        throw AppendRefusal(
          code: .invalidRequest, message: wanted.name == nil ? "Duplicate topic id." : "Duplicate topic name.")
      }
      let topic = try find(name: wanted.name, id: wanted.id, context.broker)
      result.name = topic.name
      result.topicId = topic.id
      if ambiguous.contains(topic.name) {
        throw AppendRefusal(
          code: .invalidRequest, message: "The provided topic name maps to an ID that was already supplied.")
      }
      guard context.broker.configuration.topics.allowsDeletion else {
        throw AppendRefusal(
          code: context.version >= 3 ? .topicDeletionDisabled : .invalidRequest,
          message: "Topic deletion is disabled (delete.topic.enable=false).")
      }
      guard !topic.isInternal else {
        throw AppendRefusal(
          code: .invalidTopicException, message: "Topic \(topic.name) is internal; the broker cannot do without it.")
      }
      try context.broker.topics.delete(topic)
      let name = topic.name
      context.broker.groups.run { $0.topicDeleted(name) }
    } catch {
      result.errorCode = error.code
      result.errorMessage = error.message
    }
    return result
  }

  private static func find(name: String?, id: KafkaUUID, _ broker: Broker) throws(AppendRefusal) -> Topic {
    if let name {
      guard id == .zero else {
        throw AppendRefusal(code: .invalidRequest, message: "You may not specify both topic name and topic id.")
      }
      guard let topic = broker.topics.topic(name) else {
        throw AppendRefusal(code: .unknownTopicOrPartition, message: "This server does not host this topic-partition.")
      }
      return topic
    }
    guard id != .zero else {
      throw AppendRefusal(code: .invalidRequest, message: "Neither topic name nor id were specified.")
    }
    guard let topic = broker.topics.topic(id) else {
      throw AppendRefusal(code: .unknownTopicId, message: "This server does not host this topic ID.")
    }
    return topic
  }
}
