import Testing

@testable import Host

/// SplitMix64: the same seed gives the same run.
private struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite("A group under random clients")
struct GroupRandomTests {
  /// A client that keeps roughly to the protocol, loses answers, dies and comes back.
  private struct Client {
    var name: String
    var instance: String?
    var id = ""
    var generation: Int32 = -1
    var join: UInt64?
    var sync: UInt64?
  }

  @Test(
    "invariants hold, nobody is left without an answer, and a quiet group settles",
    arguments: 1...60 as ClosedRange<UInt64>)
  func randomRun(seed: UInt64) {
    var random = SeededRandom(state: seed)
    var group = GroupHarness(delay: .milliseconds(500), sizeMax: 6)
    var clients = (0..<8).map { Client(name: "c\($0)", instance: $0 < 3 ? "i\($0)" : nil) }
    var serial = 0
    for _ in 0..<1500 {
      let index = Int.random(in: 0..<clients.count, using: &random)
      step(&clients[index], &group, &random, &serial)
      if !group.stores.isEmpty, Int.random(in: 0..<3, using: &random) == 0 {
        group.endStore(succeeded: Int.random(in: 0..<12, using: &random) > 0)
      }
      if Int.random(in: 0..<4, using: &random) == 0 { group.pass(Int64.random(in: 1...4000, using: &random)) }
    }
    // All clients fall silent: everybody's session ends, every parked request is answered, the group is empty.
    for _ in 0..<200 where group.machine.state != .empty {
      while !group.stores.isEmpty { group.endStore() }
      group.pass(60_000)
    }
    while !group.stores.isEmpty { group.endStore() }
    group.pass(60_000)  // ids that were handed out lapse
    #expect(group.machine.state == .empty, "seed \(seed)")
    #expect(group.machine.nextDeadline == nil, "seed \(seed)")
    for client in clients {
      if let join = client.join { #expect(group.joins[join] != nil, "seed \(seed): a join was never answered") }
      if let sync = client.sync { #expect(group.syncs[sync] != nil, "seed \(seed): a sync was never answered") }
    }
  }

  private func step(
    _ client: inout Client, _ group: inout GroupHarness, _ random: inout SeededRandom, _ serial: inout Int
  ) {
    if let join = client.join, let answer = group.joins[join] {
      client.join = nil
      client.generation = answer.refusal == nil ? answer.generation : -1
      switch answer.refusal {
      case nil, .memberIDRequired, .rebalanceInProgress: client.id = answer.memberID
      default: client.id = ""
      }
    }
    if let sync = client.sync, group.syncs[sync] != nil { client.sync = nil }
    let isParked = client.join != nil || client.sync != nil
    switch Int.random(in: 0..<10, using: &random) {
    case 0...3 where !isParked:
      serial += 1
      client.join = group.join(
        client.id, as: "\(client.name)-\(serial)", instance: client.instance, session: 6000,
        rebalance: Int.random(in: 1...10, using: &random) * 1000,
        protocols: Bool.random(using: &random) ? ["range", "sticky"] : ["sticky", "range"],
        metadata: [UInt8.random(in: 0...1, using: &random)], knowsID: Bool.random(using: &random))
    case 4...6 where !isParked && client.generation >= 0:
      client.sync = group.sync(
        client.id, generation: client.generation, instance: client.instance,
        client.id == group.machine.leader
          ? Dictionary(uniqueKeysWithValues: group.machine.members.keys.map { ($0, [1]) }) : [:])
    case 7 where !isParked && client.generation >= 0:
      _ = group.heartbeat(client.id, generation: client.generation, instance: client.instance)
    case 8: _ = group.leave(MemberName(id: client.id, instanceID: client.instance))
    case 9: client.id = ""  // the process died and begins anew
    default: break
    }
  }
}
