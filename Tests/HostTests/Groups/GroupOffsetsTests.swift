import Testing

@testable import Host

@Suite("Committed offsets")
struct GroupOffsetsTests {
  private let a = TopicPartitionName(topic: "a", partition: 0)
  private let b = TopicPartitionName(topic: "b", partition: 0)

  private func offset(at time: Int64, expiry: Int64? = nil) -> CommittedOffset {
    CommittedOffset(offset: 1, leaderEpoch: -1, metadata: "", timestamp: time, expiry: expiry)
  }

  private func offsets(_ list: (TopicPartitionName, CommittedOffset)...) -> GroupOffsets {
    var offsets = GroupOffsets()
    for (place, offset) in list { offsets.restore(place, offset) }
    return offsets
  }

  @Test("a commit counts when it is durable, and not at all when that fails")
  func durability() {
    var offsets = GroupOffsets()
    offsets.begin([a])
    #expect(offsets.committed.isEmpty && !offsets.isEmpty && offsets.places == [a])
    offsets.finish([(a, offset(at: 1))], succeeded: true)
    #expect(offsets.committed[a] == offset(at: 1) && offsets.inFlight.isEmpty)
    offsets.begin([a, b])
    offsets.finish([(a, offset(at: 2)), (b, offset(at: 2))], succeeded: false)
    #expect(offsets.committed == [a: offset(at: 1)] && offsets.inFlight.isEmpty)
  }

  @Test("offsets of a group without members expire a retention after the commit")
  func simpleGroup() {
    let group = GroupHarness()
    let offsets = offsets((a, offset(at: 1000)), (b, offset(at: 1001)))
    #expect(offsets.expired(in: group.machine, at: 1999, retention: 1000).isEmpty)
    #expect(offsets.expired(in: group.machine, at: 2000, retention: 1000) == [a])
  }

  @Test("the retention counts anew from the moment when the last member left")
  func emptiedGroup() {
    var group = GroupHarness.stable(["m"])
    let offsets = offsets((a, offset(at: 0)))
    let later = GroupHarness.wallStart + 1_000_000
    #expect(offsets.expired(in: group.machine, at: later, retention: 10).isEmpty, "members keep their offsets")
    _ = group.leave("m")
    let left = group.machine.stateTimestamp
    #expect(offsets.expired(in: group.machine, at: left + 9, retention: 10).isEmpty)
    #expect(offsets.expired(in: group.machine, at: left + 10, retention: 10) == [a])
  }

  @Test("members keep the offsets of topics that they subscribe to, and no others")
  func subscriptions() {
    var group = GroupHarness(delay: .zero)
    group.join(as: "m", metadata: subscription(["a"]))
    group.pass(0)
    group.settle(["m"])
    #expect(group.machine.isSubscribed(to: "a") && !group.machine.isSubscribed(to: "b"))
    let offsets = offsets((a, offset(at: 0)), (b, offset(at: 0)))
    #expect(offsets.expired(in: group.machine, at: 10, retention: 10) == [b])
  }

  @Test("subscriptions that cannot be read protect every topic; other protocol types protect by members alone")
  func unreadableSubscriptions() {
    let consumers = GroupHarness.stable(["m"])
    #expect(consumers.machine.subscribedTopics == nil && consumers.machine.isSubscribed(to: "anything"))
    var workers = GroupHarness(delay: .zero)
    workers.join(as: "w", type: "connect")
    workers.pass(0)
    workers.settle(["w"])
    #expect(!workers.machine.isSubscribed(to: "anything"))
    #expect(offsets((a, offset(at: 0))).expired(in: workers.machine, at: 10, retention: 10).isEmpty)
  }

  @Test("a commit of before all time has expired, and one of after all time has not")
  func impossibleTimes() {
    let group = GroupHarness()
    let offsets = offsets((a, offset(at: .min)), (b, offset(at: .max)))
    #expect(offsets.expired(in: group.machine, at: 1_700_000_000_000, retention: 1000) == [a])
    #expect(offsets.expired(in: group.machine, at: -2, retention: 1000) == [a])
  }

  @Test("an expiry that the client gave decides alone")
  func ownExpiry() {
    let group = GroupHarness()
    let offsets = offsets((a, offset(at: 0, expiry: 5)), (b, offset(at: 0, expiry: 50)))
    #expect(offsets.expired(in: group.machine, at: 20, retention: 10) == [a])
  }

  @Test("a partition with a commit on its way does not expire")
  func inFlight() {
    let group = GroupHarness()
    var offsets = offsets((a, offset(at: 0)))
    offsets.begin([a])
    #expect(offsets.expired(in: group.machine, at: 100, retention: 10).isEmpty)
  }
}
