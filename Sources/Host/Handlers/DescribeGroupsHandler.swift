import KafkaProtocol

/// State and members of groups. v3 adds authorised operations, v4 instance ids, v5 is flexible. A group that does not
/// exist is "Dead" and no error. A group that is named several times is answered once.
enum DescribeGroupsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...5

  static func handle(_ request: DescribeGroupsRequest, _ context: RequestContext) {
    context.broker.groups.run { groups in
      var response = DescribeGroupsResponse()
      response.groups = request.groups.withoutRepetitions { $0 }.map {
        describe($0, groups, request.includeAuthorizedOperations)
      }
      context.respond(response)
    }
  }

  private static func describe(
    _ id: String, _ groups: GroupCoordinator, _ includesOperations: Bool
  ) -> DescribeGroupsResponse.DescribedGroup {
    var result = DescribeGroupsResponse.DescribedGroup()
    result.groupId = id
    do throws(GroupRefusal) {
      let machine = try groups.describe(id)
      result.groupState = (machine?.state ?? .dead).rawValue
      if let machine { fill(&result, machine) }
      if includesOperations { result.authorizedOperations = AuthorizedOperations.group }
    } catch {
      result.errorCode = error.code
    }
    return result
  }

  /// Protocol, subscriptions and assignments only mean something once they are settled.
  private static func fill(_ result: inout DescribeGroupsResponse.DescribedGroup, _ machine: GroupStateMachine) {
    let isSettled = machine.state == .stable
    result.protocolType = machine.protocolType ?? ""
    result.protocolData = isSettled ? machine.protocolName ?? "" : ""
    result.members = machine.orderedMembers.map { member in
      var entry = DescribeGroupsResponse.DescribedGroupMember()
      entry.memberId = member.id
      entry.groupInstanceId = member.instanceID
      entry.clientId = member.clientID
      entry.clientHost = member.clientHost
      entry.memberMetadata = isSettled ? member.metadata(for: machine.protocolName) : []
      entry.memberAssignment = isSettled ? member.assignment : []
      return entry
    }
  }
}
