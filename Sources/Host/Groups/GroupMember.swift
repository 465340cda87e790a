/// The time as a group sees it, given with every call.
struct GroupMoment: Sendable, Equatable {
  /// Since some fixed point; never jumps. Timeouts are measured with it.
  var uptime: Duration
  /// Milliseconds since 1970. What is stored carries it.
  var wall: Int64
}

/// Names a parked request of the shell. The state machine hands each token back exactly once, in an answer.
struct ReplyToken: Hashable, Sendable {
  var rawValue: UInt64
}

/// A way to divide the work that a member offers ("range", "cooperative-sticky", …), and what it says with it.
struct GroupProtocol: Equatable, Sendable {
  var name: String
  var metadata: [UInt8]
}

/// One member of a group.
struct GroupMember: Equatable, Sendable {
  var id: String
  /// Set for a static member.
  var instanceID: String?
  var clientID: String
  var clientHost: String
  var sessionTimeout: Duration
  var rebalanceTimeout: Duration
  /// In the member's order of preference.
  var protocols: [GroupProtocol]
  var assignment: [UInt8] = []
  /// Members are numbered as they come.
  var order: UInt64 = 0
  /// The JoinGroup that waits for the rebalance.
  var awaitingJoin: ReplyToken?
  /// The SyncGroup that waits for the assignment.
  var awaitingSync: ReplyToken?
  /// It has the present generation and has not asked for its assignment.
  var owesSync = false
  /// When it counts as dead; nil while the broker owes it an answer.
  var deadline: Duration?

  /// The metadata of the protocol `name`; empty when the member does not offer it.
  func metadata(for name: String?) -> [UInt8] {
    protocols.first { $0.name == name }?.metadata ?? []
  }
}
