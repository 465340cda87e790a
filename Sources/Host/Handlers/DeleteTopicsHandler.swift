import KafkaProtocol

/// Deletes topics by name, from v6 also by id. The answer means that the deletion is durable and the topic gone; the
/// data goes in the background.
enum DeleteTopicsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...6

  static func handle(_ request: DeleteTopicsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let wanted: [(name: String?, id: KafkaUUID)] =
      context.version >= 6
      ? request.topics.map { ($0.name, $0.topicId) } : request.topicNames.map { ($0, .zero) }
    ControllerTurns<_, DeleteTopicsResponse.DeletableTopicResult>(wanted, on: context.broker.topics.controller) {
      wanted, answer in answer(delete(name: wanted.name, id: wanted.id, context))
    } completion: { results in
      var response = DeleteTopicsResponse()
      response.responses = results
      context.respond(response)
    }.begin()
  }

  private static func delete(
    name: String?, id: KafkaUUID, _ context: RequestContext
  ) -> DeleteTopicsResponse.DeletableTopicResult {
    var result = DeleteTopicsResponse.DeletableTopicResult()
    result.name = name
    result.topicId = id
    do throws(AppendRefusal) {
      let topic = try find(name: name, id: id, context.broker)
      result.name = topic.name
      result.topicId = topic.id
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
