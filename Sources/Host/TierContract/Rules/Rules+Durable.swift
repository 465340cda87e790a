import TierAPI

private let durable = UInt64(CHRONIK_TIER_APPEND) | UInt64(CHRONIK_TIER_DURABLE)

let durableRules: [ContractRule] = [
  ContractRule(
    "flush.durable-end", "Flush answers, for each partition in order, a durable end not below what was appended.",
    needs: durable
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    var partitions: [ProbePartition] = []
    var ends: [Int64] = []
    for number in Int32(0)..<5 {
      let start = Int64(number) * 1_000
      partitions.append(try tier.open(ProbeID(partition: number), at: start))
      let batches = factory.run(from: start, count: Int(number) * 2)
      if !batches.isEmpty { try partitions.last!.append(batches) }
      ends.append(batches.last?.nextOffset ?? start)
    }
    for repetition in 1...2 {
      let answers = try tier.flush(partitions)
      try expect(
        answers == ends, "flush number \(repetition) answered durable ends \(answers), appended was up to \(ends)")
    }
    for (partition, end) in zip(partitions, ends) {
      let state = try partition.state()
      try expect(
        state.durable_end_offset == end, "flushed up to \(end), state says durable end \(state.durable_end_offset)")
    }
    let none = try tier.flush([])
    try expect(none.isEmpty, "a flush of no partitions answered something")
    partitions.forEach { $0.close() }
    try tier.end()
  },

  ContractRule(
    "durable.reopen", "Another instance finds everything that was held when the partition was closed.", needs: durable
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    var held = factory.run(from: 20, count: 12, valueByteCountMax: 3_000)
    try withPartition(context, at: 20) { (partition) throws(RuleEnd) in try partition.append(held) }
    for round in 1...3 {
      try withPartition(context, at: 999) { (partition) throws(RuleEnd) in
        try partition.expectHolds(held, "after reopening number \(round)")
        try expectState(partition, holds: held)
        let state = try partition.state()
        try expect(
          state.durable_end_offset == state.end_offset,
          "after reopening, the durable end is \(state.durable_end_offset) of \(state.end_offset)")
        let more = factory.run(from: held.last!.nextOffset, count: 3, epoch: Int32(round) + 10)
        try partition.append(more)
        held += more
      }
    }
  },

  ContractRule("durable.truncate", "What was truncated stays away after reopening.", needs: durable) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let all = factory.run(from: 0, count: 10, valueByteCountMax: 2_000)
    try withPartition(context, at: 0) { (partition) throws(RuleEnd) in
      try partition.append(all)
      try partition.truncate(to: all[6].baseOffset)
    }
    try withPartition(context, at: 0) { (partition) throws(RuleEnd) in
      try partition.expectHolds(Array(all[..<6]), "after truncate and reopening")
      try partition.truncate(to: 0)
    }
    try withPartition(context, at: 0) { (partition) throws(RuleEnd) in
      try partition.expectHolds([], "after truncate to the start and reopening")
    }
  },

  ContractRule(
    "durable.advance-start", "A raised start is still there after reopening, also inside a batch and at the end.",
    needs: durable
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let all = [factory.make(at: 0, records: 5), factory.make(at: 5, records: 5), factory.make(at: 10, records: 5)]
    try withPartition(context, at: 0) { (partition) throws(RuleEnd) in
      try partition.append(all)
      try partition.advanceStart(to: 5)
    }
    try withPartition(context, at: 0) { (partition) throws(RuleEnd) in
      try partition.expectHolds(Array(all[1...]), "after advance_start to 5 and reopening")
      try partition.advanceStart(to: 12)
    }
    try withPartition(context, at: 0) { (partition) throws(RuleEnd) in
      let state = try partition.state()
      try expect(
        state.start_offset == 12 && state.end_offset == 15,
        "after advance_start to 12 and reopening, state says [\(state.start_offset), "
          + "\(state.end_offset)) instead of [12, 15)"
      )
      let bytes = try partition.read(from: 12).bytes
      try expect(bytes == all[2].bytes, "after advance_start to 12 and reopening, a read at 12 did not answer [10, 15)")
      try partition.advanceStart(to: 15)
    }
    try withPartition(context, at: 0) { (partition) throws(RuleEnd) in
      let state = try partition.state()
      try expect(
        state.start_offset == 15 && state.end_offset == 15,
        "after advance_start to the end 15 and reopening at 0, state says [\(state.start_offset), \(state.end_offset))")
    }
  },

  ContractRule(
    "durable.kill-flushed", "What flush made durable is found after the process was killed.", needs: durable
  ) {
    (context) throws(RuleEnd) in
    try checkKilledWriter(context, flushes: true)
  },

  ContractRule(
    "durable.kill-appended", "What append took outlives a crash of the process, also without a flush.", needs: durable
  ) {
    (context) throws(RuleEnd) in
    try checkKilledWriter(context, flushes: false)
  },

  ContractRule(
    "durable.fenced", "A data directory that another process uses is refused with FENCED.",
    needs: UInt64(CHRONIK_TIER_DURABLE)
  ) {
    (context) throws(RuleEnd) in
    let writer = try context.startWriter(flushes: true)
    defer { writer.kill() }
    let tier = try ProbeTier(context.library, directory: context.directory, settings: context.settings)
    let reply = try tier.tryStart()
    try expect(reply.status == CHRONIK_FENCED, "start in a directory in use returned \(reply.text) instead of FENCED")
    tier.destroy()
  },
]

/// One life of an instance and its partition.
private func withPartition(
  _ context: RuleContext, at offset: Int64, _ body: (ProbePartition) throws(RuleEnd) -> Void
) throws(RuleEnd) {
  let tier = try context.start()
  let partition = try tier.open(at: offset)
  try body(partition)
  partition.close()
  try tier.end()
}

private func checkKilledWriter(_ context: RuleContext, flushes: Bool) throws(RuleEnd) {
  let writer = try context.startWriter(flushes: flushes)
  writer.kill()
  let expected = KilledWriter.batches(seed: context.seed)
  try withPartition(context, at: 0) { (partition) throws(RuleEnd) in
    let end = try partition.state().end_offset
    try expect(
      end >= expected.last!.nextOffset,
      "the killed process had \(flushes ? "flushed" : "appended") up to "
        + "\(expected.last!.nextOffset), found is up to \(end)"
    )
    try partition.expectHolds(expected, "after the process was killed")
    var factory = BatchFactory(seed: context.seed &+ 1)
    let more = factory.run(from: end, count: 3)
    try partition.append(more)
    try partition.expectHolds(expected + more, "after the process was killed and an append")
  }
}
