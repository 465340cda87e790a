import TierAPI

let modelRules: [ContractRule] = [
  ContractRule(
    "model.random", "Random sequences of calls leave the tier as they leave an array of batches.",
    needs: UInt64(CHRONIK_TIER_APPEND)
  ) {
    (context) throws(RuleEnd) in
    for round in UInt64(0)..<3 {
      var run = try ModelRun(context, seed: context.seed &+ round)
      for step in 0..<120 {
        do throws(RuleEnd) {
          try run.step()
        } catch {
          guard case .broken(let seen) = error else { throw error }
          throw .broken("seed \(context.seed), round \(round), step \(step) (\(run.history)): \(seen)")
        }
      }
      try run.close()
    }
  }
]

/// One partition, the array that it should be like, and what was done last.
private struct ModelRun {
  private let context: RuleContext
  private let id: ProbeID
  private var tier: ProbeTier
  private var partition: ProbePartition
  private var random: SeededGenerator
  private var factory: BatchFactory
  private var batches: [ContractBatch] = []
  private var start: Int64 = 100
  /// Bytes of the batches that advance_start has hidden.
  private var hidden = 0
  private var last: [String] = []
  /// Never goes back, as a log's does not.
  private var epoch: Int32 = 0

  private var endOffset: Int64 { batches.last?.nextOffset ?? start }
  /// The last calls, newest at the end.
  var history: String { last.joined(separator: ", ") }

  init(_ context: RuleContext, seed: UInt64) throws(RuleEnd) {
    self.context = context
    id = ProbeID(topicNumber: UInt8(truncatingIfNeeded: seed &* 7))
    tier = try context.start(in: "round-\(seed)")
    partition = try tier.open(id, at: 100)
    random = SeededGenerator(seed: seed)
    factory = BatchFactory(seed: seed)
    directory = "round-\(seed)"
  }
  private let directory: String

  mutating func close() throws(RuleEnd) {
    partition.close()
    try tier.end()
  }

  mutating func step() throws(RuleEnd) {
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<9: try append()
    case 9..<11: try truncate()
    case 11..<13: try advanceStart()
    case 13: try sealOrEvict()
    case 14: try reopen()
    case 15: if context.isDurable { _ = try tier.flush([partition]) }
    default: break
    }
    try compare()
  }

  private mutating func note(_ text: String) {
    last.append(text)
    if last.count > 6 { last.removeFirst() }
  }

  private mutating func append() throws(RuleEnd) {
    let (count, limit) = [(4, 50), (3, 400), (2, 2_000), (1, 9_000)].randomElement(using: &random)!
    let new = factory.run(
      from: endOffset, count: Int.random(in: 1...count, using: &random), valueByteCountMax: limit,
      epoch: epoch)
    epoch += Int32.random(in: 0...1, using: &random)
    note("append \(new.ranges)")
    try partition.append(new, canBeKept: Bool.random(using: &random))
    batches += new
  }

  private mutating func truncate() throws(RuleEnd) {
    let first = batches.first.map { max($0.baseOffset, start) } ?? start
    let offset =
      Bool.random(using: &random)
      ? endOffset : batches.map(\.baseOffset).filter { $0 >= first }.randomElement(using: &random) ?? endOffset
    note("truncate \(offset)")
    try partition.truncate(to: offset)
    batches.removeAll { $0.nextOffset > offset }
  }

  private mutating func advanceStart() throws(RuleEnd) {
    let offset = Int64.random(in: start...start + (endOffset - start) / 2, using: &random)
    note("advance_start \(offset)")
    try partition.advanceStart(to: offset)
    start = offset
    hidden += batches.filter { $0.nextOffset <= offset }.allBytes.count
    batches.removeAll { $0.nextOffset <= offset }
  }

  private mutating func sealOrEvict() throws(RuleEnd) {
    guard context.has(CHRONIK_TIER_SEAL) else { return }
    note("seal")
    try partition.seal()
    guard Bool.random(using: &random) else { return }
    let offset = Int64.random(in: start...endOffset, using: &random)
    note("evict \(offset)")
    let kept = try partition.segments().filter {
      $0.next_offset > offset || $0.flags & CHRONIK_SEGMENT_SEALED == 0
    }
    try partition.evict(before: offset)
    start = max(start, kept.first?.base_offset ?? endOffset)
    let newStart = start
    batches.removeAll { $0.nextOffset <= newStart }
  }

  private mutating func reopen() throws(RuleEnd) {
    guard context.isDurable else { return }
    note("reopen")
    partition.close()
    if Bool.random(using: &random) {
      try tier.end()
      tier = try context.start(in: directory)
    }
    partition = try tier.open(id, at: 7)
  }

  private mutating func compare() throws(RuleEnd) {
    let state = try partition.state()
    if !context.isDurable, state.start_offset > start,
      batches.contains(where: { $0.baseOffset == state.start_offset })
    {
      start = state.start_offset
      batches.removeAll { $0.nextOffset <= start }
    }
    try expect(
      state.start_offset == start && state.end_offset == endOffset,
      "state says [\(state.start_offset), \(state.end_offset)) instead of [\(start), \(endOffset))")
    try expectState(partition, holds: batches, hiddenByteCount: hidden)
    let offset = Int64.random(in: start - 1...endOffset + 1, using: &random)
    let answer = try partition.read(
      from: offset, below: Bool.random(using: &random) ? .max : Int64.random(in: start...endOffset + 1, using: &random),
      maxBytes: UInt64.random(in: 0...30_000, using: &random), minOneBatch: Bool.random(using: &random),
      capacity: Int.random(in: 1...8, using: &random))
    let isInside = offset >= start && offset < endOffset
    try expect(
      (answer.outcome == .miss) == !isInside, "a read at \(offset) of [\(start), \(endOffset)) is \(answer.outcome)")
    try expectPrefix(answer, of: batches, from: offset)
    let all = try partition.readAll(from: start)
    try expect(same(all, batches.allBytes), "the bytes read are not the bytes appended")
  }
}
