import Glibc
import Synchronization
import TierAPI

private let seal = UInt64(CHRONIK_TIER_SEAL) | UInt64(CHRONIK_TIER_APPEND)

/// What the host does with every tier that seals: appends never wait for files to be removed (tier.h, "Concurrency").
let evictBesideOthers = ContractRule(
  "concurrent.evict", "Evict runs beside append, seal, flush and reads, and lets go of nothing else.", needs: seal
) { (context) throws(RuleEnd) in
  let tier = try context.start()
  let partition = try tier.open()
  let appended = try evictBesideAppends(context, partition)
  let start = try partition.state().start_offset
  let kept = appended.filter { $0.baseOffset >= start }
  try partition.expectHolds(kept, "after evicting beside appends and seals")
  if context.isDurable { _ = try tier.flush([partition]) }
  partition.close()
  try tier.end()
  guard context.isDurable else { return }
  let again = try context.start()
  let reopened = try again.open()
  let state = try reopened.state()
  try expect(
    state.start_offset <= start && state.end_offset == appended.last!.nextOffset,
    "before closing [\(start), \(appended.last!.nextOffset)) was held, after reopening "
      + "[\(state.start_offset), \(state.end_offset))")
  let bytes = try reopened.readAll(from: start)
  try expect(same(bytes, kept.allBytes), "after reopening, reads from \(start) give other bytes than were appended")
  reopened.close()
  try again.end()
}

/// Counts attempts to evict that have begun, so that the writer goes on only beside one: however few processors there
/// are, the rule is about calls at the same time.
private final class EvictionCount: Sendable {
  private let begun = Atomic<Int>(0)

  var now: Int { begun.load(ordering: .acquiring) }
  func begin() { begun.add(1, ordering: .releasing) }
  /// There will be no more: nobody waits for one.
  func end() { begun.store(.max, ordering: .releasing) }
  func waitForMore(than count: Int) {
    while now <= count, now != .max { sched_yield() }
  }
}

/// A thread that appends and seals, one that evicts, one that flushes and two that read, until two hundred batches are
/// there. Returns what was appended.
private func evictBesideAppends(
  _ context: RuleContext, _ partition: ProbePartition
) throws(RuleEnd) -> [ContractBatch] {
  let first = FirstFailure()
  let running = Atomic<Bool>(true)
  let appended = Mutex<[ContractBatch]>([])
  let evictions = EvictionCount()
  let (seed, isDurable) = (context.seed, context.isDurable)
  let writer = { @Sendable in
    first.record { () throws(RuleEnd) in
      try writeAndSeal(partition, evictions, seed: seed) { list in appended.withLock { $0 += list } }
    }
    running.store(false, ordering: .releasing)
  }
  func whileWriting(
    _ number: UInt64, _ body: @escaping @Sendable (inout SeededGenerator) throws(RuleEnd) -> Void
  ) -> @Sendable () -> Void {
    { @Sendable in
      first.record { () throws(RuleEnd) in
        var random = SeededGenerator(seed: seed &+ 100 &+ number)
        repeat { try body(&random) } while running.load(ordering: .acquiring)
      }
    }
  }
  let evicting = whileWriting(0) { (random) throws(RuleEnd) in try evictSomewhere(partition, evictions, &random) }
  let evictor = { @Sendable in
    evicting()
    evictions.end()
  }
  let readers = (1...2).map { number in
    whileWriting(number) { (random) throws(RuleEnd) in try readBesideEvictions(partition, &random) }
  }
  let flusher = whileWriting(3) { (_) throws(RuleEnd) in
    if isDurable { _ = try partition.tier.flush([partition]) }
  }
  runTogether([writer, evictor, flusher] + readers)
  try first.rethrow()
  return appended.withLock { $0 }
}

/// Appends some two hundred batches and seals behind every few of them, each time beside another eviction. `note` hears
/// of every append that succeeded.
private func writeAndSeal(
  _ partition: ProbePartition, _ evictions: EvictionCount, seed: UInt64, note: ([ContractBatch]) -> Void
) throws(RuleEnd) {
  var factory = BatchFactory(seed: seed)
  var random = SeededGenerator(seed: seed &+ 1)
  var end: Int64 = 0
  var seals: [Int64] = []
  var count = 0
  for step in 1...120 {
    let batches = factory.run(from: end, count: Int.random(in: 1...3, using: &random), valueByteCountMax: 300)
    try partition.append(batches)
    note(batches)
    end = batches.last!.nextOffset
    let seen = try partition.state().end_offset
    try expect(seen == end, "after an append of \(batches.ranges) beside evict, state says end \(seen)")
    let list = try partition.segments()
    let ends = Set(list.map(\.next_offset))
    let (lowest, highest) = (list.first?.base_offset ?? end, list.last?.next_offset ?? end)
    let forgotten = seals.filter { $0 > lowest && $0 < highest && !ends.contains($0) }
    try expect(forgotten.isEmpty, "segments sealed at \(forgotten) beside evict are not among \(list.ranges)")
    guard step % 4 == 0 else { continue }
    if !seals.isEmpty { evictions.waitForMore(than: count) }
    try partition.seal()
    seals.append(end)
    // Whoever begins from here on finds this segment sealed.
    count = evictions.now
  }
}

/// Evicts up to the end of a sealed segment: the start is there afterwards, because nothing else moves it.
private func evictSomewhere(
  _ partition: ProbePartition, _ evictions: EvictionCount, _ random: inout SeededGenerator
) throws(RuleEnd) {
  evictions.begin()
  let sealed = try partition.segments().filter { $0.flags & CHRONIK_SEGMENT_SEALED != 0 && $0.byte_count > 0 }
  guard let chosen = sealed.randomElement(using: &random) else { return }
  try partition.evict(before: chosen.next_offset)
  let start = try partition.state().start_offset
  try expect(start == chosen.next_offset, "after evict at \(chosen.next_offset), state says start \(start)")
  let left = try partition.segments()
  let isWhole = zip(left, left.dropFirst()).allSatisfy { $0.next_offset == $1.base_offset }
  try expect(
    isWhole && left.allSatisfy { $0.base_offset >= start },
    "after evict at \(chosen.next_offset), the segments are \(left.ranges)")
}

/// One read at a random place, which only an eviction may turn into a MISS; the extents outlive evictions.
private func readBesideEvictions(_ partition: ProbePartition, _ random: inout SeededGenerator) throws(RuleEnd) {
  let state = try partition.state()
  guard state.start_offset < state.end_offset else { return }
  let offset = Int64.random(in: state.start_offset..<state.end_offset, using: &random)
  let answer = try partition.read(
    from: offset, maxBytes: 20_000, nonblocking: Bool.random(using: &random), capacity: 4)
  let start = try partition.state().start_offset
  try expect(
    answer.outcome != .miss || offset < start, "a read at \(offset) is a MISS although the start is \(start)")
  let now = try answer.currentBytes()
  try expect(same(now, answer.bytes), "extents of a read at \(offset) changed while they were held")
}
