import Testing

@testable import Host

@Suite("Static members")
struct StaticMemberTests {
  private func group() -> GroupHarness {
    var group = GroupHarness(delay: .zero)
    group.join(as: "s1", instance: "one", session: 30_000, rebalance: 5000)
    group.join(as: "s2", instance: "two", session: 30_000, rebalance: 5000)
    group.pass(0)
    group.settle(["s1", "s2"])
    return group
  }

  @Test("one that restarts takes its place without a rebalance, once that is stored")
  func replacement() {
    var group = group()
    let back = group.join(as: "s2b", instance: "two", session: 30_000, rebalance: 5000)
    #expect(group.machine.state == .stable && group.joins[back] == nil)
    #expect(group.stores[0].snapshot.members.map(\.id) == ["s1", "s2b"])
    group.endStore()
    #expect(group.joins[back]?.generation == 1 && group.joins[back]?.memberID == "s2b")
    #expect(group.joins[back]?.leader == "s1" && group.joins[back]?.skipsAssignment == false)
    let sync = group.sync("s2b", instance: "two")
    #expect(group.syncs[sync]?.assignment == Array("s2".utf8), "it goes on with what its predecessor had")
  }

  @Test("its predecessor is fenced")
  func fencing() {
    var group = group()
    group.join(as: "s2b", instance: "two")
    group.endStore()
    #expect(group.heartbeat("s2", instance: "two") == .fencedInstance)
    #expect(group.commit("s2", generation: 1, instance: "two") == .fencedInstance)
    let sync = group.sync("s2", instance: "two")
    #expect(group.syncs[sync]?.refusal == .fencedInstance)
    let join = group.join("s2", instance: "two")
    #expect(group.joins[join]?.refusal == .fencedInstance)
    #expect(group.heartbeat("s2") == .unknownMember)
    #expect(group.heartbeat("s2b", instance: "two") == nil)
    #expect(group.heartbeat("s2b", instance: "nobody") == .unknownMember)
  }

  @Test("a leader that returns may skip the assignment from version 9 on; before that it is not told that it leads")
  func leaderReturns() {
    var new = group()
    let told = new.join(as: "s1b", instance: "one", skips: true)
    new.endStore()
    #expect(new.joins[told]?.leader == "s1b" && new.joins[told]?.skipsAssignment == true)
    #expect(new.joins[told]?.members.map(\.id) == ["s1b", "s2"])
    var old = group()
    let kept = old.join(as: "s1b", instance: "one", skips: false)
    old.endStore()
    #expect(old.joins[kept]?.leader == "s1" && old.joins[kept]?.members.isEmpty == true)
    #expect(old.machine.leader == "s1b")
  }

  @Test("a change of the common protocol does need a rebalance")
  func replacementWithOtherProtocols() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "s1", instance: "one", protocols: ["range", "sticky"])
    group.join(as: "s2", instance: "two", protocols: ["range", "sticky"])
    group.pass(0)
    group.settle(["s1", "s2"])
    group.join(as: "s2b", instance: "two", protocols: ["sticky"])
    #expect(group.machine.state == .preparingRebalance)
    let lead = group.join("s1", instance: "one", protocols: ["range", "sticky"])
    #expect(group.joins[lead]?.protocolName == "sticky")
  }

  @Test("a return while the assignment is made begins the rebalance again")
  func replacementWhileCompleting() {
    var group = GroupHarness(delay: .zero)
    let first = group.join(as: "s1", instance: "one")
    group.pass(0)
    #expect(group.joins[first]?.generation == 1)
    let sync = group.sync("s1", instance: "one", ["s1": [1]])
    let back = group.join(as: "s1b", instance: "one")
    #expect(group.syncs[sync]?.refusal == .fencedInstance)
    #expect(group.joins[back]?.generation == 2 && group.joins[back]?.leader == "s1b")
  }

  @Test("a parked join of the predecessor is fenced at once")
  func fencesParkedJoin() {
    var group = group()
    group.join(as: "c")
    let parked = group.join("s2", instance: "two")
    group.join(as: "s2b", instance: "two")
    #expect(group.joins[parked]?.refusal == .fencedInstance)
    #expect(group.machine.staticIDs["two"] == "s2b")
  }

  @Test("one that is away is only missed when its session ends")
  func sessionEnds() {
    var group = group()
    for _ in 0..<5 {
      group.pass(5999)
      #expect(group.heartbeat("s1", instance: "one") == nil)
    }
    #expect(group.machine.state == .stable)
    group.pass(5)
    #expect(group.machine.state == .preparingRebalance && group.machine.staticIDs["two"] == nil)
  }

  @Test("a store that fails leaves the client to try again")
  func replacementNotStored() {
    var group = group()
    let back = group.join(as: "s2b", instance: "two")
    group.endStore(succeeded: false)
    #expect(group.joins[back]?.refusal == .notAvailable)
    let again = group.join(as: "s2c", instance: "two")
    group.endStore()
    #expect(group.joins[again]?.memberID == "s2c")
  }

  @Test(
    "a rebalance timeout of next to nothing does not make the broker ask again without a pause while static members are away"
  )
  func noPauseAsked() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "s1", instance: "one", session: 30_000, rebalance: 1)
    group.join(as: "s2", instance: "two", session: 30_000, rebalance: 1)
    group.pass(0)
    group.settle(["s1", "s2"])
    // An administrator takes one out; the other is busy elsewhere and does not rejoin.
    _ = group.leave(MemberName(id: "", instanceID: "two"))
    group.pass(1)
    #expect(group.machine.state == .preparingRebalance)
    let due = group.machine.nextDeadline
    #expect(due.map { $0 >= group.now.uptime + .seconds(1) } == true, "\(String(describing: due))")
    let back = group.join("s1", instance: "one", session: 30_000, rebalance: 1)
    #expect(group.joins[back]?.generation == 2, "who comes back need not wait for the pause")
  }
}
