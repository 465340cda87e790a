import KafkaRecords
import TierAPI

/// An open partition of the tier under test.
final class ProbePartition: @unchecked Sendable {
  let tier: ProbeTier
  let raw: UnsafeMutableRawPointer
  let isDurable: Bool
  /// Whether the rule has replaced segments, so that offsets may be missing. Set while nothing runs.
  var hasGaps = false
  private var table: chronik_tier { tier.table }

  init(_ tier: ProbeTier, _ raw: UnsafeMutableRawPointer, isDurable: Bool) {
    self.tier = tier
    self.raw = raw
    self.isDurable = isDurable
  }

  func close() { table.close_partition(tier.raw, raw) }

  /// The state, checked for what is always true of one.
  func state() throws(RuleEnd) -> chronik_partition_state {
    var out = chronik_partition_state()
    out.struct_size = UInt32(MemoryLayout<chronik_partition_state>.size)
    table.state(tier.raw, raw, &out)
    let seen = "state says start \(out.start_offset), end \(out.end_offset), durable end \(out.durable_end_offset), "
      + "\(out.byte_count) bytes"
    try expect(out.start_offset <= out.end_offset, seen)
    try expect(out.byte_count >= 0, seen)
    if isDurable {
      try expect(out.durable_end_offset >= out.start_offset && out.durable_end_offset <= out.end_offset, seen)
    } else {
      try expect(out.durable_end_offset == out.start_offset, seen + ": without DURABLE, the durable end is the start")
    }
    return out
  }

  // MARK: Appending

  /// Appends in one call and expects OK.
  func append(_ batches: [ContractBatch], canBeKept: Bool = true) throws(RuleEnd) {
    let reply = try tryAppend(batches, canBeKept: canBeKept)
    try expect(reply.isOK, "append of \(batches.ranges) returned \(reply.text)")
  }

  /// The bytes are lent for the call only: what the tier did not retain is scribbled over when this returns.
  func tryAppend(
    _ batches: [ContractBatch], canBeKept: Bool = true, flags: UInt32 = 0, messageCapacity: Int = 512
  ) throws(RuleEnd) -> Reply {
    guard let append = table.append else { throw .notApplicable("the tier has no append") }
    let storages = batches.map { CountedStorage($0.bytes, ledger: tier.ledger) }
    defer { storages.forEach { $0.drop() } }
    let list = zip(batches, storages).map { batch, storage in
      chronik_batch(
        bytes: storage.slice(canBeKept: canBeKept), base_offset: batch.baseOffset, next_offset: batch.nextOffset,
        max_timestamp: batch.maxTimestamp, leader_epoch: batch.leaderEpoch, record_count: batch.recordCount,
        reserved: (0, 0))
    }
    let reply = try call("append", capacity: messageCapacity) { append(tier.raw, raw, list, list.count, flags, $0) }
    try expect(
      reply.status != CHRONIK_MISS && (reply.status != CHRONIK_WOULD_BLOCK || flags & CHRONIK_NONBLOCKING != 0),
      "append returned \(reply.text)")
    return reply
  }

  // MARK: Moving the ends

  func truncate(to offset: Int64) throws(RuleEnd) {
    guard let truncate = table.truncate else { throw .notApplicable("the tier has no truncate") }
    try callOK("truncate") { truncate(tier.raw, raw, offset, $0) }
  }

  func advanceStart(to offset: Int64) throws(RuleEnd) {
    guard let advance = table.advance_start else { throw .notApplicable("the tier has no advance_start") }
    try callOK("advance_start") { advance(tier.raw, raw, offset, $0) }
  }

  // MARK: Segments

  func seal() throws(RuleEnd) {
    guard let seal = table.seal else { throw .notApplicable("the tier has no seal") }
    try callOK("seal") { seal(tier.raw, raw, $0) }
  }

  func evict(before offset: Int64) throws(RuleEnd) {
    guard let evict = table.evict else { throw .notApplicable("the tier has no evict") }
    try callOK("evict") { evict(tier.raw, raw, offset, $0) }
  }

  /// At most `capacity` segments; what lies behind the array has to stay untouched.
  func segments(from offset: Int64 = .min, capacity: Int = 64) throws(RuleEnd) -> [chronik_segment] {
    guard let segments = table.segments else { throw .notApplicable("the tier has no segments") }
    let guardOffset: Int64 = -0x5A5A
    var list = [chronik_segment](repeating: chronik_segment(), count: capacity + 2)
    for index in list.indices { list[index].base_offset = guardOffset }
    var count = Int.max
    try callOK("segments") { segments(tier.raw, raw, offset, &list, capacity, &count, $0) }
    try expect(count <= capacity, "segments wrote \(count) of at most \(capacity)")
    try expect(list[capacity...].allSatisfy { $0.base_offset == guardOffset }, "segments wrote beyond its array")
    return Array(list[..<count])
  }
}
