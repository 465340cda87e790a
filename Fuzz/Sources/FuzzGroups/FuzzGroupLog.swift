import KafkaProtocol

@testable import HostParts

/// Records of the offsets topic, each as a byte for the key's length, a byte for the value's (255: a tombstone), key, value.
/// Whatever the log says, the coordinator starts and its groups live on.
func fuzzGroupLog(_ input: UnsafeRawBufferPointer) {
  var loaded = LoadedGroups()
  var rest = input
  while rest.count > 2 {
    let keyCount = min(Int(rest[0]), rest.count - 2)
    let valueCount = rest[1] == 255 ? 0 : min(Int(rest[1]) * 4, rest.count - 2 - keyCount)
    let key = UnsafeRawBufferPointer(rebasing: rest[2..<2 + keyCount])
    let value = UnsafeRawBufferPointer(rebasing: rest[2 + keyCount..<2 + keyCount + valueCount])
    loaded.apply(key: keyCount == 0 ? nil : key, value: rest[1] == 255 ? nil : value)
    rest = UnsafeRawBufferPointer(rebasing: rest[(2 + keyCount + valueCount)...])
  }
  precondition(loaded.malformedCount <= loaded.recordCount)
  for group in loaded.groups.values {
    precondition(!group.isEmpty)
    if let snapshot = group.snapshot { live(snapshot, group.offsets) }
  }
}

private let settings = GroupStateMachine.Settings(initialRebalanceDelay: .seconds(3), sizeMax: 10)
/// When the broker starts; what is stored may claim any other time.
private let wallStart: Int64 = 1_700_000_000_000

/// A group that was stored is restored, meets an old and a new member, and comes to rest when both fall silent.
func live(_ snapshot: GroupSnapshot, _ stored: [TopicPartitionName: CommittedOffset] = [:]) {
  // The ids that are given out below are nobody's, as random ones are.
  guard !snapshot.members.contains(where: { $0.id.hasPrefix("new ") }) else { return }
  var now = GroupMoment(uptime: .seconds(1000), wall: wallStart)
  var machine = GroupStateMachine(settings: settings, restoring: snapshot, at: now)
  machine.checkInvariants()
  var offsets = GroupOffsets()
  for (place, offset) in stored { offsets.restore(place, offset) }
  precondition(offsets.expired(in: machine, at: now.wall, retention: 1000).count <= stored.count)
  if let member = snapshot.members.first {
    perform(machine.join(order(1, id: member.id, instance: member.instanceID, of: snapshot), at: now), &machine, now)
  }
  perform(machine.join(order(2, id: "", instance: nil, of: snapshot), at: now), &machine, now)
  // Days pass until nothing is due any more: the longest session that a record can claim is 25.
  for _ in 0..<200 {
    guard let due = machine.nextDeadline else { break }
    now.uptime = max(now.uptime + .seconds(86_400), due)
    perform(machine.advance(to: now), &machine, now)
  }
  precondition(machine.nextDeadline == nil && machine.state == .empty, "a group without clients does not come to rest")
  precondition(offsets.expired(in: machine, at: .max, retention: 1000).count <= stored.count)
}

private func order(_ token: UInt64, id: String, instance: String?, of snapshot: GroupSnapshot) -> GroupJoin {
  GroupJoin(
    token: ReplyToken(rawValue: token), memberID: id, newMemberID: "new \(token)", instanceID: instance,
    clientID: "", clientHost: "", sessionTimeout: .seconds(10), rebalanceTimeout: .seconds(60),
    protocolType: snapshot.protocolType, protocols: [GroupProtocol(name: snapshot.protocolName ?? "", metadata: [])],
    requiresKnownID: false, canSkipAssignment: true)
}

/// Every store succeeds.
private func perform(_ actions: [GroupAction], _ machine: inout GroupStateMachine, _ now: GroupMoment) {
  machine.checkInvariants()
  for action in actions {
    guard case .store(let stored, let purpose) = action else { continue }
    do { _ = try GroupRecords.encode(stored) } catch { preconditionFailure("a group cannot be stored: \(error)") }
    perform(machine.stored(purpose, succeeded: true, at: now), &machine, now)
  }
}
