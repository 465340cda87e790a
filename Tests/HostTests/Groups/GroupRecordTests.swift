import KafkaProtocol
import Testing

@testable import Host

/// Expected bytes are written down from the format, field by field.
@Suite("The records of __consumer_offsets")
struct GroupRecordTests {
  private let place = TopicPartitionName(topic: "tp", partition: 7)

  private func decodeKey(_ bytes: [UInt8]) throws -> GroupRecords.Key? {
    try bytes.withUnsafeBytes { (bytes) throws(WireError) in try GroupRecords.decodeKey(bytes) }
  }

  private func decodeOffset(_ bytes: [UInt8]) throws -> CommittedOffset {
    try bytes.withUnsafeBytes { (bytes) throws(WireError) in try GroupRecords.decodeOffset(bytes) }
  }

  private func decodeGroup(_ bytes: [UInt8]) throws -> GroupSnapshot {
    try bytes.withUnsafeBytes { (bytes) throws(WireError) in try GroupRecords.decodeGroup(bytes) }
  }

  @Test("the key of an offset")
  func offsetKey() throws {
    let bytes: [UInt8] = [
      0, 1,  // version
      0, 2, 0x67, 0x31,  // "g1"
      0, 2, 0x74, 0x70,  // "tp"
      0, 0, 0, 7,  // partition
    ]
    #expect(try GroupRecords.encode(.offset(group: "g1", place)) == bytes)
    #expect(try decodeKey(bytes) == .offset(group: "g1", place))
    #expect(try decodeKey([0, 0] + bytes[2...]) == .offset(group: "g1", place))
  }

  @Test("the key of a group")
  func groupKey() throws {
    let bytes: [UInt8] = [0, 2, 0, 2, 0x67, 0x31]
    #expect(try GroupRecords.encode(.group("g1")) == bytes)
    #expect(try decodeKey(bytes) == .group("g1"))
    #expect(try decodeKey([0, 3, 1, 2]) == nil, "keys of the newer protocols are not ours")
    #expect(throws: WireError.self) { try decodeKey([0, 2, 0, 9, 0x67]) }
    #expect(throws: WireError.self) { try decodeKey([]) }
  }

  @Test("the value of an offset")
  func offsetValue() throws {
    let offset = CommittedOffset(offset: 0x0102, leaderEpoch: 5, metadata: "m", timestamp: 0x0A0B)
    let bytes: [UInt8] = [
      0, 3,  // version
      0, 0, 0, 0, 0, 0, 1, 2,  // offset
      0, 0, 0, 5,  // leader epoch
      0, 1, 0x6D,  // "m"
      0, 0, 0, 0, 0, 0, 0x0A, 0x0B,  // commit time
    ]
    #expect(try GroupRecords.encode(offset) == bytes)
    #expect(try decodeOffset(bytes) == offset)
  }

  @Test("an offset with an expiry of its own has version 1; version 0 and the flexible version 4 are read")
  func otherOffsetVersions() throws {
    let expiring = CommittedOffset(offset: 1, leaderEpoch: -1, metadata: "", timestamp: 2, expiry: 3)
    let one: [UInt8] = [0, 1] + eight(1) + [0, 0] + eight(2) + eight(3)
    #expect(try GroupRecords.encode(expiring) == one)
    #expect(try decodeOffset(one) == expiring)
    let plain = CommittedOffset(offset: 1, leaderEpoch: -1, metadata: "", timestamp: 2)
    #expect(try decodeOffset([0, 0] + eight(1) + [0, 0] + eight(2)) == plain)
    let four: [UInt8] = [0, 4] + eight(1) + [0xFF, 0xFF, 0xFF, 0xFF] + [2, 0x6D] + eight(2) + [1, 0, 2, 9, 9]
    #expect(
      try decodeOffset(four) == CommittedOffset(offset: 1, leaderEpoch: -1, metadata: "m", timestamp: 2),
      "its tagged field is passed over")
    #expect(throws: WireError.self) { try decodeOffset([0, 5] + eight(1)) }
  }

  @Test("the value of a group")
  func groupValue() throws {
    let snapshot = GroupSnapshot(
      protocolType: "c", generation: 4, protocolName: "r", leader: "a", stateTimestamp: 6,
      members: [
        GroupSnapshot.Member(
          id: "a", instanceID: "i", clientID: "x", clientHost: "/h", rebalanceTimeout: .milliseconds(9),
          sessionTimeout: .milliseconds(8), subscription: [1, 2], assignment: [3]),
        GroupSnapshot.Member(
          id: "b", instanceID: nil, clientID: "", clientHost: "", rebalanceTimeout: .milliseconds(1),
          sessionTimeout: .milliseconds(2), subscription: [], assignment: []),
      ])
    let bytes: [UInt8] =
      [0, 3] + [0, 1, 0x63] + [0, 0, 0, 4] + [0, 1, 0x72] + [0, 1, 0x61] + eight(6) + [0, 0, 0, 2]
      + [0, 1, 0x61] + [0, 1, 0x69] + [0, 1, 0x78] + [0, 2, 0x2F, 0x68] + [0, 0, 0, 9] + [0, 0, 0, 8]
      + [0, 0, 0, 2, 1, 2] + [0, 0, 0, 1, 3]
      + [0, 1, 0x62] + [0xFF, 0xFF] + [0, 0] + [0, 0] + [0, 0, 0, 1] + [0, 0, 0, 2] + [0, 0, 0, 0] + [0, 0, 0, 0]
    #expect(try GroupRecords.encode(snapshot) == bytes)
    #expect(try decodeGroup(bytes) == snapshot)
  }

  @Test("a group without members, as it is stored when the last one has left")
  func emptyGroup() throws {
    let snapshot = GroupSnapshot(protocolType: "consumer", generation: 2, stateTimestamp: 1)
    let bytes: [UInt8] =
      [0, 3] + [0, 8] + Array("consumer".utf8) + [0, 0, 0, 2] + [0xFF, 0xFF] + [0xFF, 0xFF] + eight(1) + [0, 0, 0, 0]
    #expect(try GroupRecords.encode(snapshot) == bytes)
    #expect(try decodeGroup(bytes) == snapshot)
  }

  // Java: "g1".hashCode() = 103 * 31 + 49 = 3242; "polygenelubricants".hashCode() = Integer.MIN_VALUE;
  // "é" is 233; U+1F600 is the surrogates D83D and DE00: 55357 * 31 + 56832 = 1772899.
  @Test("a group's partition is where Kafka looks for it", arguments: [
      ("", 50 as Int32, 0 as Int32), ("g1", 50, 42), ("polygenelubricants", 50, 0), ("é", 50, 33), ("😀", 50, 49),
      ("g1", 1, 0),
  ])
  func partition(group: String, count: Int32, expected: Int32) {
    #expect(OffsetsTopic.partition(of: group, count: count) == expected)
  }

  private func eight(_ number: UInt8) -> [UInt8] { [0, 0, 0, 0, 0, 0, 0, number] }
}

@Suite("Loading groups")
struct GroupLoadingTests {
  private func apply(_ loaded: inout LoadedGroups, _ key: [UInt8]?, _ value: [UInt8]?) {
    func lend(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Void) {
      if let bytes { bytes.withUnsafeBytes { body($0) } } else { body(nil) }
    }
    lend(key) { key in lend(value) { loaded.apply(key: key, value: $0) } }
  }

  @Test("the last record of a key counts, tombstones forget, strangers and damaged records are passed over")
  func lastWins() throws {
    var loaded = LoadedGroups()
    let place = TopicPartitionName(topic: "t", partition: 0)
    func offset(_ number: Int64) -> CommittedOffset {
      CommittedOffset(offset: number, leaderEpoch: -1, metadata: "", timestamp: 1)
    }
    let key = try GroupRecords.encode(.offset(group: "g", place))
    apply(&loaded, key, try GroupRecords.encode(offset(1)))
    apply(&loaded, key, try GroupRecords.encode(offset(2)))
    #expect(loaded.groups["g"]?.offsets == [place: offset(2)] && loaded.groups["g"]?.snapshot == nil)
    apply(&loaded, try GroupRecords.encode(.group("g")), try GroupRecords.encode(GroupSnapshot(generation: 3)))
    #expect(loaded.groups["g"]?.snapshot?.generation == 3)
    apply(&loaded, key, nil)
    apply(&loaded, [0, 99, 1], [1])
    apply(&loaded, nil, [1])
    #expect(loaded.malformedCount == 0 && loaded.groups["g"]?.offsets.isEmpty == true)
    apply(&loaded, try GroupRecords.encode(.group("h")), [0, 3, 9])
    #expect(loaded.malformedCount == 1 && loaded.groups["h"] == nil)
    apply(&loaded, try GroupRecords.encode(.group("g")), nil)
    #expect(loaded.groups.isEmpty && loaded.recordCount == 8)
  }

  @Test("a stored group comes back stable, with whole sessions, and its members go on")
  func restore() throws {
    var group = GroupHarness(delay: .zero)
    group.join(as: "a", metadata: subscription(["t"]))
    group.join(as: "s", instance: "i", metadata: subscription(["u"]))
    group.pass(0)
    group.sync("a", ["a": [1], "s": [2]])
    let snapshot = group.stores[0].snapshot
    let now = GroupMoment(uptime: .seconds(1000), wall: 5)
    var restored = GroupStateMachine(settings: group.machine.settings, restoring: snapshot, at: now)
    restored.checkInvariants()
    #expect(restored.state == .stable && restored.generation == 1 && restored.leader == "a")
    #expect(restored.subscribedTopics == ["t", "u"])
    #expect(restored.snapshot() == snapshot)
    #expect(restored.nextDeadline == .seconds(1010))
    try restored.heartbeat(MemberName(id: "s", instanceID: "i"), generation: 1, at: now)
  }

  @Test("of stored members that share an id or an instance id the first counts", arguments: [("a", "j"), ("b", "i")])
  func restoreTwice(id: String, instance: String) {
    var snapshot = GroupSnapshot(protocolType: "consumer", generation: 1, protocolName: "range", leader: id)
    for (id, instance) in [("a", "i"), (id, instance), ("c", "k")] {
      snapshot.members.append(
        .init(
          id: id, instanceID: instance, clientID: "", clientHost: "", rebalanceTimeout: .seconds(1),
          sessionTimeout: .seconds(1), subscription: [], assignment: []))
    }
    let restored = GroupStateMachine(
      settings: .init(initialRebalanceDelay: .zero, sizeMax: 9), restoring: snapshot,
      at: GroupMoment(uptime: .zero, wall: 0))
    restored.checkInvariants()
    #expect(Set(restored.members.keys) == ["a", "c"])
    #expect(restored.leader == "a")
  }

  @Test("an empty group comes back empty and keeps its generation")
  func restoreEmpty() {
    let snapshot = GroupSnapshot(protocolType: "consumer", generation: 9, stateTimestamp: 77)
    let restored = GroupStateMachine(
      settings: .init(initialRebalanceDelay: .zero, sizeMax: 1), restoring: snapshot,
      at: GroupMoment(uptime: .zero, wall: 99))
    #expect(restored.state == .empty && restored.generation == 9 && restored.stateTimestamp == 77)
    #expect(restored.nextDeadline == nil && restored.snapshot() == snapshot)
  }
}
