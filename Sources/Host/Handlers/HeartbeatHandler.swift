import KafkaProtocol

/// Keeps a member's session alive and tells it of a rebalance. v3 adds static members, v4 is flexible.
enum HeartbeatHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...4

  static func handle(_ request: HeartbeatRequest, _ context: RequestContext) {
    let name = MemberName(id: request.memberId, instanceID: request.groupInstanceId)
    context.broker.groups.run { groups in
      var response = HeartbeatResponse()
      do throws(GroupRefusal) {
        try groups.heartbeat(request.groupId, name, generation: request.generationId)
      } catch {
        response.errorCode = error.code
      }
      context.respond(response)
    }
  }
}
