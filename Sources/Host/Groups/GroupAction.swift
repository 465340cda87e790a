/// What a transition asks the shell to do, in this order.
enum GroupAction: Equatable, Sendable {
  case answerJoin(ReplyToken, JoinAnswer)
  case answerSync(ReplyToken, SyncAnswer)
  /// Store the group durably, then call `stored`.
  case store(GroupSnapshot, GroupStorePurpose)
}

/// What waits for a snapshot to be durable.
enum GroupStorePurpose: Equatable, Sendable {
  /// The assignment of a generation; members get it afterwards.
  case assignment(generation: Int32)
  /// A static member came back under a new id; its join is answered afterwards.
  case replacement(memberID: String, token: ReplyToken, mayLead: Bool, formerLeader: String?)
  /// The last member left. Nobody waits.
  case emptied
}

/// A request to become, or stay, a member. What can be checked without the group was checked.
struct GroupJoin: Sendable {
  var token: ReplyToken
  /// Empty for a client that has no id yet.
  var memberID: String
  /// The id to use if the broker has to give one.
  var newMemberID: String
  var instanceID: String?
  var clientID: String
  var clientHost: String
  var sessionTimeout: Duration
  var rebalanceTimeout: Duration
  var protocolType: String
  var protocols: [GroupProtocol]
  /// The client understands MEMBER_ID_REQUIRED (v4).
  var requiresKnownID: Bool
  /// The client understands that a leader may be told to keep the assignment (v9).
  var canSkipAssignment: Bool
}

struct JoinAnswer: Equatable, Sendable {
  struct Member: Equatable, Sendable {
    var id: String
    var instanceID: String?
    var metadata: [UInt8]
  }

  var refusal: GroupRefusal?
  var memberID: String
  var generation: Int32 = -1
  var protocolType: String?
  var protocolName: String?
  var leader = ""
  var skipsAssignment = false
  /// For the leader only.
  var members: [Member] = []

  static func refused(_ refusal: GroupRefusal, memberID: String) -> JoinAnswer {
    JoinAnswer(refusal: refusal, memberID: memberID)
  }
}

struct GroupSync: Sendable {
  var token: ReplyToken
  var memberID: String
  var instanceID: String?
  var generation: Int32
  /// To be compared with the group's when given (v5).
  var protocolType: String?
  var protocolName: String?
  /// By member id; counts only from the leader.
  var assignments: [String: [UInt8]]
}

struct SyncAnswer: Equatable, Sendable {
  var refusal: GroupRefusal?
  var protocolType: String?
  var protocolName: String?
  var assignment: [UInt8] = []

  static func refused(_ refusal: GroupRefusal) -> SyncAnswer { SyncAnswer(refusal: refusal) }
}

/// A member as LeaveGroup names it: by id, or by instance id alone when an administrator removes it.
struct MemberName: Equatable, Sendable {
  var id: String
  var instanceID: String?
}

/// What is durable about a group; `GroupRecords` has its bytes.
struct GroupSnapshot: Equatable, Sendable {
  struct Member: Equatable, Sendable {
    var id: String
    var instanceID: String?
    var clientID: String
    var clientHost: String
    var rebalanceTimeout: Duration
    var sessionTimeout: Duration
    var subscription: [UInt8]
    var assignment: [UInt8]
  }

  var protocolType = ""
  var generation: Int32 = 0
  var protocolName: String?
  var leader: String?
  /// When the group came into its state, in milliseconds since 1970; -1 when unknown.
  var stateTimestamp: Int64 = -1
  var members: [Member] = []
}
