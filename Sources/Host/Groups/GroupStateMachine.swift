/// One consumer group under Kafka's classic protocol: who is in it, which generation holds, and who waits for what.
///
/// Pure: requests, the time and the outcome of stores go in; answers and stores come out as ``GroupAction``s, to be
/// performed in order. No clock, no socket, no disk. The shell calls ``advance(to:)`` no later than ``nextDeadline``
/// and `stored` once for every store.
///
/// ``GroupState`` draws the transitions. Beyond them:
///
/// - **Empty** A first join opens the *initial* rebalance: it lasts `initialRebalanceDelay`, prolonged by the same
///   while members keep coming, up to the rebalance timeout.
/// - **PreparingRebalance** Ends when every member has rejoined and nobody who was given an id is still expected. At
///   the rebalance timeout dynamic members that did not rejoin are dropped; static ones stay until their session ends.
///   Without anybody left the group is Empty.
/// - **CompletingRebalance** Every member has the answer to its join. The leader's sync brings the assignment, which is
///   stored and then handed out. Who has not synced after a rebalance timeout is dropped.
/// - **Stable** A member that leaves, dies, or comes with other protocols than before starts the next rebalance; so
///   does a rejoin of the leader, which is how it asks for a new assignment.
///
/// Sessions: a member's session ends at its deadline, which every request of it moves. While the broker owes a member
/// an answer it has no deadline, except a new one in the rebalance (`GroupLimits.newMemberJoinTimeout`).
struct GroupStateMachine: Sendable {
  struct Settings: Sendable, Equatable {
    var initialRebalanceDelay: Duration
    var sizeMax: Int
  }

  /// How the present rebalance gathers members.
  enum JoinPhase: Equatable, Sendable {
    case none
    /// The first rebalance of an empty group; `rest` is by how much it may be prolonged.
    case initial(until: Duration, rest: Duration)
    case collecting(until: Duration)

    var end: Duration? {
      switch self {
      case .none: nil
      case .initial(let end, _), .collecting(let end): end
      }
    }
  }

  let settings: Settings
  private(set) var state = GroupState.empty
  /// When the group came into its state, in milliseconds since 1970.
  private(set) var stateTimestamp: Int64
  var generation: Int32 = 0
  var protocolType: String?
  var protocolName: String?
  var leader: String?
  /// Topics that the members subscribe to; nil when the group is not one of consumers or they cannot be told.
  var subscribedTopics: Set<String>?

  var members: [String: GroupMember] = [:]
  /// Member id of every static member by its instance id.
  var staticIDs: [String: String] = [:]
  /// Ids that were handed out and not used yet, with the time at which they lapse.
  var pending: [String: Duration] = [:]
  /// How many members offer each protocol.
  var votes: [String: Int] = [:]
  /// Members with a parked join.
  var awaitingJoinCount = 0
  var nextOrder: UInt64 = 0
  var joinPhase = JoinPhase.none
  var newMemberAdded = false
  /// When members that owe a sync are dropped.
  var syncDeadline: Duration?
  /// The leader's assignment on its way to the disk.
  var assignmentInStore: [String: [UInt8]]?
  private var actions: [GroupAction] = []

  init(settings: Settings, at now: GroupMoment) {
    self.settings = settings
    stateTimestamp = now.wall
  }

  /// A group as it was stored. Every member gets a whole session to show itself. Of members that share an id or an
  /// instance id, which nothing we write does, the first counts.
  init(settings: Settings, restoring snapshot: GroupSnapshot, at now: GroupMoment) {
    self.init(settings: settings, at: now)
    stateTimestamp = snapshot.stateTimestamp
    generation = snapshot.generation
    protocolType = snapshot.protocolType.isEmpty ? nil : snapshot.protocolType
    guard !snapshot.members.isEmpty else {
      subscribedTopics = isConsumerGroup ? [] : nil
      return
    }
    state = .stable
    protocolName = snapshot.protocolName
    for stored in snapshot.members
    where members[stored.id] == nil && stored.instanceID.map({ staticIDs[$0] == nil }) ?? true {
      insert(
        GroupMember(
          id: stored.id, instanceID: stored.instanceID, clientID: stored.clientID, clientHost: stored.clientHost,
          sessionTimeout: stored.sessionTimeout, rebalanceTimeout: stored.rebalanceTimeout,
          protocols: [GroupProtocol(name: snapshot.protocolName ?? "", metadata: stored.subscription)],
          assignment: stored.assignment, deadline: now.uptime + stored.sessionTimeout))
    }
    if let stored = snapshot.leader, members[stored] != nil { leader = stored }
    subscribedTopics = computeSubscribedTopics()
  }

  // MARK: - Looking

  var isConsumerGroup: Bool { protocolType == "consumer" }

  /// In the order in which they came.
  var orderedMembers: [GroupMember] { members.values.sorted { $0.order < $1.order } }

  /// The longest rebalance timeout of the members.
  var rebalanceTimeout: Duration { members.values.map(\.rebalanceTimeout).max() ?? .zero }

  /// ``advance(to:)`` is due then; nil while nothing can happen by itself. O(members).
  var nextDeadline: Duration? {
    var earliest: Duration?
    func note(_ time: Duration?) {
      if let time { earliest = min(earliest ?? time, time) }
    }
    note(joinPhase.end)
    note(syncDeadline)
    for time in pending.values { note(time) }
    for member in members.values { note(member.deadline) }
    return earliest
  }

  /// What is stored of the group now, with the assignment that is on its way.
  func snapshot() -> GroupSnapshot {
    GroupSnapshot(
      protocolType: protocolType ?? "", generation: generation, protocolName: protocolName, leader: leader,
      stateTimestamp: stateTimestamp,
      members: orderedMembers.map { member in
        GroupSnapshot.Member(
          id: member.id, instanceID: member.instanceID, clientID: member.clientID, clientHost: member.clientHost,
          rebalanceTimeout: member.rebalanceTimeout, sessionTimeout: member.sessionTimeout,
          subscription: member.metadata(for: protocolName),
          assignment: assignmentInStore.map { $0[member.id] ?? [] } ?? member.assignment)
      })
  }

  // MARK: - For the transitions in the other files

  mutating func transition(to next: GroupState, at now: GroupMoment) {
    precondition(state.successors.contains(next), "a group cannot go from \(state) to \(next)")
    state = next
    stateTimestamp = now.wall
  }

  mutating func emit(_ action: GroupAction) { actions.append(action) }

  mutating func takeActions() -> [GroupAction] {
    defer { actions.removeAll() }
    return actions
  }

  // MARK: - Deletion

  /// Empty → Dead: the shell stores the deletion.
  mutating func beginDeletion(at now: GroupMoment) throws(GroupRefusal) {
    switch state {
    case .empty: transition(to: .dead, at: now)
    case .dead: throw .groupNotFound
    case .preparingRebalance, .completingRebalance, .stable: throw .groupNotEmpty
    }
  }

  /// Dead → Empty: the deletion could not be stored.
  mutating func cancelDeletion(at now: GroupMoment) { transition(to: .empty, at: now) }
}
