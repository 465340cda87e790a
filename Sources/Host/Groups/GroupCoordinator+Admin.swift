/// What tools ask about groups. On the loop.
extension GroupCoordinator {
  struct Listing: Sendable {
    var id: String
    var protocolType: String
    var state: GroupState
  }

  /// Every group, those too that only have offsets. Sorted by id.
  func list() throws(GroupRefusal) -> [Listing] {
    if logs.contains(where: { $0.phase == .loading }) { throw .loading }
    if logs.contains(where: { $0.phase == .unreadable }) { throw .notAvailable }
    return groups.values
      .map { Listing(id: $0.id, protocolType: $0.machine.protocolType ?? "", state: $0.machine.state) }
      .sorted { $0.id < $1.id }
  }

  /// A group's state machine to look at; nil when there is no such group.
  func describe(_ id: String) throws(GroupRefusal) -> GroupStateMachine? {
    try group(id)?.machine
  }
}
