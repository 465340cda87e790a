import TierAPI

private let seal = UInt64(CHRONIK_TIER_SEAL) | UInt64(CHRONIK_TIER_APPEND)

let segmentRules: [ContractRule] = [
  ContractRule(
    "segments.cover", "Segments follow each other and add up to what is held; only the last is active.", needs: seal
  ) {
    (context) throws(RuleEnd) in
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      let list = try partition.segments()
      try expect(list.count == 4, "three seals and an append after them make \(list.count) segments: \(list.ranges)")
      let state = try partition.state()
      try expect(
        list.first!.base_offset == state.start_offset && list.last!.next_offset == state.end_offset,
        "segments \(list.ranges) do not cover [\(state.start_offset), \(state.end_offset))")
      try expect(
        zip(list, list.dropFirst()).allSatisfy { $0.next_offset == $1.base_offset }, "there is a hole in \(list.ranges)"
      )
      for segment in list {
        let mine = batches.filter { $0.baseOffset >= segment.base_offset && $0.nextOffset <= segment.next_offset }
        try expect(
          segment.byte_count == mine.allBytes.count && segment.max_timestamp == mine.map(\.maxTimestamp).max()!,
          "segment [\(segment.base_offset), \(segment.next_offset)) says \(segment.byte_count) bytes and timestamp "
            + "\(segment.max_timestamp), its batches have \(mine.allBytes.count) and \(mine.map(\.maxTimestamp).max()!)"
        )
        try expect(
          segment.last_leader_epoch == mine.last!.leaderEpoch || segment.last_leader_epoch == -1,
          "segment [\(segment.base_offset), \(segment.next_offset)) says leader epoch \(segment.last_leader_epoch)")
      }
      let sealed = list.map { $0.flags & CHRONIK_SEGMENT_SEALED != 0 }
      try expect(sealed == [true, true, true, false], "sealed flags are \(sealed)")
    }
  },

  ContractRule(
    "segments.from", "The list begins with the segment that contains an offset, and has at most as many as asked for.",
    needs: seal
  ) {
    (context) throws(RuleEnd) in
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      let all = try partition.segments()
      for (index, segment) in all.enumerated() {
        for offset in [segment.base_offset, segment.next_offset - 1] {
          for capacity in [1, 2, 10] {
            let list = try partition.segments(from: offset, capacity: capacity)
            let wanted = all[index...].prefix(capacity)
            try expect(
              list.map(\.base_offset) == wanted.map(\.base_offset),
              "segments from \(offset), at most \(capacity), are \(list.ranges) of \(all.ranges)")
          }
        }
      }
      let beyond = try partition.segments(from: batches.last!.nextOffset)
      try expect(beyond.isEmpty, "segments from the end are \(beyond.ranges)")
    }
  },

  ContractRule("seal.empty", "Sealing an empty active segment does nothing.", needs: seal) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let batches = factory.run(from: 0, count: 3)
    try partition.seal()
    try partition.append(batches)
    for _ in 0..<3 { try partition.seal() }
    let filled = try partition.segments().filter { $0.byte_count > 0 }
    try expect(
      filled.count == 1 && filled[0].flags & CHRONIK_SEGMENT_SEALED != 0,
      "one append and three seals make the segments \(filled.ranges)")
    try partition.expectHolds(batches, "after seals")
    partition.close()
    try tier.end()
  },

  ContractRule(
    "seal.reopen", "Sealed segments are still there and sealed after reopening.",
    needs: seal | UInt64(CHRONIK_TIER_DURABLE)
  ) {
    (context) throws(RuleEnd) in
    var before: [chronik_segment] = []
    var held: [ContractBatch] = []
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      before = try partition.segments().filter { $0.flags & CHRONIK_SEGMENT_SEALED != 0 }
      held = batches
    }
    let tier = try context.start()
    let partition = try tier.open()
    let after = try partition.segments().filter { $0.flags & CHRONIK_SEGMENT_SEALED != 0 }
    try expect(
      after.prefix(before.count).map(\.base_offset) == before.map(\.base_offset),
      "sealed were \(before.ranges), after reopening \(after.ranges)")
    try partition.expectHolds(held, "after reopening")
    partition.close()
    try tier.end()
  },

  ContractRule(
    "evict.sealed", "Evict lets go of sealed segments that end at or below an offset, and of nothing else.", needs: seal
  ) {
    (context) throws(RuleEnd) in
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      let all = try partition.segments()
      try partition.evict(before: all[0].next_offset - 1)
      try partition.expectHolds(batches, "after evict inside the first segment")
      try partition.evict(before: all[2].next_offset - 1)
      let start = all[2].base_offset
      for _ in 0..<2 {
        try partition.expectHolds(batches.filter { $0.baseOffset >= start }, "after evict of \(all[..<2].ranges)")
        try partition.evict(before: all[1].next_offset)
      }
      let outcome = try partition.read(from: start - 1).outcome
      try expect(outcome == .miss, "a read at \(start - 1), which was evicted, is not a MISS")
      try partition.evict(before: batches.last!.nextOffset)
      let active = batches.filter { $0.baseOffset >= all[3].base_offset }
      try partition.expectHolds(active, "after evict of every sealed segment")
    }
  },
]

extension CountedStorage {
  /// The whole allocation as an extent that is lent for a call.
  var extent: chronik_extent {
    var extent = chronik_extent()
    extent.kind = CHRONIK_EXTENT_MEMORY
    extent.fd = -1
    extent.ptr = UnsafePointer(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self))
    extent.len = bytes.count
    return extent
  }
}

/// Three sealed segments and an active one, of three batches each, in a partition that is closed afterwards.
func withSegments(
  _ context: RuleContext, _ body: (ProbePartition, [ContractBatch]) throws(RuleEnd) -> Void
) throws(RuleEnd) {
  var factory = context.batches()
  let tier = try context.start()
  let partition = try tier.open()
  let batches = factory.run(from: 0, count: 12, valueByteCountMax: 2_000)
  for index in 0..<4 {
    try partition.append(Array(batches[(index * 3)..<(index * 3 + 3)]))
    if index < 3 { try partition.seal() }
  }
  try body(partition, batches)
  partition.close()
  try tier.end()
}

extension Sequence<chronik_segment> {
  var ranges: String { map { "[\($0.base_offset), \($0.next_offset))" }.joined(separator: " ") }
}
