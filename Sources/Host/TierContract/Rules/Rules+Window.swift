import TierAPI

private let append = UInt64(CHRONIK_TIER_APPEND)

/// Moving the ends of a partition.
let windowRules: [ContractRule] = [
  ContractRule(
    "truncate.then-append", "Truncate drops everything at and above an offset, and appends go on from there.",
    needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open(at: 10)
    var held = factory.run(from: 10, count: 20, valueByteCountMax: 2_000)
    try partition.append(held)
    for keep in [17, 9, 3] {
      let offset = held[keep].baseOffset
      try partition.truncate(to: offset)
      held = Array(held[..<keep])
      try partition.expectHolds(held, "after truncate to \(offset)")
      try expectState(partition, holds: held)
      let outcome = try partition.read(from: offset).outcome
      try expect(outcome == .miss, "a read at \(offset), where the log was truncated, is not a MISS")
      try partition.truncate(to: offset)
      let more = factory.run(from: offset, count: 4, valueByteCountMax: 2_000, epoch: 9)
      try partition.append(more)
      held += more
      try partition.expectHolds(held, "after truncate to \(offset) and append")
    }
    partition.close()
    try tier.end()
  },

  ContractRule(
    "truncate.all", "Truncate to the start leaves an empty partition that appends go on from.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open(at: 10)
    try partition.append(factory.run(from: 10, count: 5))
    try partition.truncate(to: 10)
    let state = try partition.state()
    try expect(
      state.start_offset == 10 && state.end_offset == 10 && state.byte_count == 0,
      "truncated to its start 10, state says [\(state.start_offset), "
        + "\(state.end_offset)) with \(state.byte_count) bytes"
    )
    let again = factory.run(from: 10, count: 3, epoch: 6)
    try partition.append(again)
    try partition.expectHolds(again, "after truncate to the start and append")
    partition.close()
    try tier.end()
  },

  ContractRule("truncate.beyond", "Truncate at or beyond the end changes nothing.", needs: append) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let held = factory.run(from: 0, count: 5)
    try partition.append(held)
    for offset in [held.last!.nextOffset, held.last!.nextOffset + 100] {
      try partition.truncate(to: offset)
      try partition.expectHolds(held, "after truncate to \(offset)")
    }
    partition.close()
    try tier.end()
  },

  ContractRule("truncate.whole-batches", "Truncate inside a batch never leaves a part of it.", needs: append) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let first = factory.make(at: 0, records: 4)
    try partition.append([first, factory.make(at: 4, records: 6)])
    try partition.truncate(to: 7)
    let state = try partition.state()
    try expect(state.end_offset <= 7, "truncated to 7, state says end \(state.end_offset)")
    let bytes = try partition.read(from: 0).bytes
    try expect(bytes == first.bytes, "truncated to 7 in the batch [4, 10), a read answered more than the batch [0, 4)")
    partition.close()
    try tier.end()
  },

  ContractRule(
    "advance-start.hides",
    "Advance_start raises the start; what is below is not read again, what is above is untouched.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let all = factory.run(from: 0, count: 20, valueByteCountMax: 2_000)
    try partition.append(all)
    for first in [4, 11] {
      let offset = all[first].baseOffset
      try partition.advanceStart(to: offset)
      try partition.expectHolds(Array(all[first...]), "after advance_start to \(offset)")
      for below in [offset - 1, 0] {
        let outcome = try partition.read(from: below).outcome
        try expect(outcome == .miss, "a read at \(below), below the start \(offset), is not a MISS")
      }
      for lower in [offset, 0, -1] { try partition.advanceStart(to: lower) }
      let start = try partition.state().start_offset
      try expect(
        start == offset, "advance_start to an offset at or below the start moved it from \(offset) to \(start)")
    }
    let end = all.last!.nextOffset
    try partition.advanceStart(to: end)
    try partition.expectHolds([], "after advance_start to the end")
    let more = factory.run(from: end, count: 3)
    try partition.append(more)
    try partition.expectHolds(more, "after advance_start to the end and append")
    partition.close()
    try tier.end()
  },

  ContractRule(
    "advance-start.inside", "A start inside a batch is kept exactly, and the batch is answered whole.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let (first, second) = (factory.make(at: 0, records: 5), factory.make(at: 5, records: 5))
    try partition.append([first, second])
    try partition.advanceStart(to: 7)
    let state = try partition.state()
    try expect(state.start_offset == 7, "advanced to 7 in the batch [5, 10), state says start \(state.start_offset)")
    let outcome = try partition.read(from: 6).outcome
    try expect(outcome == .miss, "a read at 6, below the start 7, is not a MISS")
    let bytes = try partition.read(from: 7).bytes
    try expect(bytes == second.bytes, "a read at the start 7 did not answer the batch [5, 10)")
    partition.close()
    try tier.end()
  },
]
