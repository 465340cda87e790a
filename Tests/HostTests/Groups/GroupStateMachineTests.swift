import Testing

@testable import Host

@Suite("A group, as Kafka documents it")
struct GroupStateMachineTests {
  // MARK: - Joining

  @Test("the first members wait for the initial delay, prolonged while others come")
  func initialDelay() {
    var group = GroupHarness(delay: .milliseconds(3000))
    let a = group.join(as: "a")
    #expect(group.machine.state == .preparingRebalance)
    group.pass(2999)
    #expect(group.joins[a] == nil)
    let b = group.join(as: "b")
    group.pass(1)
    #expect(group.joins[a] == nil, "b came, so another delay begins")
    group.pass(3000)
    #expect(group.machine.state == .completingRebalance)
    #expect(group.joins[a]?.generation == 1 && group.joins[b]?.generation == 1)
    #expect(group.joins[a]?.leader == "a" && group.joins[b]?.leader == "a")
    #expect(group.joins[a]?.members.map(\.id) == ["a", "b"])
    #expect(group.joins[b]?.members == [], "only the leader learns the members")
  }

  @Test("the initial delay is never prolonged beyond the rebalance timeout")
  func initialDelayBound() {
    var group = GroupHarness(delay: .milliseconds(3000))
    let first = group.join(as: "m0", rebalance: 7000)
    for number in 1...6 {
      group.pass(1000)
      group.join(as: "m\(number)", rebalance: 7000)
    }
    group.pass(999)
    #expect(group.joins[first] == nil)
    group.pass(1)
    #expect(group.joins[first]?.generation == 1)
  }

  @Test("from version 4 on a new dynamic member comes back with the id that it is given")
  func memberIDRequired() {
    var group = GroupHarness()
    let asked = group.join(as: "a", knowsID: true)
    #expect(group.joins[asked]?.refusal == .memberIDRequired && group.joins[asked]?.memberID == "a")
    #expect(group.machine.members.isEmpty)
    group.join("a", knowsID: true)
    #expect(Array(group.machine.members.keys) == ["a"] && group.machine.pending.isEmpty)
  }

  @Test("an id that is not used lapses with the session timeout")
  func pendingLapses() {
    var group = GroupHarness()
    group.join(as: "a", session: 10_000, knowsID: true)
    group.pass(9999)
    #expect(group.machine.pending.count == 1)
    group.pass(1)
    #expect(group.machine.pending.isEmpty)
    let late = group.join("a", knowsID: true)
    #expect(group.joins[late]?.refusal == .unknownMember)
  }

  @Test("a rebalance waits for members that were given an id")
  func rebalanceWaitsForPending() {
    var group = GroupHarness.stable(["a"])
    group.join(as: "b", knowsID: true)
    let a = group.join("a", metadata: [2])
    #expect(group.joins[a] == nil)
    group.join("b", knowsID: true)
    #expect(group.joins[a]?.generation == 2)
  }

  @Test("protocol types and protocols must fit")
  func inconsistentProtocols() {
    var group = GroupHarness.stable(["a"])
    #expect(refusal(&group) { $0.join(as: "b", type: "connect") } == .inconsistentProtocol)
    #expect(refusal(&group) { $0.join(as: "b", protocols: ["roundrobin"]) } == .inconsistentProtocol)
    #expect(refusal(&group) { $0.join(as: "b", protocols: []) } == .inconsistentProtocol)
    #expect(refusal(&group) { $0.join(as: "b", type: "") } == .inconsistentProtocol)
    #expect(group.machine.state == .stable && group.machine.members.count == 1)
    var connect = GroupHarness(delay: .zero)
    let token = connect.join(as: "w", type: "connect", protocols: ["sessioned"])
    connect.pass(0)
    #expect(connect.joins[token]?.protocolType == "connect" && connect.joins[token]?.protocolName == "sessioned")
  }

  @Test("the protocol is the one that most members like best among those that all support")
  func votes() {
    var group = GroupHarness(delay: .milliseconds(100))
    let a = group.join(as: "a", protocols: ["range", "sticky", "x"])
    group.join(as: "b", protocols: ["sticky", "range", "y"])
    group.join(as: "c", protocols: ["y", "sticky", "range"])
    group.pass(1000)
    #expect(group.joins[a]?.protocolName == "sticky")
  }

  @Test("a full group takes nobody in")
  func groupSize() {
    var group = GroupHarness.stable(["a", "b"], sizeMax: 2)
    #expect(refusal(&group) { $0.join(as: "c") } == .groupFull)
    #expect(refusal(&group) { $0.join(as: "d", knowsID: true) } == .groupFull)
    #expect(group.machine.state == .stable && group.machine.members.count == 2)
    group.join("a", metadata: [9])
    group.join("b", metadata: [9])
    #expect(group.machine.state == .completingRebalance, "members rejoin a full group")
  }

  @Test("unknown members are refused")
  func unknownMembers() {
    var group = GroupHarness.stable(["a"])
    #expect(refusal(&group) { $0.join("x") } == .unknownMember)
    let sync = group.sync("x")
    #expect(group.syncs[sync]?.refusal == .unknownMember)
    #expect(group.heartbeat("x") == .unknownMember)
    #expect(group.leave("x") == .unknownMember)
    #expect(group.commit("x", generation: 1) == .unknownMember)
  }

  // MARK: - Rebalances

  @Test("a member that joins starts a rebalance; it ends when the others have rejoined")
  func joinRebalances() {
    var group = GroupHarness.stable(["a", "b"])
    let c = group.join(as: "c")
    #expect(group.machine.state == .preparingRebalance)
    #expect(group.heartbeat("a") == .rebalanceInProgress)
    group.join("a")
    #expect(group.joins[c] == nil)
    group.join("b")
    #expect(group.joins[c]?.generation == 2 && group.joins[c]?.leader == "a")
    #expect(group.machine.state == .completingRebalance)
  }

  @Test("at the rebalance timeout dynamic members that did not rejoin are dropped, static ones stay")
  func rebalanceTimeout() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a", session: 1_000_000, rebalance: 5000)
    group.join(as: "b", session: 1_000_000, rebalance: 5000)
    group.join(as: "s", instance: "static", session: 1_000_000, rebalance: 5000)
    group.pass(0)
    group.settle(["a", "b", "s"])
    let c = group.join(as: "c", session: 1_000_000, rebalance: 5000)
    group.pass(4999)
    #expect(group.joins[c] == nil)
    group.pass(1)
    #expect(group.joins[c]?.generation == 2 && group.joins[c]?.leader == "c")
    #expect(Set(group.machine.members.keys) == ["c", "s"])
  }

  @Test("the leader's rejoin rebalances, another member's only with a new subscription")
  func rejoinInStable() {
    var group = GroupHarness.stable(["a", "b"])
    let same = group.join("b")
    #expect(group.joins[same]?.generation == 1 && group.machine.state == .stable)
    group.join("b", metadata: [2])
    #expect(group.machine.state == .preparingRebalance)
    var other = GroupHarness.stable(["a", "b"])
    other.join("a")
    #expect(other.machine.state == .preparingRebalance)
  }

  @Test("a join repeated while the assignment is made gets the same generation again")
  func rejoinInCompleting() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a")
    group.join(as: "b")
    group.pass(0)
    let again = group.join("a")
    #expect(group.joins[again]?.generation == 1 && group.joins[again]?.members.count == 2)
    #expect(group.machine.state == .completingRebalance)
    group.join("b", metadata: [7])
    #expect(group.machine.state == .preparingRebalance)
  }

  @Test("a second join of a member takes the first one's place")
  func supersededJoin() {
    var group = GroupHarness.stable(["a", "b"])
    let first = group.join("a")
    let second = group.join("a")
    #expect(group.joins[first]?.refusal == .rebalanceInProgress)
    group.join("b")
    #expect(group.joins[second]?.generation == 2)
  }

  // MARK: - Syncing

  @Test("members get their assignments when the leader's is durable")
  func syncWaitsForStore() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a")
    group.join(as: "b")
    group.pass(0)
    let follower = group.sync("b")
    let leader = group.sync("a", ["a": [1], "b": [2], "stranger": [3]])
    #expect(group.syncs.isEmpty && group.stores.count == 1)
    #expect(group.stores[0].snapshot.members.map(\.assignment) == [[1], [2]])
    group.endStore()
    #expect(group.machine.state == .stable)
    #expect(group.syncs[leader]?.assignment == [1] && group.syncs[follower]?.assignment == [2])
    let again = group.sync("b")
    #expect(group.syncs[again]?.assignment == [2])
  }

  @Test("an assignment that cannot be stored starts the rebalance again")
  func syncStoreFails() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a")
    group.pass(0)
    let sync = group.sync("a", ["a": [1]])
    group.endStore(succeeded: false)
    #expect(group.syncs[sync]?.refusal == .notAvailable)
    #expect(group.machine.state == .preparingRebalance)
    group.join("a")
    #expect(group.machine.generation == 2)
  }

  @Test("a store that ends after the next rebalance has begun changes nothing")
  func lateStore() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a")
    group.pass(0)
    let sync = group.sync("a", ["a": [1]])
    group.join(as: "b")
    #expect(group.syncs[sync]?.refusal == .rebalanceInProgress)
    group.endStore()
    #expect(group.machine.state == .preparingRebalance)
    group.join("a")
    #expect(group.machine.state == .completingRebalance && group.machine.generation == 2)
  }

  @Test("sync is checked: generation, protocol, state")
  func syncChecks() {
    var group = GroupHarness.stable(["a"])
    func refusal(_ token: UInt64) -> GroupRefusal? { group.syncs[token]?.refusal }
    let old = group.sync("a", generation: 0)
    let type = group.sync("a", type: "connect", name: "range")
    let name = group.sync("a", type: "consumer", name: "sticky")
    let fits = group.sync("a", type: "consumer", name: "range")
    #expect(refusal(old) == .illegalGeneration && refusal(type) == .inconsistentProtocol)
    #expect(refusal(name) == .inconsistentProtocol && refusal(fits) == nil)
    group.join(as: "b")
    let during = group.sync("a")
    #expect(refusal(during) == .rebalanceInProgress)
  }

  @Test("who does not sync within the rebalance timeout is dropped")
  func syncTimeout() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a", session: 1_000_000, rebalance: 5000)
    group.join(as: "b", session: 1_000_000, rebalance: 5000)
    group.pass(0)
    group.sync("a", ["a": [1], "b": [2]])
    group.endStore()
    group.pass(4999)
    #expect(group.machine.members.count == 2)
    group.pass(1)
    #expect(Array(group.machine.members.keys) == ["a"] && group.machine.state == .preparingRebalance)
  }

  // MARK: - Staying and leaving

  @Test("a member that sends nothing for a session timeout is dead")
  func sessionTimeout() {
    var group = GroupHarness.stable(["a", "b"])
    group.pass(9000)
    #expect(group.heartbeat("a") == nil)
    group.pass(1000)
    #expect(Array(group.machine.members.keys) == ["a"] && group.machine.state == .preparingRebalance)
    #expect(group.heartbeat("b") == .unknownMember)
  }

  @Test("a commit keeps a member alive")
  func commitRenewsSession() {
    var group = GroupHarness.stable(["a"])
    group.pass(9999)
    #expect(group.commit("a", generation: 1) == nil)
    group.pass(9999)
    #expect(group.machine.state == .stable)
  }

  @Test("a new member that waits for five minutes is told to begin again")
  func newMemberTimeout() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a", session: 1_000_000, rebalance: 1_000_000)
    group.pass(0)
    group.settle(["a"])
    let b = group.join(as: "b", session: 1_000_000, rebalance: 1_000_000)
    group.pass(299_999)
    #expect(group.joins[b] == nil)
    group.pass(1)
    #expect(group.joins[b]?.refusal == .unknownMember)
  }

  @Test("when the last member leaves the group is empty, and that is stored")
  func lastLeaves() {
    var group = GroupHarness.stable(["a"])
    #expect(group.leave("a") == nil)
    #expect(group.machine.state == .empty && group.machine.generation == 2)
    #expect(group.stores.map(\.purpose) == [.emptied])
    #expect(group.stores[0].snapshot.members.isEmpty && group.stores[0].snapshot.protocolType == "consumer")
    #expect(group.stores[0].snapshot.protocolName == nil)
  }

  @Test("leaving takes many at once, static ones by instance id")
  func leaveMany() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a")
    group.join(as: "s1", instance: "one")
    group.join(as: "s2", instance: "two")
    group.pass(0)
    group.settle(["a", "s1", "s2"])
    let results = group.leave(
      MemberName(id: "", instanceID: "one"), MemberName(id: "", instanceID: "none"),
      MemberName(id: "wrong", instanceID: "two"), MemberName(id: "a", instanceID: nil),
      MemberName(id: "ghost", instanceID: nil))
    #expect(results == [nil, .unknownMember, .fencedInstance, nil, .unknownMember])
    #expect(Array(group.machine.members.keys) == ["s2"])
  }

  @Test("generations are checked by heartbeats and commits")
  func generations() {
    var group = GroupHarness.stable(["a"])
    #expect(group.heartbeat("a", generation: 0) == .illegalGeneration)
    #expect(group.heartbeat("a", generation: 2) == .illegalGeneration)
    #expect(group.commit("a", generation: 0) == .illegalGeneration)
    #expect(group.commit("a", generation: 1) == nil)
    #expect(group.commit("", generation: -1) == .unknownMember, "a group with members takes no commit from outside")
    #expect(group.leave("a") == nil)
    #expect(group.commit("", generation: -1) == nil)
    #expect(group.commit("a", generation: 1) == .unknownMember)
  }

  @Test("a commit between join and assignment is told to wait for the rebalance")
  func commitWhileCompleting() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a")
    group.pass(0)
    #expect(group.commit("a", generation: 1) == .rebalanceInProgress)
    #expect(group.heartbeat("a") == nil)
    group.settle(["a"])
    group.join(as: "b")
    #expect(group.commit("a", generation: 1) == nil, "while members gather, the old generation may still commit")
  }

  // MARK: - Deletion

  @Test("only an empty group is deleted")
  func deletion() throws {
    var group = GroupHarness.stable(["a"])
    #expect(throws: GroupRefusal.groupNotEmpty) { try group.machine.beginDeletion(at: group.now) }
    _ = group.leave("a")
    try group.machine.beginDeletion(at: group.now)
    #expect(group.machine.state == .dead)
    #expect(refusal(&group) { $0.join(as: "b") } == .notAvailable)
    #expect(group.heartbeat("a") == .notAvailable && group.commit("", generation: -1) == .notAvailable)
    #expect(throws: GroupRefusal.groupNotFound) { try group.machine.beginDeletion(at: group.now) }
  }

  private func refusal(_ group: inout GroupHarness, _ body: (inout GroupHarness) -> UInt64) -> GroupRefusal? {
    let token = body(&group)
    return group.joins[token]?.refusal
  }
}
