import KafkaProtocol

/// Rebalances: how they begin, when they are complete, and what time does.
extension GroupStateMachine {
  /// Membership has changed: begins a rebalance, or sees whether the present one is complete.
  mutating func rebalance(at now: GroupMoment) {
    switch state {
    case .empty:
      guard !members.isEmpty else { return }
      let delay = settings.initialRebalanceDelay
      newMemberAdded = false
      joinPhase = .initial(until: now.uptime + delay, rest: max(rebalanceTimeout - delay, .zero))
      transition(to: .preparingRebalance, at: now)
    case .stable, .completingRebalance:
      abandonSync(.rebalanceInProgress, at: now)
      joinPhase = .collecting(until: now.uptime + rebalanceTimeout)
      transition(to: .preparingRebalance, at: now)
      completeJoinIfAll(at: now)
    case .preparingRebalance: completeJoinIfAll(at: now)
    case .dead: break
    }
  }

  /// Ends the gathering when nobody is missing. The initial one always lasts until its time.
  mutating func completeJoinIfAll(at now: GroupMoment) {
    guard case .collecting = joinPhase, awaitingJoinCount == members.count, pending.isEmpty else { return }
    completeJoin(at: now)
  }

  private mutating func abandonSync(_ refusal: GroupRefusal, at now: GroupMoment) {
    syncDeadline = nil
    assignmentInStore = nil
    for member in orderedMembers {
      members[member.id]!.owesSync = false
      if state == .completingRebalance { members[member.id]!.assignment = [] }
      guard let token = member.awaitingSync else { continue }
      members[member.id]!.awaitingSync = nil
      renewSession(of: member.id, at: now)
      emit(.answerSync(token, .refused(refusal)))
    }
  }

  // MARK: - The end of the gathering

  private mutating func completeJoin(at now: GroupMoment) {
    if awaitingJoinCount < members.count {
      for member in orderedMembers where member.awaitingJoin == nil && member.instanceID == nil { remove(member.id) }
    }
    guard members.isEmpty || electLeader() else {
      // Only static members that are away: they have their sessions to come back.
      joinPhase = .collecting(until: now.uptime + max(rebalanceTimeout, GroupLimits.repeatedGatheringMin))
      return
    }
    joinPhase = .none
    generation = generation == .max ? 1 : generation + 1
    if members.isEmpty {
      protocolName = nil
      subscribedTopics = isConsumerGroup ? [] : nil
      transition(to: .empty, at: now)
      emit(.store(snapshot(), .emptied))
    } else {
      protocolName = selectProtocol()
      subscribedTopics = computeSubscribedTopics()
      transition(to: .completingRebalance, at: now)
      syncDeadline = now.uptime + rebalanceTimeout
      answerJoins(at: now)
    }
  }

  private mutating func answerJoins(at now: GroupMoment) {
    let described = describedMembers()
    for member in orderedMembers {
      guard let token = unparkJoin(of: member.id) else { continue }
      members[member.id]!.owesSync = true
      renewSession(of: member.id, at: now)
      var answer = currentAnswer(for: member.id)
      if member.id == leader { answer.members = described }
      emit(.answerJoin(token, answer))
    }
  }

  /// The leader must be somebody who has rejoined.
  private mutating func electLeader() -> Bool {
    if let leader, members[leader]?.awaitingJoin != nil { return true }
    guard let first = orderedMembers.first(where: { $0.awaitingJoin != nil }) else { return false }
    leader = first.id
    return true
  }

  // MARK: - Protocols

  /// Whether a member with these protocols can be in the group together with the others.
  func supports(_ type: String, _ protocols: [GroupProtocol]) -> Bool {
    guard !type.isEmpty, !protocols.isEmpty else { return false }
    guard !members.isEmpty else { return true }
    return type == protocolType && protocols.contains { votes[$0.name] == members.count }
  }

  /// Each member votes for the first of its protocols that all support; ties go to the leader's order of preference.
  func selectProtocol() -> String? {
    var ballots: [String: Int] = [:]
    for member in members.values {
      guard let choice = member.protocols.first(where: { votes[$0.name] == members.count }) else { continue }
      ballots[choice.name, default: 0] += 1
    }
    guard let most = ballots.values.max(), let leader else { return nil }
    return members[leader]?.protocols.first { ballots[$0.name] == most }?.name
  }

  /// Nil unless every member is a consumer whose subscription can be read.
  func computeSubscribedTopics() -> Set<String>? {
    guard isConsumerGroup, protocolName != nil else { return nil }
    var topics: Set<String> = []
    for member in members.values {
      do throws(WireError) {
        topics.formUnion(try ConsumerProtocolSubscription.decode(member.metadata(for: protocolName)).value.topics)
      } catch {
        return nil
      }
    }
    return topics
  }

  // MARK: - Time

  /// Lets what was due until `now` happen.
  mutating func advance(to now: GroupMoment) -> [GroupAction] {
    let lapsed = pending.filter { $0.value <= now.uptime }
    for id in lapsed.keys { pending[id] = nil }
    let ended = orderedMembers.filter { $0.deadline.map { $0 <= now.uptime } ?? false }
    for member in ended { remove(member.id) }
    if !ended.isEmpty { rebalance(at: now) } else if !lapsed.isEmpty { completeJoinIfAll(at: now) }
    switch joinPhase {
    case .initial(let until, let rest) where until <= now.uptime:
      if newMemberAdded, rest > .zero {
        let delay = min(settings.initialRebalanceDelay, rest)
        newMemberAdded = false
        joinPhase = .initial(until: now.uptime + delay, rest: rest - delay)
      } else {
        completeJoin(at: now)
      }
    case .collecting(let until) where until <= now.uptime: completeJoin(at: now)
    case .none, .initial, .collecting: break
    }
    if let deadline = syncDeadline, deadline <= now.uptime { dropUnsynced(at: now) }
    return takeActions()
  }

  private mutating func dropUnsynced(at now: GroupMoment) {
    syncDeadline = nil
    let missing = orderedMembers.filter(\.owesSync)
    guard !missing.isEmpty else { return }
    for member in missing { remove(member.id) }
    rebalance(at: now)
  }
}
