import TierAPI

private let imports = UInt64(CHRONIK_TIER_IMPORT)

let importRules: [ContractRule] = [
  ContractRule("import.round-trip", "Imported segments are read back byte for byte.", needs: imports) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open(at: 0)
    var held: [ContractBatch] = []
    for round in 0..<3 {
      let batches = factory.run(from: held.last?.nextOffset ?? 400, count: 15, valueByteCountMax: 3_000)
      let reply = try partition.importSegment(batches, attempt: UInt8(round))
      try expect(reply.isOK, "import_segment of \(batches.ranges) returned \(reply.text)")
      held += batches
      try partition.expectHolds(held, "after import number \(round + 1)")
    }
    for batch in held {
      let answer = try partition.read(from: batch.nextOffset - 1)
      try expectPrefix(answer, of: held, from: batch.nextOffset - 1)
    }
    partition.close()
    try tier.end()
  },

  ContractRule("import.again", "A segment that is already held is OK at once and changes nothing.", needs: imports) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open(at: 0)
    let batches = factory.run(from: 0, count: 8, valueByteCountMax: 2_000)
    for attempt in UInt8(1)...3 {
      let reply = try partition.importSegment(batches, attempt: attempt)
      try expect(reply.isOK, "import_segment number \(attempt) of the same segment returned \(reply.text)")
      try partition.expectHolds(batches, "after import number \(attempt) of the same segment")
    }
    partition.close()
    try tier.end()
  },

  ContractRule(
    "import.gap", "A segment that does not begin at the end is refused and changes nothing.", needs: imports
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open(at: 0)
    let batches = factory.run(from: 0, count: 4)
    let first = try partition.importSegment(batches, attempt: 1)
    try expect(first.isOK, "import_segment returned \(first.text)")
    let far = factory.run(from: batches.last!.nextOffset + 10, count: 4)
    let reply = try partition.importSegment(far, attempt: 2)
    try expect(!reply.isOK, "import_segment of \(far.ranges) at end \(batches.last!.nextOffset) returned OK")
    try partition.expectHolds(batches, "after a refused import")
    partition.close()
    try tier.end()
  },

  ContractRule(
    "import.cancelled", "A cancelled import returns CANCELLED with nothing changed, or had finished before it asked.",
    needs: imports
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open(at: 0)
    let batches = factory.run(from: 0, count: 40, valueByteCountMax: 20_000)
    let reply = try partition.importSegment(batches, attempt: 1, isCancelled: true)
    if reply.status == CHRONIK_CANCELLED {
      try partition.expectHolds([], "after a cancelled import")
      let again = try partition.importSegment(batches, attempt: 2)
      try expect(again.isOK, "import_segment after a cancelled one returned \(again.text)")
    } else {
      try expect(reply.isOK, "a cancelled import_segment returned \(reply.text)")
    }
    try partition.expectHolds(batches, "after the import")
    partition.close()
    try tier.end()
  },

  ContractRule(
    "import.reopen", "Imported segments are found by another instance.", needs: imports | UInt64(CHRONIK_TIER_DURABLE)
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let batches = factory.run(from: 50, count: 20, valueByteCountMax: 2_000)
    let tier = try context.start()
    let partition = try tier.open(at: 50)
    let reply = try partition.importSegment(batches, attempt: 1)
    try expect(reply.isOK, "import_segment returned \(reply.text)")
    partition.close()
    try tier.end()
    let fresh = try context.start()
    let found = try fresh.open(at: 0)
    try found.expectHolds(batches, "after import and reopening")
    found.close()
    try fresh.delete()
    try fresh.end()
  },
]

extension ProbePartition {
  /// Imports the batches as one sealed segment in several extents, lent for the call only.
  func importSegment(
    _ batches: [ContractBatch], attempt: UInt8, isCancelled: Bool = false
  ) throws(RuleEnd) -> Reply {
    guard let importSegment = tier.table.import_segment else { throw .notApplicable("the tier has no import_segment") }
    var segment = chronik_segment()
    segment.base_offset = batches.first!.baseOffset
    segment.next_offset = batches.last!.nextOffset
    segment.byte_count = Int64(batches.allBytes.count)
    segment.max_timestamp = batches.map(\.maxTimestamp).max()!
    segment.min_timestamp = -1
    segment.last_leader_epoch = batches.last!.leaderEpoch
    segment.flags = CHRONIK_SEGMENT_SEALED
    let half = batches.count / 2
    let storages = [batches[..<half], batches[half...]].filter { !$0.isEmpty }.map {
      CountedStorage($0.flatMap(\.bytes), ledger: tier.ledger)
    }
    defer { storages.forEach { $0.drop() } }
    let extents = storages.map(\.extent)
    let id = [UInt8](repeating: attempt, count: 16)
    return try call("import_segment") { message in
      importSegment(
        tier.raw, raw, &segment, extents, extents.count, id, isCancelled ? { _ in 1 } : { _ in 0 }, nil, message)
    }
  }
}
