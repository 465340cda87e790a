import KafkaProtocol

/// Which broker coordinates a group or a transactional id: this one. v1 adds the key type, v4 asks for many keys.
///
/// The first one who asks for the coordinator of a group waits until the offsets topic is created.
enum FindCoordinatorHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...4

  static func handle(_ request: FindCoordinatorRequest, _ context: RequestContext) {
    guard request.keyType == 0, context.broker.topics.topic(OffsetsTopic.name) == nil else {
      return respond(request, context, isAvailable: true)
    }
    context.waitForAnswer()
    context.broker.groups.run { groups in
      groups.whenTopicExists { respond(request, context, isAvailable: $0) }
    }
  }

  private static func respond(_ request: FindCoordinatorRequest, _ context: RequestContext, isAvailable: Bool) {
    var response = FindCoordinatorResponse()
    if context.version >= 4 {
      response.coordinators = request.coordinatorKeys.map {
        coordinator($0, request.keyType, context.broker, isAvailable)
      }
    } else {
      let found = coordinator(request.key, request.keyType, context.broker, isAvailable)
      response.errorCode = found.errorCode
      response.errorMessage = found.errorMessage
      response.nodeId = found.nodeId
      response.host = found.host
      response.port = found.port
    }
    context.respond(response)
  }

  private static func coordinator(
    _ key: String, _ type: Int8, _ broker: Broker, _ isAvailable: Bool
  ) -> FindCoordinatorResponse.Coordinator {
    var result = FindCoordinatorResponse.Coordinator()
    result.key = key
    result.nodeId = -1
    result.port = -1
    switch type {
    case 0, 1:
      if !isAvailable {
        result.errorCode = .coordinatorNotAvailable
        result.errorMessage = "The topic \(OffsetsTopic.name) could not be created; the broker's log says why."
      } else if type == 1, key.isEmpty {
        result.errorCode = .invalidRequest
        result.errorMessage = "A transactional id is never empty."
      } else {
        result.nodeId = broker.nodeID
        result.host = broker.advertised.host
        result.port = Int32(broker.advertised.port)
        result.errorMessage = nil
      }
    default:
      result.errorCode = .invalidRequest
      result.errorMessage = "Coordinator type \(type) is not served; 0 is group and 1 is transaction."
    }
    return result
  }
}
