import TierAPI

private let append = UInt64(CHRONIK_TIER_APPEND)

let partitionRules: [ContractRule] = [
  ContractRule(
    "partitions.independent", "Partitions of one instance are told apart by topic id and number.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let ids = [
      ProbeID(), ProbeID(partition: 1), ProbeID(topicNumber: 2), ProbeID(topic: "other", topicNumber: 3, partition: 1),
    ]
    var open: [(ProbePartition, [ContractBatch])] = []
    for (index, id) in ids.enumerated() {
      let partition = try tier.open(id, at: Int64(index) * 100)
      let batches = factory.run(from: Int64(index) * 100, count: 3 + index)
      try partition.append(batches)
      open.append((partition, batches))
    }
    try open[0].0.truncate(to: open[0].1[1].baseOffset)
    open[1].0.close()
    for index in 2..<ids.count { try open[index].0.expectHolds(open[index].1, "after changes to other partitions") }
    try open[0].0.expectHolds(Array(open[0].1[..<1]), "after closing another partition")
    for index in [0, 2, 3] { open[index].0.close() }
    try tier.end()
  },

  ContractRule("delete.again", "Deleting what is not there is OK, as often as one likes.") {
    (context) throws(RuleEnd) in
    let tier = try context.start()
    for _ in 0..<3 { try tier.delete(ProbeID(topicNumber: 77)) }
    try tier.end()
  },

  ContractRule(
    "delete.empties", "A deleted partition is empty when it is opened again, also by another instance.", needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let partition = try tier.open()
    try partition.append(factory.run(from: 0, count: 8, valueByteCountMax: 3_000))
    partition.close()
    let kept = try tier.open(ProbeID(partition: 1))
    let others = factory.run(from: 0, count: 4)
    try kept.append(others)
    for _ in 0..<2 { try tier.delete() }
    let again = try tier.open(at: 30)
    try again.expectHolds([], "after delete")
    let start = try again.state().start_offset
    try expect(start == 30, "opened at 30 after delete, state says start \(start)")
    try kept.expectHolds(others, "after the deletion of another partition")
    again.close()
    kept.close()
    try tier.delete()
    try tier.end()
    let fresh = try context.start()
    let last = try fresh.open(at: 40)
    let state = try last.state()
    try expect(
      state.start_offset == 40 && state.end_offset == 40,
      "opened at 40 by another instance after delete, state says [\(state.start_offset), \(state.end_offset))")
    last.close()
    try fresh.end()
  },

  ContractRule("configure.any-time", "New settings for an open partition are taken without harm.", needs: append) {
    (context) throws(RuleEnd) in
    let tier = try context.start()
    guard let configure = tier.table.configure_partition else { throw .notApplicable("the tier ignores settings") }
    var factory = context.batches()
    let partition = try tier.open()
    var held: [ContractBatch] = []
    for segmentBytes in [Int64(1 << 20), 4_096, 64 << 20] {
      var settings = chronik_partition_settings.contract
      settings.segment_bytes = segmentBytes
      try callOK("configure_partition") { configure(tier.raw, partition.raw, &settings, $0) }
      let batches = factory.run(from: held.last?.nextOffset ?? 0, count: 6, valueByteCountMax: 2_000)
      for batch in batches { try partition.append([batch]) }
      held += batches
      try partition.expectHolds(held, "after configure_partition with segment_bytes \(segmentBytes)")
    }
    partition.close()
    try tier.end()
  },

  ContractRule(
    "list.complete", "List_partitions visits every partition of which something is held, once, and no other.",
    needs: append
  ) {
    (context) throws(RuleEnd) in
    var factory = context.batches()
    let tier = try context.start()
    let ids = [ProbeID(), ProbeID(partition: 7), ProbeID(topic: "other", topicNumber: 9)]
    if try tier.list() == nil { throw .notApplicable("the tier has no list_partitions") }
    var open: [ProbePartition] = []
    for id in ids {
      open.append(try tier.open(id))
      try open.last!.append(factory.run(from: 0, count: 2))
    }
    func expectList(_ wanted: [ProbeID], _ when: String) throws(RuleEnd) {
      let found = try tier.list() ?? []
      try expect(
        found.sorted() == wanted.map(\.listed).sorted(),
        "\(when), list_partitions visits \(found.sorted()) instead of \(wanted.map(\.listed).sorted())")
    }
    try expectList(ids, "while all are open")
    open.forEach { $0.close() }
    if context.isDurable { try expectList(ids, "after all were closed") }
    for id in ids { try tier.delete(id) }
    try expectList([], "after all were deleted")
    try tier.end()
  },
]
