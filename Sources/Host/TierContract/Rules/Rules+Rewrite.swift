import TierAPI

private let rewrite = UInt64(CHRONIK_TIER_REWRITE) | UInt64(CHRONIK_TIER_APPEND) | UInt64(CHRONIK_TIER_SEAL)

let rewriteRules: [ContractRule] = [
  ContractRule(
    "replace.compacted", "Replace_segments puts a compacted segment in the place of others, for every reader at once.",
    needs: rewrite
  ) {
    (context) throws(RuleEnd) in
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      let (range, kept, left) = try compactFirstTwo(partition, batches)
      for repetition in 1...2 {
        try partition.replace(range, with: kept)
        let bytes = try partition.readAll(from: range.lowerBound)
        try expect(
          same(bytes, left.allBytes), "after replacement number \(repetition), reads do not give \(left.ranges)")
      }
      let list = try partition.segments()
      try expect(
        list.first!.base_offset == range.lowerBound && list.first!.next_offset == range.upperBound,
        "after the segments \(range) were replaced by one, there are \(list.ranges)")
      try expect(
        list.first!.byte_count == kept.allBytes.count, "the new segment says \(list.first!.byte_count) bytes")
      let state = try partition.state()
      try expect(
        state.end_offset == batches.last!.nextOffset && state.byte_count == left.allBytes.count,
        "after a replacement, state says end \(state.end_offset), \(state.byte_count) bytes")
    }
  },

  ContractRule("replace.gaps", "A read at an offset that is gone answers with the next batch.", needs: rewrite) {
    (context) throws(RuleEnd) in
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      let (range, kept, left) = try compactFirstTwo(partition, batches)
      try partition.replace(range, with: kept)
      for offset in range.lowerBound..<batches.last!.nextOffset {
        let next = left.first { $0.nextOffset > offset }!
        let answer = try partition.read(from: offset, maxBytes: 1)
        try expect(same(answer.bytes, next.bytes), "a read at \(offset) does not give the batch at \(next.baseOffset)")
        answer.release()
      }
      for batch in left {
        let bounded = try partition.read(from: range.lowerBound, below: batch.baseOffset + 1)
        let wanted = left.filter { $0.baseOffset <= batch.baseOffset }
        try expect(
          same(bounded.bytes, wanted.allBytes), "a read below \(batch.baseOffset + 1) does not give \(wanted.ranges)")
        bounded.release()
      }
    }
  },

  ContractRule(
    "replace.extents", "Extents given out before a replacement go on to give the old bytes.", needs: rewrite
  ) {
    (context) throws(RuleEnd) in
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      let before = try partition.read(from: batches[0].baseOffset)
      let (range, kept, _) = try compactFirstTwo(partition, batches)
      try partition.replace(range, with: kept)
      let bytes = try before.currentBytes()
      try expect(same(bytes, before.bytes), "an extent given out before replace_segments gives other bytes after it")
      before.release()
    }
  },

  ContractRule(
    "replace.refused",
    "What is not a cover of whole sealed segments, or not their batches, is refused and changes nothing.",
    needs: rewrite
  ) {
    (context) throws(RuleEnd) in
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      let (range, kept, _) = try compactFirstTwo(partition, batches)
      let all = try partition.segments()
      var damaged = kept
      damaged[0].bytes[damaged[0].bytes.count - 1] ^= 1
      let wrong: [(String, Range<Int64>, [ContractBatch])] = [
        ("a range that begins inside a segment", range.lowerBound + 1..<range.upperBound, kept),
        ("a range that ends inside a segment", range.lowerBound..<range.upperBound - 1, kept),
        ("the active segment", all[3].base_offset..<all[3].next_offset, Array(batches[9...])),
        ("batches that end before the range does", range, kept.dropLast()),
        ("no batches", range, []),
        ("batches in the wrong order", range, kept.reversed()),
        ("a damaged batch", range, damaged),
        ("batches beyond the range", range, kept + [batches[6]]),
      ]
      for (what, range, list) in wrong {
        let reply = try partition.tryReplace(range, with: list)
        try expect(!reply.isOK, "replace_segments accepted \(what)")
        partition.hasGaps = false
        try partition.expectHolds(batches, "after replace_segments refused \(what)")
      }
    }
  },

  ContractRule(
    "replace.reopen", "A replacement is found by another instance, and the log goes on behind it.",
    needs: rewrite | UInt64(CHRONIK_TIER_DURABLE)
  ) {
    (context) throws(RuleEnd) in
    var left: [ContractBatch] = []
    try withSegments(context) { (partition, batches) throws(RuleEnd) in
      let (range, kept, rest) = try compactFirstTwo(partition, batches)
      try partition.replace(range, with: kept)
      left = rest
    }
    let tier = try context.start()
    let partition = try tier.open()
    partition.hasGaps = true
    var factory = context.batches()
    let more = factory.run(from: left.last!.nextOffset, count: 2)
    try partition.append(more)
    let bytes = try partition.readAll(from: partition.state().start_offset)
    try expect(same(bytes, (left + more).allBytes), "after reopening, reads do not give \((left + more).ranges)")
    partition.close()
    try tier.end()
  },
]

/// The range of the first two segments, which of its batches a compaction keeps, and what the log holds then. Neither
/// the first batch nor one in the middle stays; the last one does.
private func compactFirstTwo(
  _ partition: ProbePartition, _ batches: [ContractBatch]
) throws(RuleEnd) -> (Range<Int64>, kept: [ContractBatch], left: [ContractBatch]) {
  let all = try partition.segments()
  let range = all[0].base_offset..<all[1].next_offset
  let kept = [batches[1], batches[3], batches[5]]
  try expect(kept[2].nextOffset == range.upperBound, "two segments of three batches each are \(all.ranges)")
  return (range, kept, kept + batches[6...])
}

extension ProbePartition {
  /// Replaces and expects OK.
  func replace(_ range: Range<Int64>, with batches: [ContractBatch]) throws(RuleEnd) {
    let reply = try tryReplace(range, with: batches)
    try expect(reply.isOK, "replace_segments of [\(range.lowerBound), \(range.upperBound)) returned \(reply.text)")
  }

  /// One extent per batch, lent for the call only.
  func tryReplace(_ range: Range<Int64>, with batches: [ContractBatch]) throws(RuleEnd) -> Reply {
    guard let replace = tier.table.replace_segments else { throw .notApplicable("the tier has no replace_segments") }
    hasGaps = true
    let storages = batches.map { CountedStorage($0.bytes, ledger: tier.ledger) }
    defer { storages.forEach { $0.drop() } }
    var extents = storages.map(\.extent)
    // An array without elements has no address.
    if extents.isEmpty { extents.append(chronik_extent()) }
    return try call("replace_segments") { message in
      replace(tier.raw, raw, range.lowerBound, range.upperBound, extents, batches.count, message)
    }
  }
}
