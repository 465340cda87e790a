/// Who is in the group: the table of members and its counters, and the requests that only concern one member.
extension GroupStateMachine {
  // MARK: - The table

  mutating func insert(_ member: GroupMember) {
    precondition(members[member.id] == nil, "a member id is used twice")
    if members.isEmpty { leader = nil }
    var member = member
    member.order = nextOrder
    nextOrder += 1
    if let instance = member.instanceID { staticIDs[instance] = member.id }
    if member.awaitingJoin != nil { awaitingJoinCount += 1 }
    countVotes(member.protocols, 1)
    leader = leader ?? member.id
    members[member.id] = member
  }

  /// Takes a member out; whatever it waits for is answered with UNKNOWN_MEMBER_ID.
  mutating func remove(_ id: String) {
    refuseParked(id, .unknownMember)
    guard let member = members.removeValue(forKey: id) else { return }
    countVotes(member.protocols, -1)
    if let instance = member.instanceID, staticIDs[instance] == id { staticIDs[instance] = nil }
    if leader == id { leader = orderedMembers.first?.id }
  }

  mutating func setProtocols(_ protocols: [GroupProtocol], of id: String) {
    countVotes(members[id]!.protocols, -1)
    members[id]!.protocols = protocols
    countVotes(protocols, 1)
  }

  private mutating func countVotes(_ protocols: [GroupProtocol], _ change: Int) {
    for name in Set(protocols.map(\.name)) {
      let count = votes[name, default: 0] + change
      votes[name] = count == 0 ? nil : count
    }
  }

  /// Parks a join. One that was parked before is superseded: its connection is gone, or its client does not keep to the
  /// protocol; either way it is not left waiting for ever.
  mutating func park(join token: ReplyToken, of id: String) {
    if let former = members[id]!.awaitingJoin {
      emit(.answerJoin(former, .refused(.rebalanceInProgress, memberID: id)))
    } else {
      awaitingJoinCount += 1
    }
    members[id]!.awaitingJoin = token
    members[id]!.deadline = nil
  }

  mutating func park(sync token: ReplyToken, of id: String) {
    if let former = members[id]!.awaitingSync { emit(.answerSync(former, .refused(.rebalanceInProgress))) }
    members[id]!.awaitingSync = token
    members[id]!.deadline = nil
  }

  /// Takes the parked join, if there is one, for an answer that follows.
  mutating func unparkJoin(of id: String) -> ReplyToken? {
    guard let token = members[id]?.awaitingJoin else { return nil }
    members[id]!.awaitingJoin = nil
    awaitingJoinCount -= 1
    return token
  }

  mutating func refuseParked(_ id: String, _ refusal: GroupRefusal) {
    if let token = unparkJoin(of: id) { emit(.answerJoin(token, .refused(refusal, memberID: id))) }
    if let token = members[id]?.awaitingSync {
      members[id]!.awaitingSync = nil
      emit(.answerSync(token, .refused(refusal)))
    }
  }

  mutating func renewSession(of id: String, at now: GroupMoment) {
    guard let member = members[id], member.awaitingJoin == nil, member.awaitingSync == nil else { return }
    members[id]!.deadline = now.uptime + member.sessionTimeout
  }

  /// Throws unless the id is a member's and, for a static member, still the one of its instance id.
  func check(_ name: MemberName) throws(GroupRefusal) {
    if let instance = name.instanceID {
      guard let current = staticIDs[instance] else { throw .unknownMember }
      guard current == name.id else { throw .fencedInstance }
    }
    guard members[name.id] != nil else { throw .unknownMember }
  }

  private func check(_ name: MemberName, generation: Int32) throws(GroupRefusal) {
    try check(name)
    guard generation == self.generation else { throw .illegalGeneration }
  }

  // MARK: - Requests

  /// Keeps a member alive; REBALANCE_IN_PROGRESS asks it to rejoin.
  mutating func heartbeat(
    _ name: MemberName, generation: Int32, at now: GroupMoment
  ) throws(GroupRefusal) {
    if state == .dead { throw .notAvailable }
    try check(name, generation: generation)
    renewSession(of: name.id, at: now)
    switch state {
    case .empty, .dead: throw .unknownMember
    case .preparingRebalance: throw .rebalanceInProgress
    case .completingRebalance, .stable: break
    }
  }

  /// Whether offsets may be committed. Without member, instance and generation only while the group has no members.
  mutating func checkCommit(
    _ name: MemberName, generation: Int32, at now: GroupMoment
  ) throws(GroupRefusal) {
    if state == .dead { throw .notAvailable }
    if generation < 0, state == .empty { return }
    guard generation >= 0 || !name.id.isEmpty || name.instanceID != nil else { throw .unknownMember }
    try check(name, generation: generation)
    renewSession(of: name.id, at: now)
    // The member has this generation, but which partitions it gets is not settled.
    if state == .completingRebalance { throw .rebalanceInProgress }
  }

  /// Takes members out, each with its own result.
  mutating func leave(
    _ names: [MemberName], at now: GroupMoment
  ) -> (results: [GroupRefusal?], actions: [GroupAction]) {
    guard state != .dead else { return (names.map { _ in .notAvailable }, []) }
    var results: [GroupRefusal?] = []
    var membersLeft = false
    for name in names {
      do throws(GroupRefusal) {
        if name.instanceID == nil, pending.removeValue(forKey: name.id) != nil {
          results.append(nil)
          continue
        }
        remove(try leaving(name))
        membersLeft = true
        results.append(nil)
      } catch {
        results.append(error)
      }
    }
    if membersLeft { rebalance(at: now) } else { completeJoinIfAll(at: now) }
    return (results, takeActions())
  }

  /// The member that `name` takes out: without an id, the present holder of the instance id.
  private func leaving(_ name: MemberName) throws(GroupRefusal) -> String {
    if name.id.isEmpty, let instance = name.instanceID {
      guard let id = staticIDs[instance] else { throw .unknownMember }
      return id
    }
    try check(name)
    return name.id
  }

  /// Whether offsets of `topic` are in use by members.
  func isSubscribed(to topic: String) -> Bool {
    state != .empty && isConsumerGroup && (subscribedTopics?.contains(topic) ?? true)
  }
}
