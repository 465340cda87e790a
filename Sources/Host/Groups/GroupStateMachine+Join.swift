/// JoinGroup.
extension GroupStateMachine {
  /// A client joins or rejoins. Answered at once or when the rebalance has gathered everybody.
  mutating func join(_ request: GroupJoin, at now: GroupMoment) -> [GroupAction] {
    do throws(GroupRefusal) {
      if state == .dead { throw .notAvailable }
      guard hasRoom(for: request) else {
        pending[request.memberID] = nil
        let wasMember = members[request.memberID] != nil
        remove(request.memberID)
        if wasMember { rebalance(at: now) }
        throw .groupFull
      }
      guard supports(request.protocolType, request.protocols) else { throw .inconsistentProtocol }
      if request.memberID.isEmpty {
        try joinNew(request, at: now)
      } else if pending[request.memberID] != nil, request.instanceID == nil {
        pending[request.memberID] = nil
        add(request, id: request.memberID, at: now)
      } else {
        try check(MemberName(id: request.memberID, instanceID: request.instanceID))
        rejoin(request, at: now)
      }
      completeJoinIfAll(at: now)
    } catch {
      let id = error == .memberIDRequired ? request.newMemberID : request.memberID
      emit(.answerJoin(request.token, .refused(error, memberID: id)))
    }
    return takeActions()
  }

  /// In a rebalance those count who have rejoined, so that a group above its size shrinks to it.
  private func hasRoom(for request: GroupJoin) -> Bool {
    let id = request.instanceID.flatMap { staticIDs[$0] } ?? request.memberID
    switch state {
    case .empty, .dead: return true
    case .preparingRebalance: return members[id]?.awaitingJoin != nil || awaitingJoinCount < settings.sizeMax
    case .completingRebalance, .stable: return members[id] != nil || members.count < settings.sizeMax
    }
  }

  private mutating func joinNew(_ request: GroupJoin, at now: GroupMoment) throws(GroupRefusal) {
    if let instance = request.instanceID {
      if let former = staticIDs[instance] {
        replaceStatic(former, request, at: now)
      } else {
        add(request, id: request.newMemberID, at: now)
      }
    } else if request.requiresKnownID {
      guard pending.count < GroupLimits.pendingMembersMax else { throw .groupFull }
      pending[request.newMemberID] = now.uptime + request.sessionTimeout
      throw .memberIDRequired
    } else {
      add(request, id: request.newMemberID, at: now)
    }
  }

  private mutating func add(_ request: GroupJoin, id: String, at now: GroupMoment) {
    if members.isEmpty { protocolType = request.protocolType }
    if case .initial = joinPhase { newMemberAdded = true }
    insert(
      GroupMember(
        id: id, instanceID: request.instanceID, clientID: request.clientID, clientHost: request.clientHost,
        sessionTimeout: request.sessionTimeout, rebalanceTimeout: request.rebalanceTimeout,
        protocols: request.protocols, awaitingJoin: request.token,
        deadline: now.uptime + GroupLimits.newMemberJoinTimeout))
    rebalance(at: now)
  }

  private mutating func rejoin(_ request: GroupJoin, at now: GroupMoment) {
    let id = request.memberID
    switch state {
    case .empty, .dead: preconditionFailure("a group without members has one")
    case .preparingRebalance: update(request, id: id)
    case .completingRebalance:
      guard members[id]!.protocols == request.protocols else {
        update(request, id: id)
        return rebalance(at: now)
      }
      // The answer to its join was lost; nothing has changed for the others.
      answerJoin(request.token, id: id, at: now)
    case .stable:
      guard id != leader, members[id]!.protocols == request.protocols else {
        update(request, id: id)
        return rebalance(at: now)
      }
      answerJoin(request.token, id: id, at: now)
    }
  }

  private mutating func update(_ request: GroupJoin, id: String) {
    setProtocols(request.protocols, of: id)
    members[id]!.sessionTimeout = request.sessionTimeout
    members[id]!.rebalanceTimeout = request.rebalanceTimeout
    members[id]!.clientID = request.clientID
    members[id]!.clientHost = request.clientHost
    park(join: request.token, of: id)
  }

  /// A static member has restarted: the new process takes its predecessor's place under a new id, and the predecessor,
  /// if it still asks, is fenced. In a stable group this needs no rebalance unless the common protocol changes.
  private mutating func replaceStatic(_ former: String, _ request: GroupJoin, at now: GroupMoment) {
    refuseParked(former, .fencedInstance)
    var member = members.removeValue(forKey: former)!
    let formerLeader = leader
    member.id = request.newMemberID
    member.deadline = nil
    members[member.id] = member
    staticIDs[member.instanceID!] = member.id
    if leader == former { leader = member.id }
    update(request, id: member.id)
    switch state {
    case .stable:
      guard selectProtocol() == protocolName else { return rebalance(at: now) }
      emit(
        .store(
          snapshot(),
          .replacement(
            memberID: member.id, token: request.token, mayLead: request.canSkipAssignment, formerLeader: formerLeader)))
    case .completingRebalance:
      // The leader may be assigning to the former id.
      rebalance(at: now)
    case .preparingRebalance, .empty, .dead: break
    }
  }

  /// The replacement is durable: the member goes on with the assignment of its predecessor. A client that cannot be
  /// told to skip the assignment must not think that it leads.
  mutating func finishReplacement(
    _ id: String, _ token: ReplyToken, mayLead: Bool, formerLeader: String?, succeeded: Bool, at now: GroupMoment
  ) {
    // A rebalance that began meanwhile answers the join, or has answered it.
    guard state == .stable, members[id]?.awaitingJoin == token else { return }
    _ = unparkJoin(of: id)
    renewSession(of: id, at: now)
    guard succeeded else { return emit(.answerJoin(token, .refused(.notAvailable, memberID: id))) }
    var answer = currentAnswer(for: id)
    if id == leader {
      if mayLead {
        answer.skipsAssignment = true
        answer.members = describedMembers()
      } else {
        answer.leader = formerLeader ?? ""
      }
    }
    emit(.answerJoin(token, answer))
  }

  private mutating func answerJoin(_ token: ReplyToken, id: String, at now: GroupMoment) {
    renewSession(of: id, at: now)
    var answer = currentAnswer(for: id)
    if id == leader { answer.members = describedMembers() }
    emit(.answerJoin(token, answer))
  }

  func currentAnswer(for id: String) -> JoinAnswer {
    JoinAnswer(
      refusal: nil, memberID: id, generation: generation, protocolType: protocolType, protocolName: protocolName,
      leader: leader ?? "")
  }

  func describedMembers() -> [JoinAnswer.Member] {
    orderedMembers.map {
      JoinAnswer.Member(id: $0.id, instanceID: $0.instanceID, metadata: $0.metadata(for: protocolName))
    }
  }
}
