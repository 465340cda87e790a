import KafkaProtocol

/// Joins a group, or rejoins it; answered when the rebalance has gathered its members.
///
/// v1 adds the rebalance timeout, v4 has new members come back with the id they are given, v5 static members, v6 is
/// flexible, v7 names the protocol type, v8 a reason, v9 lets a returning leader keep the assignment.
enum JoinGroupHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...9

  static func handle(_ request: JoinGroupRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let order = order(request, context)
    context.broker.groups.run { groups in
      groups.join(order) { context.respond(response($0, version: context.version)) }
    }
  }

  private static func order(_ request: JoinGroupRequest, _ context: RequestContext) -> GroupCoordinator.JoinOrder {
    let session = request.sessionTimeoutMs
    let rebalance = context.version >= 1 ? max(0, request.rebalanceTimeoutMs) : max(0, session)
    let prefix = request.groupInstanceId ?? context.clientID
    return GroupCoordinator.JoinOrder(
      group: request.groupId,
      join: GroupJoin(
        token: ReplyToken(rawValue: 0), memberID: request.memberId,
        newMemberID: "\(prefix.prefix(GroupLimits.memberIDPrefixMax))-\(MemberID.random())",
        instanceID: request.groupInstanceId, clientID: context.clientID,
        clientHost: "/\(context.connection.peerHost)", sessionTimeout: .milliseconds(session),
        rebalanceTimeout: .milliseconds(rebalance), protocolType: request.protocolType,
        protocols: request.protocols.map { GroupProtocol(name: $0.name, metadata: $0.metadata) },
        requiresKnownID: context.version >= 4, canSkipAssignment: context.version >= 9))
  }

  private static func response(_ answer: JoinAnswer, version: Int16) -> JoinGroupResponse {
    var response = JoinGroupResponse()
    response.errorCode = answer.refusal?.code ?? .none
    response.generationId = answer.generation
    response.protocolType = answer.protocolType
    response.protocolName = answer.protocolName ?? (version >= 7 ? nil : "")
    response.leader = answer.leader
    response.skipAssignment = answer.skipsAssignment
    response.memberId = answer.memberID
    response.members = answer.members.map { member in
      var entry = JoinGroupResponse.JoinGroupResponseMember()
      entry.memberId = member.id
      entry.groupInstanceId = member.instanceID
      entry.metadata = member.metadata
      return entry
    }
    return response
  }
}

/// The random part of a member id: a version 4 UUID in the usual text form.
enum MemberID {
  static func random() -> String {
    let id = KafkaUUID.random()
    let digits = hex(id.high) + hex(id.low)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append("-") }
      text.append(digit)
    }
    return text
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
