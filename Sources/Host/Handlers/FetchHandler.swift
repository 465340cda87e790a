import KafkaProtocol

/// Reads record batches.
///
/// v4 adds isolation, v5 the log start, v7 sessions, v9 leader epochs, v12 is flexible and detects truncation, v13
/// names topics by id, v15 moves the replica id, v16 adds leader hints (never needed: there is one broker).
enum FetchHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 4...16

  static func handle(_ request: FetchRequest, _ context: RequestContext) {
    let sessions = context.broker.fetchSessions
    let targets = FetchTarget.distinct(
      request.topics.flatMap { topic in topic.partitions.map { FetchTarget(topic, $0) } })
    let isFull = request.sessionEpoch == 0 || request.sessionEpoch == -1
    if isFull {
      if request.sessionId != 0 { sessions.remove(request.sessionId) }
      let session =
        request.sessionEpoch == 0 && context.version >= 7
        ? sessions.create(targets, usesTopicIDs: context.version >= 13) : nil
      return FetchOperation(request, context, targets: targets, session: session, isIncremental: false).evaluate()
    }
    switch sessions.take(request.sessionId, epoch: request.sessionEpoch, usesTopicIDs: context.version >= 13) {
    case .refused(let code):
      var response = FetchResponse()
      response.errorCode = code
      context.respond(response)
    case .session(let session):
      let forgotten = request.forgottenTopicsData.flatMap { topic in
        topic.partitions.map { FetchKey(topic: topic.topic, topicID: topic.topicId, partition: $0) }
      }
      session.update(targets, forgotten: forgotten)
      FetchOperation(request, context, targets: session.targets, session: session, isIncremental: true).evaluate()
    }
  }
}
