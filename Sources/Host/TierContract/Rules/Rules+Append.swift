import TierAPI

private let append = UInt64(CHRONIK_TIER_APPEND)

let appendRules: [ContractRule] = [
  ContractRule("open.empty", "A new partition is empty and begins at its initial offset.") {
    (context) throws(RuleEnd) in
    let tier = try context.start()
    let partition = try tier.open(at: 5)
    let state = try partition.state()
    try expect(
      state.start_offset == 5 && state.end_offset == 5 && state.byte_count == 0,
      "opened at 5, state says [\(state.start_offset), \(state.end_offset)) with \(state.byte_count) bytes")
    try expect(
      state.last_leader_epoch == -1 && state.max_timestamp == -1 && state.max_timestamp_offset == -1,
      "an empty partition has leader epoch \(state.last_leader_epoch), timestamp \(state.max_timestamp) at "
        + "\(state.max_timestamp_offset)"
    )
    for offset in [Int64(0), 5, 6] {
      let outcome = try partition.read(from: offset).outcome
      try expect(outcome == .miss, "a read at \(offset) of an empty partition is not a MISS")
    }
    partition.close()
    try tier.end()
  },

  ContractRule("append.round-trip", "What is appended is read back byte for byte, whatever its size.", needs: append) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    var all: [ContractBatch] = []
    func add(_ batches: [ContractBatch]) throws(RuleEnd) {
      try partition.append(batches)
      all += batches
      try partition.expectHolds(all, "after an append of \(batches.ranges)")
    }
    try add([factory.make(at: 0, records: 1, valueByteCount: 0)])
    try add(factory.run(from: 1, count: 40, valueByteCountMax: 200))
    for size in [4_000, 8_100, 8_200, 33_000, 70_000, 200_000] {
      try add([factory.make(at: all.last!.nextOffset, records: 1, valueByteCount: size)])
      try add(factory.run(from: all.last!.nextOffset, count: 2))
    }
    partition.close()
    try tier.end()
  },

  ContractRule(
    "append.state", "State tells end, bytes, leader epoch and largest timestamp of what is held.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open(at: 1_000)
    var all: [ContractBatch] = []
    for epoch in Int32(3)..<9 {
      let batches = factory.run(from: all.last?.nextOffset ?? 1_000, count: 3, epoch: epoch)
      try partition.append(batches)
      all += batches
      try expectState(partition, holds: all)
    }
    partition.close()
    try tier.end()
  },

  ContractRule(
    "append.borrowed", "Bytes that were lent for the call are copied or retained, never just remembered.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let lent = factory.run(from: 0, count: 6, valueByteCountMax: 9_000)
    try partition.append(lent, canBeKept: false)
    try partition.expectHolds(lent, "after an append of slices without retain")
    let kept = factory.run(from: lent.last!.nextOffset, count: 6, valueByteCountMax: 9_000)
    for batch in kept { try partition.append([batch]) }
    try partition.expectHolds(lent + kept, "after an append of slices with retain")
    partition.close()
    try tier.end()
  },

  ContractRule(
    "append.all-or-nothing", "Batches that do not follow each other are refused together and change nothing.",
    needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let held = factory.run(from: 0, count: 3)
    try partition.append(held)
    let end = held.last!.nextOffset
    let next = factory.make(at: end)
    let bad = [
      [next, factory.make(at: next.nextOffset + 3)], [next, factory.make(at: end)], [factory.make(at: end - 1)],
    ]
    for batches in bad {
      let reply = try partition.tryAppend(batches)
      try expect(!reply.isOK, "append of \(batches.ranges) at end \(end) returned OK")
      try partition.expectHolds(held, "after a refused append of \(batches.ranges)")
      try expectState(partition, holds: held)
    }
    partition.close()
    try tier.end()
  },

  ContractRule("append.gap", "A durable tier refuses batches beyond its end: its log has no holes.",
    needs: append | UInt64(CHRONIK_TIER_DURABLE)) { (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let held = factory.run(from: 0, count: 3)
    try partition.append(held)
    let far = [factory.make(at: held.last!.nextOffset + 1)]
    let reply = try partition.tryAppend(far)
    try expect(!reply.isOK, "append of \(far.ranges) at end \(held.last!.nextOffset) returned OK")
    try partition.expectHolds(held, "after a refused append of \(far.ranges)")
    partition.close()
    try tier.end()
  },

  ContractRule("append.cache-gap", "A cache that missed batches drops what it has and starts at the new ones.",
    needs: append, excludes: UInt64(CHRONIK_TIER_DURABLE)) { (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    try partition.append(factory.run(from: 0, count: 5))
    let later = factory.run(from: 500, count: 3)
    try partition.append(later)
    try partition.expectHolds(later, "after a gap")
    let missed = try partition.read(from: 2).outcome
    try expect(missed == .miss, "a read below the gap is not a MISS")
    partition.close()
    try tier.end()
  },

  ContractRule(
    "append.nonblocking", "A nonblocking append succeeds or says WOULD_BLOCK having done nothing.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    var held: [ContractBatch] = []
    for _ in 0..<20 {
      let batches = factory.run(from: held.last?.nextOffset ?? 0, count: 2, valueByteCountMax: 3_000)
      let reply = try partition.tryAppend(batches, flags: CHRONIK_NONBLOCKING)
      if reply.isOK {
        held += batches
      } else {
        try expect(reply.status == CHRONIK_WOULD_BLOCK, "a nonblocking append returned \(reply.text)")
        try partition.expectHolds(held, "after an append that said WOULD_BLOCK")
        try partition.append(batches)
        held += batches
      }
    }
    try partition.expectHolds(held, "after nonblocking appends")
    partition.close()
    try tier.end()
  },
]

/// Every number of the state has to follow from these batches. A tier may still hold batches below its start, in a
/// segment that is not deleted yet; `hiddenByteCount` says how many bytes that can be.
func expectState(
  _ partition: ProbePartition, holds batches: [ContractBatch], hiddenByteCount: Int = 0
) throws(RuleEnd) {
  let state = try partition.state()
  let bytes = batches.reduce(0) { $0 + $1.bytes.count }
  try expect(
    state.byte_count >= bytes && state.byte_count <= bytes + hiddenByteCount,
    "state says \(state.byte_count) bytes, held are \(bytes)"
      + (hiddenByteCount > 0 ? " and at most \(hiddenByteCount) below the start" : ""))
  guard let last = batches.last else { return }
  try expect(
    state.end_offset == last.nextOffset, "state says end \(state.end_offset), the last batch ends at \(last.nextOffset)"
  )
  try expect(
    state.last_leader_epoch == last.leaderEpoch,
    "state says leader epoch \(state.last_leader_epoch), the last batch has \(last.leaderEpoch)")
  let newest = batches.map(\.maxTimestamp).max()!
  let places = batches.filter { $0.maxTimestamp == newest }.map(\.baseOffset)
  try expect(
    state.max_timestamp == newest && places.contains(state.max_timestamp_offset),
    "state says timestamp \(state.max_timestamp) at \(state.max_timestamp_offset), the "
      + "largest is \(newest) at \(places[0])"
  )
}
