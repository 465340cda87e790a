import KafkaRecords
import Synchronization
import TierAPI

private let append = UInt64(CHRONIK_TIER_APPEND)

let concurrencyRules: [ContractRule] = [
  ContractRule(
    "concurrent.reads", "Reads beside appends, flushes and moving ends only ever see whole batches.", needs: append
  ) {
    (context) throws(RuleEnd) in
    let tier = try context.start()
    let partition = try tier.open()
    let first = FirstFailure()
    let running = Atomic<Bool>(true)
    let seed = context.seed
    let isDurable = context.isDurable
    let writer = { @Sendable in
      first.record { () throws(RuleEnd) in try writeAndMove(partition, seed: seed) }
      running.store(false, ordering: .releasing)
    }
    let readers = (0..<3).map { number in
      { @Sendable in
        first.record { () throws(RuleEnd) in
          var random = SeededGenerator(seed: seed &+ UInt64(number) &+ 100)
          repeat { try readSomewhere(partition, &random) } while running.load(ordering: .acquiring)
        }
      }
    }
    let flusher = { @Sendable in
      first.record { () throws(RuleEnd) in
        while isDurable, running.load(ordering: .acquiring) { _ = try partition.tier.flush([partition]) }
      }
    }
    runTogether([writer, flusher] + readers)
    try first.rethrow()
    partition.close()
    try tier.end()
  },

  evictBesideOthers,

  ContractRule(
    "concurrent.partitions", "Calls for different partitions at the same time do not disturb each other.", needs: append
  ) {
    (context) throws(RuleEnd) in
    let tier = try context.start()
    let first = FirstFailure()
    let seed = context.seed
    runTogether(
      (0..<4).map { number in
        { @Sendable in
          first.record { () throws(RuleEnd) in
            var factory = BatchFactory(seed: seed &+ UInt64(number))
            for round in 0..<4 {
              let id = ProbeID(topicNumber: UInt8(round), partition: Int32(number))
              let partition = try tier.open(id)
              let batches = factory.run(from: 0, count: 30, valueByteCountMax: 1_000)
              for batch in batches { try partition.append([batch]) }
              try partition.expectHolds(batches, "while other partitions are used")
              partition.close()
              try tier.delete(id)
            }
          }
        }
      })
    try first.rethrow()
    try tier.end()
  },
]

/// Appends some hundred batches and now and then truncates or raises the start.
private func writeAndMove(_ partition: ProbePartition, seed: UInt64) throws(RuleEnd) {
  var factory = BatchFactory(seed: seed)
  var random = SeededGenerator(seed: seed &+ 1)
  for step in 1...300 {
    let batches = factory.run(
      from: try partition.state().end_offset, count: Int.random(in: 1...3, using: &random),
      valueByteCountMax: step % 10 == 0 ? 10_000 : 300)
    try partition.append(batches)
    if step % 60 == 0 { try partition.truncate(to: batches[0].baseOffset) }
    if step % 40 == 0 {
      let state = try partition.state()
      try partition.advanceStart(to: state.start_offset + (state.end_offset - state.start_offset) / 2)
    }
  }
}

/// One read at a random place; `ProbeRead.swift` checks every batch, `currentBytes` that nothing moves underneath.
private func readSomewhere(_ partition: ProbePartition, _ random: inout SeededGenerator) throws(RuleEnd) {
  let state = try partition.state()
  let offset = Int64.random(in: state.start_offset...state.end_offset, using: &random)
  let answer = try partition.read(
    from: offset, maxBytes: 20_000, nonblocking: Bool.random(using: &random), capacity: 4)
  let now = try answer.currentBytes()
  try expect(same(now, answer.bytes), "extents of a read at \(offset) changed while they were held")
}
