import TierAPI

private let append = UInt64(CHRONIK_TIER_APPEND)

let ownershipRules: [ContractRule] = [
  ContractRule(
    "slices.balanced", "Every slice that was retained is released, once, when it is not needed any more.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    var answers: [ProbeAnswer] = []
    for number in Int32(0)..<3 {
      let partition = try tier.open(ProbeID(partition: number))
      let batches = factory.run(from: 0, count: 12, valueByteCountMax: 20_000)
      try partition.append(batches)
      answers.append(try partition.read(from: 0))
      try partition.truncate(to: batches[9].baseOffset)
      try partition.advanceStart(to: batches[4].baseOffset)
      answers.append(try partition.read(from: batches[4].baseOffset))
      partition.close()
    }
    answers.forEach { $0.release() }
    try tier.end()
  },

  ContractRule(
    "extents.outlive",
    "Extents stay valid and unchanged after truncate, advance_start, delete, close, stop and destroy.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    let batches = factory.run(from: 0, count: 24, valueByteCountMax: 4_000)
    try partition.append(batches)
    var held: [ProbeAnswer] = []
    for batch in batches where batch.baseOffset % 2 == 0 { held.append(try partition.read(from: batch.baseOffset)) }
    func check(_ after: String) throws(RuleEnd) {
      for answer in held {
        let now = try answer.currentBytes()
        try expect(same(now, answer.bytes), "extents of \(answer.ranges) changed after \(after)")
      }
    }
    try partition.truncate(to: batches[12].baseOffset)
    try check("truncate")
    try partition.append(factory.run(from: batches[12].baseOffset, count: 12, valueByteCountMax: 4_000, epoch: 5))
    try check("truncate and append")
    try partition.advanceStart(to: batches[8].baseOffset)
    try check("advance_start")
    if context.has(CHRONIK_TIER_SEAL) {
      try partition.seal()
      try partition.evict(before: partition.state().end_offset)
      try check("seal and evict")
    }
    partition.close()
    try check("close_partition")
    try tier.delete()
    try check("delete_partition")
    tier.table.stop(tier.raw)
    try check("stop")
    tier.destroy()
    try check("destroy")
    held.forEach { $0.release() }
    try tier.checkSlices()
  },

  ContractRule("memory.accounted", "Memory that the tier told the host of is taken back when it is destroyed.") {
    (context) throws(RuleEnd) in
    let tier = try context.start()
    if context.has(CHRONIK_TIER_APPEND) {
      var factory = context.batches()
      let partition = try tier.open()
      try partition.append(factory.run(from: 0, count: 10, valueByteCountMax: 20_000))
      let during = tier.host.accountedBytes.load(ordering: .relaxed)
      try expect(during >= 0, "the tier says it holds \(during) bytes")
      partition.close()
    }
    try tier.end()
    let left = tier.host.accountedBytes.load(ordering: .relaxed)
    try expect(left == 0, "account_memory adds up to \(left) bytes after destroy")
  },
]
