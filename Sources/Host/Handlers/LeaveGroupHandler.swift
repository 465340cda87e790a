import KafkaProtocol

/// Takes members out of a group. One member up to v2; from v3 several, static ones by instance id alone; v4 is
/// flexible, v5 adds a reason.
enum LeaveGroupHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...5

  static func handle(_ request: LeaveGroupRequest, _ context: RequestContext) {
    let names =
      context.version <= 2
      ? [MemberName(id: request.memberId, instanceID: nil)]
      : request.members.map { MemberName(id: $0.memberId, instanceID: $0.groupInstanceId) }
    context.broker.groups.run { groups in
      var response = LeaveGroupResponse()
      do throws(GroupRefusal) {
        let results = try groups.leave(request.groupId, names)
        if context.version <= 2 {
          response.errorCode = results[0]?.code ?? .none
        } else {
          response.members = zip(names, results).map(member)
        }
      } catch {
        response.errorCode = error.code
      }
      context.respond(response)
    }
  }

  private static func member(_ name: MemberName, _ refusal: GroupRefusal?) -> LeaveGroupResponse.MemberResponse {
    var result = LeaveGroupResponse.MemberResponse()
    result.memberId = name.id
    result.groupInstanceId = name.instanceID
    result.errorCode = refusal?.code ?? .none
    return result
  }
}
