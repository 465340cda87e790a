/// SyncGroup, and what follows when a store has ended.
extension GroupStateMachine {
  /// A member asks for its assignment; the leader brings everybody's.
  mutating func sync(_ request: GroupSync, at now: GroupMoment) -> [GroupAction] {
    do throws(GroupRefusal) {
      try checkSync(request)
      members[request.memberID]!.owesSync = false
      switch state {
      case .empty, .dead: throw .unknownMember
      case .preparingRebalance: throw .rebalanceInProgress
      case .completingRebalance:
        park(sync: request.token, of: request.memberID)
        if request.memberID == leader, assignmentInStore == nil {
          assignmentInStore = request.assignments.filter { members[$0.key] != nil }
          emit(.store(snapshot(), .assignment(generation: generation)))
        }
      case .stable:
        renewSession(of: request.memberID, at: now)
        emit(.answerSync(request.token, assignmentAnswer(for: request.memberID)))
      }
      if !members.values.contains(where: \.owesSync) { syncDeadline = nil }
    } catch {
      emit(.answerSync(request.token, .refused(error)))
    }
    return takeActions()
  }

  private func checkSync(_ request: GroupSync) throws(GroupRefusal) {
    if state == .dead { throw .notAvailable }
    try check(MemberName(id: request.memberID, instanceID: request.instanceID))
    guard request.generation == generation else { throw .illegalGeneration }
    if let type = request.protocolType, type != protocolType { throw .inconsistentProtocol }
    if let name = request.protocolName, name != protocolName { throw .inconsistentProtocol }
  }

  private func assignmentAnswer(for id: String) -> SyncAnswer {
    SyncAnswer(
      refusal: nil, protocolType: protocolType, protocolName: protocolName, assignment: members[id]?.assignment ?? [])
  }

  /// A store has ended. What has become of the group meanwhile decides what it still means.
  mutating func stored(_ purpose: GroupStorePurpose, succeeded: Bool, at now: GroupMoment) -> [GroupAction] {
    switch purpose {
    case .assignment(let generation): finishAssignment(of: generation, succeeded: succeeded, at: now)
    case .replacement(let id, let token, let mayLead, let formerLeader):
      finishReplacement(
        id, token, mayLead: mayLead, formerLeader: formerLeader, succeeded: succeeded, at: now)
    case .emptied: break
    }
    return takeActions()
  }

  private mutating func finishAssignment(of generation: Int32, succeeded: Bool, at now: GroupMoment) {
    guard state == .completingRebalance, generation == self.generation, let assignment = assignmentInStore else {
      return
    }
    assignmentInStore = nil
    if succeeded {
      for id in members.keys { members[id]!.assignment = assignment[id] ?? [] }
      transition(to: .stable, at: now)
    }
    for member in orderedMembers {
      guard let token = member.awaitingSync else { continue }
      members[member.id]!.awaitingSync = nil
      renewSession(of: member.id, at: now)
      emit(.answerSync(token, succeeded ? assignmentAnswer(for: member.id) : .refused(.notAvailable)))
    }
    if !succeeded { rebalance(at: now) }
  }
}
