import KafkaProtocol

/// Hands a member its assignment, when the leader has brought it and it is stored.
///
/// v3 adds static members, v4 is flexible, v5 has the client say which protocol it believes in.
enum SyncGroupHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...5

  static func handle(_ request: SyncGroupRequest, _ context: RequestContext) {
    guard context.version < 5 || (request.protocolType != nil && request.protocolName != nil) else {
      return context.respond(response(.refused(.inconsistentProtocol)))
    }
    context.waitForAnswer()
    let sync = GroupSync(
      token: ReplyToken(rawValue: 0), memberID: request.memberId, instanceID: request.groupInstanceId,
      generation: request.generationId, protocolType: request.protocolType, protocolName: request.protocolName,
      assignments: Dictionary(request.assignments.map { ($0.memberId, $0.assignment) }) { $1 })
    context.broker.groups.run { groups in
      groups.sync(request.groupId, sync) { context.respond(response($0)) }
    }
  }

  private static func response(_ answer: SyncAnswer) -> SyncGroupResponse {
    var response = SyncGroupResponse()
    response.errorCode = answer.refusal?.code ?? .none
    response.protocolType = answer.protocolType
    response.protocolName = answer.protocolName
    response.assignment = answer.assignment
    return response
  }
}
