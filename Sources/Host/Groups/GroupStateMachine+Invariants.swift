/// What holds between any two calls.
extension GroupStateMachine {
  /// Stops the process when the state contradicts itself. For tests.
  func checkInvariants() {
    precondition(awaitingJoinCount == members.values.filter { $0.awaitingJoin != nil }.count)
    precondition(Set(staticIDs.values).count == staticIDs.count)
    for (instance, id) in staticIDs { precondition(members[id]?.instanceID == instance) }
    for member in members.values {
      precondition(member.instanceID.map { staticIDs[$0] == member.id } ?? true)
      precondition(member.awaitingJoin == nil || member.awaitingSync == nil, "a member waits for one thing")
      precondition(
        member.deadline != nil || member.awaitingJoin != nil || member.awaitingSync != nil, "immortal member")
      precondition(pending[member.id] == nil, "a member's id is not used yet")
    }
    var counted: [String: Int] = [:]
    for member in members.values { for name in Set(member.protocols.map(\.name)) { counted[name, default: 0] += 1 } }
    precondition(counted == votes)
    precondition(members.isEmpty ? leader == nil : members[leader ?? ""] != nil, "the leader is a member")
    checkState()
  }

  private func checkState() {
    precondition((state == .preparingRebalance) == (joinPhase != .none), "only a rebalance gathers members")
    precondition(state == .completingRebalance || assignmentInStore == nil)
    switch state {
    case .empty, .dead: precondition(members.isEmpty && syncDeadline == nil)
    case .preparingRebalance: precondition(members.values.allSatisfy { $0.awaitingSync == nil && !$0.owesSync })
    case .completingRebalance:
      precondition(!members.isEmpty && protocolName != nil && awaitingJoinCount == 0)
    case .stable:
      precondition(!members.isEmpty && members.values.allSatisfy { $0.awaitingSync == nil })
    }
  }
}
