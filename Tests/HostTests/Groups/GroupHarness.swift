import KafkaProtocol

@testable import Host

/// Drives one state machine: gives out tokens, remembers answers and stores, keeps the time.
struct GroupHarness {
  var machine: GroupStateMachine
  /// Milliseconds since the test began.
  var clock: Int64 = 0
  var joins: [UInt64: JoinAnswer] = [:]
  var syncs: [UInt64: SyncAnswer] = [:]
  /// Stores that have not ended.
  var stores: [(snapshot: GroupSnapshot, purpose: GroupStorePurpose)] = []
  private var tokens: UInt64 = 0

  static let wallStart: Int64 = 1_700_000_000_000

  init(delay: Duration = .milliseconds(3000), sizeMax: Int = 100) {
    machine = GroupStateMachine(
      settings: .init(initialRebalanceDelay: delay, sizeMax: sizeMax),
      at: GroupMoment(uptime: .zero, wall: Self.wallStart))
  }

  var now: GroupMoment { GroupMoment(uptime: .milliseconds(clock), wall: Self.wallStart + clock) }

  private mutating func take(_ actions: [GroupAction]) {
    for action in actions {
      switch action {
      case .answerJoin(let token, let answer):
        precondition(joins.updateValue(answer, forKey: token.rawValue) == nil, "a join is answered twice")
      case .answerSync(let token, let answer):
        precondition(syncs.updateValue(answer, forKey: token.rawValue) == nil, "a sync is answered twice")
      case .store(let snapshot, let purpose): stores.append((snapshot, purpose))
      }
    }
    machine.checkInvariants()
  }

  /// Returns the request's token; the answer may come later.
  @discardableResult
  mutating func join(
    _ id: String = "", as newID: String = "", instance: String? = nil, session: Int = 10_000, rebalance: Int = 60_000,
    type: String = "consumer", protocols: [String] = ["range"], metadata: [UInt8] = [1], knowsID: Bool = false,
    skips: Bool = true
  ) -> UInt64 {
    tokens += 1
    take(
      machine.join(
        GroupJoin(
          token: ReplyToken(rawValue: tokens), memberID: id, newMemberID: newID, instanceID: instance,
          clientID: "client", clientHost: "/127.0.0.1", sessionTimeout: .milliseconds(session),
          rebalanceTimeout: .milliseconds(rebalance), protocolType: type,
          protocols: protocols.map { GroupProtocol(name: $0, metadata: metadata) }, requiresKnownID: knowsID,
          canSkipAssignment: skips),
        at: now))
    return tokens
  }

  @discardableResult
  mutating func sync(
    _ id: String, generation: Int32? = nil, instance: String? = nil, type: String? = nil, name: String? = nil,
    _ assignments: [String: [UInt8]] = [:]
  ) -> UInt64 {
    tokens += 1
    take(
      machine.sync(
        GroupSync(
          token: ReplyToken(rawValue: tokens), memberID: id, instanceID: instance,
          generation: generation ?? machine.generation, protocolType: type, protocolName: name,
          assignments: assignments),
        at: now))
    return tokens
  }

  mutating func heartbeat(_ id: String, generation: Int32? = nil, instance: String? = nil) -> GroupRefusal? {
    defer { machine.checkInvariants() }
    do throws(GroupRefusal) {
      try machine.heartbeat(
        MemberName(id: id, instanceID: instance), generation: generation ?? machine.generation, at: now)
      return nil
    } catch {
      return error
    }
  }

  mutating func commit(_ id: String, generation: Int32, instance: String? = nil) -> GroupRefusal? {
    do throws(GroupRefusal) {
      try machine.checkCommit(MemberName(id: id, instanceID: instance), generation: generation, at: now)
      return nil
    } catch {
      return error
    }
  }

  mutating func leave(_ names: MemberName...) -> [GroupRefusal?] {
    let (results, actions) = machine.leave(names, at: now)
    take(actions)
    return results
  }

  mutating func leave(_ id: String) -> GroupRefusal? { leave(MemberName(id: id, instanceID: nil))[0] }

  /// The oldest store ends.
  mutating func endStore(succeeded: Bool = true) {
    let purpose = stores.removeFirst().purpose
    take(machine.stored(purpose, succeeded: succeeded, at: now))
  }

  /// Time passes, with every deadline on the way met.
  mutating func pass(_ milliseconds: Int64) {
    let end = clock + milliseconds
    while let due = machine.nextDeadline, due <= .milliseconds(end) {
      clock = max(clock, due.milliseconds)
      take(machine.advance(to: now))
    }
    clock = end
    take(machine.advance(to: now))
  }

  /// A stable group of dynamic members with these ids; the first leads.
  static func stable(_ ids: [String], delay: Duration = .milliseconds(3000), sizeMax: Int = 100) -> GroupHarness {
    var group = GroupHarness(delay: delay, sizeMax: sizeMax)
    for id in ids { group.join(as: id) }
    group.pass(10_000)
    group.settle(ids)
    return group
  }

  /// Everybody syncs, the leader with the id's letters as assignment.
  mutating func settle(_ ids: [String]) {
    let assignments = Dictionary(uniqueKeysWithValues: ids.map { ($0, Array($0.utf8)) })
    for id in ids { sync(id, id == machine.leader ? assignments : [:]) }
    while !stores.isEmpty { endStore() }
  }
}

/// A subscription as consumers send it: version 0, topics, no user data.
func subscription(_ topics: [String]) -> [UInt8] {
  var bytes: [UInt8] = [0, 0, 0, 0, 0, UInt8(topics.count)]
  for topic in topics { bytes += [0, UInt8(topic.utf8.count)] + Array(topic.utf8) }
  return bytes + [0xFF, 0xFF, 0xFF, 0xFF]
}
