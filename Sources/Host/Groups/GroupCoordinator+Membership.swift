import KafkaProtocol

/// Joining, syncing, staying and leaving. On the loop; answers may come at once or later.
extension GroupCoordinator {
  /// What JoinGroup says, before the broker names the member.
  struct JoinOrder: Sendable {
    var group: String
    var join: GroupJoin
  }

  func join(_ order: JoinOrder, answer: @escaping (JoinAnswer) -> Void) {
    var join = order.join
    do throws(GroupRefusal) {
      try checkJoin(order)
    } catch {
      return answer(.refused(error, memberID: join.memberID))
    }
    whenTopicExists { [self] exists in
      do throws(GroupRefusal) {
        guard exists else { throw .notAvailable }
        guard let group = join.memberID.isEmpty ? try groupOrNew(order.group) : try self.group(order.group) else {
          throw .unknownMember
        }
        join.token = makeToken()
        joins[join.token] = answer
        perform(group.machine.join(join, at: now), group)
      } catch {
        answer(.refused(error, memberID: join.memberID))
      }
    }
  }

  private func checkJoin(_ order: JoinOrder) throws(GroupRefusal) {
    if order.group.isEmpty { throw .invalidGroupID }
    guard (settings.sessionTimeoutMin...settings.sessionTimeoutMax).contains(order.join.sessionTimeout) else {
      throw .invalidSessionTimeout
    }
    let byteCount = order.join.protocols.reduce(0) { $0 + $1.name.utf8.count + $1.metadata.count }
    guard byteCount <= GroupLimits.memberMetadataByteCountMax,
      order.join.protocols.count <= GroupLimits.memberProtocolsMax
    else { throw .memberTooLarge }
  }

  func sync(_ group: String, _ sync: GroupSync, answer: @escaping (SyncAnswer) -> Void) {
    do throws(GroupRefusal) {
      if group.isEmpty { throw .invalidGroupID }
      guard let group = try self.group(group) else { throw .unknownMember }
      var sync = sync
      sync.token = makeToken()
      syncs[sync.token] = answer
      perform(group.machine.sync(sync, at: now), group)
    } catch {
      answer(.refused(error))
    }
  }

  func heartbeat(_ group: String, _ name: MemberName, generation: Int32) throws(GroupRefusal) {
    if group.isEmpty { throw .invalidGroupID }
    guard let group = try self.group(group) else { throw .unknownMember }
    // Moves a deadline only away; the timer need not be looked at.
    try group.machine.heartbeat(name, generation: generation, at: now)
  }

  /// One result per name.
  func leave(_ group: String, _ names: [MemberName]) throws(GroupRefusal) -> [GroupRefusal?] {
    if group.isEmpty { throw .invalidGroupID }
    guard let group = try self.group(group) else { return names.map { _ in .unknownMember } }
    let (results, actions) = group.machine.leave(names, at: now)
    perform(actions, group)
    return results
  }
}
