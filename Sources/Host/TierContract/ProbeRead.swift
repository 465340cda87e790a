import Glibc
import KafkaRecords
import TierAPI

/// One read, with everything a host may ask for.
struct ReadPlan: Sendable {
  var offset: Int64
  var endOffset: Int64 = .max
  var maxBytes: UInt64 = 1 << 24
  var minOneBatch = true
  var nonblocking = false
  /// Extents that the answer may have.
  var capacity = 16

  var text: String {
    "read at \(offset)" + (endOffset == .max ? "" : ", end_offset \(endOffset)")
      + (maxBytes == 1 << 24 ? "" : ", max_bytes \(maxBytes)") + (minOneBatch ? "" : ", min_one_batch 0")
      + (capacity == 16 ? "" : ", \(capacity) extents")
  }
}

/// What a read answered, checked for what every answer owes. The extents are held until `release`.
final class ProbeAnswer: @unchecked Sendable {
  enum Outcome: Sendable { case batches, miss, wouldBlock }

  let outcome: Outcome
  /// Headers of the batches, in order.
  let batches: [RecordBatchHeader]
  /// All bytes as they were when the read returned.
  let bytes: [UInt8]
  private var extents: [chronik_extent]

  var nextOffset: Int64? { batches.last?.nextOffset }
  var ranges: String {
    batches.isEmpty ? "nothing" : batches.map { "[\($0.baseOffset), \($0.nextOffset))" }.joined(separator: " ")
  }

  fileprivate init(_ outcome: Outcome, _ extents: [chronik_extent], _ batches: [RecordBatchHeader], _ bytes: [UInt8]) {
    self.outcome = outcome
    self.extents = extents
    self.batches = batches
    self.bytes = bytes
  }

  /// The bytes of the extents as they are now.
  func currentBytes() throws(RuleEnd) -> [UInt8] { try Self.load(extents, "a held extent") }

  func release() {
    for extent in extents { extent.release?(extent.owner) }
    extents = []
  }

  deinit { release() }

  fileprivate static func load(_ extents: [chronik_extent], _ what: String) throws(RuleEnd) -> [UInt8] {
    let total = extents.reduce(0) { $0 + $1.len }
    var failure: String?
    let bytes = [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
      for extent in extents where failure == nil {
        failure = copy(extent, to: UnsafeMutableRawBufferPointer(buffer).baseAddress! + count)
        if failure == nil { count += extent.len }
      }
    }
    if let failure { throw .broken("\(what) \(failure)") }
    return bytes
  }

  /// Says what is wrong with the extent, or copies its bytes.
  private static func copy(_ extent: chronik_extent, to target: UnsafeMutableRawPointer) -> String? {
    switch extent.kind {
    case CHRONIK_EXTENT_MEMORY:
      guard let source = extent.ptr else { return "has no pointer" }
      target.copyMemory(from: source, byteCount: extent.len)
      return nil
    case CHRONIK_EXTENT_FILE:
      let got = pread(extent.fd, target, extent.len, off_t(extent.file_offset))
      return got == extent.len
        ? nil
        : "is a file region of which pread(\(extent.fd), \(extent.len) bytes at \(extent.file_offset)) gave \(got)"
    default: return "has the unknown kind \(extent.kind)"
    }
  }
}

/// Byte for byte; a comparison element by element takes minutes in a debug build.
func same(_ a: [UInt8], _ b: [UInt8]) -> Bool { a.count == b.count && memcmp(a, b, a.count) == 0 }

extension ProbePartition {
  func read(
    from offset: Int64, below endOffset: Int64 = .max, maxBytes: UInt64 = 1 << 24, minOneBatch: Bool = true,
    nonblocking: Bool = false, capacity: Int = 16
  ) throws(RuleEnd) -> ProbeAnswer {
    try read(
      ReadPlan(
        offset: offset, endOffset: endOffset, maxBytes: maxBytes, minOneBatch: minOneBatch, nonblocking: nonblocking,
        capacity: capacity))
  }

  func read(_ plan: ReadPlan) throws(RuleEnd) -> ProbeAnswer {
    let guardExtents = 2
    let storage = UnsafeMutablePointer<chronik_extent>.allocate(capacity: plan.capacity + guardExtents)
    defer { storage.deallocate() }
    var empty = chronik_extent()
    empty.kind = 0xA5A5
    storage.initialize(repeating: empty, count: plan.capacity + guardExtents)
    var request = chronik_read_request(
      struct_size: UInt32(MemoryLayout<chronik_read_request>.size), flags: plan.nonblocking ? CHRONIK_NONBLOCKING : 0,
      offset: plan.offset, end_offset: plan.endOffset, max_bytes: plan.maxBytes,
      min_one_batch: plan.minOneBatch ? 1 : 0,
      reserved: 0)
    var result = chronik_read_result(
      struct_size: UInt32(MemoryLayout<chronik_read_result>.size), capacity: UInt32(plan.capacity), extent_count: 0,
      reserved: 0, extents: storage, start_offset: -1, next_offset: -1, byte_count: 0)
    let reply = try call(plan.text) { tier.table.read(tier.raw, raw, &request, &result, $0) }
    let count = Int(result.extent_count)
    try expect(count <= plan.capacity, "\(plan.text) set extent_count \(count) of at most \(plan.capacity)")
    try expect(
      storage[plan.capacity].kind == 0xA5A5 && storage[plan.capacity + 1].kind == 0xA5A5,
      "\(plan.text) wrote beyond its extents")
    switch reply.status {
    case CHRONIK_OK: return try checked(plan, result, (0..<count).map { storage[$0] })
    case CHRONIK_MISS, CHRONIK_WOULD_BLOCK:
      try expect(count == 0, "\(plan.text) returned \(reply.text) with \(count) extents")
      try expect(reply.status == CHRONIK_MISS || plan.nonblocking, "\(plan.text) returned \(reply.text)")
      return ProbeAnswer(reply.status == CHRONIK_MISS ? .miss : .wouldBlock, [], [], [])
    default: throw .broken("\(plan.text) returned \(reply.text)")
    }
  }

  /// Whole, valid, adjacent batches from the one that contains the offset, within every limit of the request.
  private func checked(
    _ plan: ReadPlan, _ result: chronik_read_result, _ extents: [chronik_extent]
  ) throws(RuleEnd) -> ProbeAnswer {
    let bytes = try ProbeAnswer.load(extents, "an extent of \(plan.text)")
    let batches: [RecordBatchHeader]
    do throws(RuleEnd) {
      batches = try Self.parse(bytes, plan.text)
    } catch {
      for extent in extents { extent.release?(extent.owner) }
      throw error
    }
    let answer = ProbeAnswer(.batches, extents, batches, bytes)
    let seen = "\(plan.text) answered \(answer.ranges)"
    try expect(extents.allSatisfy { $0.len > 0 }, "\(plan.text) answered an extent without bytes")
    try expect(
      Int(result.byte_count) == bytes.count, "\(seen) with byte_count \(result.byte_count) for \(bytes.count) bytes")
    guard let last = batches.last else { return answer }
    try hasGaps ? expectRising(plan, result, batches, seen) : expectAdjacent(plan, result, batches, seen)
    try expect(last.baseOffset < plan.endOffset, seen + ": the last is not below end_offset")
    try expect(
      bytes.count <= plan.maxBytes || (batches.count == 1 && plan.minOneBatch), "\(seen), \(bytes.count) bytes")
    return answer
  }

  private func expectAdjacent(
    _ plan: ReadPlan, _ result: chronik_read_result, _ batches: [RecordBatchHeader], _ seen: String
  ) throws(RuleEnd) {
    guard let first = batches.first, let last = batches.last else { return }
    try expect(
      first.baseOffset <= plan.offset && plan.offset < first.nextOffset, seen + ": the first does not contain it")
    try expect(
      result.start_offset == first.baseOffset && result.next_offset == last.nextOffset,
      "\(seen) with start_offset \(result.start_offset) and next_offset \(result.next_offset)")
    try expect(
      zip(batches, batches.dropFirst()).allSatisfy { $0.nextOffset == $1.baseOffset }, seen + ": there is a hole")
  }

  /// As above for a partition whose segments were replaced: the first batch may begin above the wanted offset.
  private func expectRising(
    _ plan: ReadPlan, _ result: chronik_read_result, _ batches: [RecordBatchHeader], _ seen: String
  ) throws(RuleEnd) {
    guard let first = batches.first, let last = batches.last else { return }
    try expect(plan.offset < first.nextOffset, seen + ": the first ends before it")
    try expect(
      result.start_offset == min(first.baseOffset, plan.offset) && result.next_offset >= last.nextOffset,
      "\(seen) with start_offset \(result.start_offset) and next_offset \(result.next_offset)")
    try expect(
      zip(batches, batches.dropFirst()).allSatisfy { $0.nextOffset <= $1.baseOffset }, seen + ": offsets do not rise")
  }

  private static func parse(_ bytes: [UInt8], _ what: String) throws(RuleEnd) -> [RecordBatchHeader] {
    var headers: [RecordBatchHeader] = []
    var position = 0
    while position < bytes.count {
      let header = bytes.withUnsafeBytes { raw in
        Result { () throws(RecordBatchError) in
          try RecordBatch.validate(UnsafeRawBufferPointer(rebasing: raw[position...]))
        }
      }
      switch header {
      case .success(let header):
        headers.append(header)
        position += header.byteCount
      case .failure(let error):
        throw .broken(
          "\(what) answered \(bytes.count) bytes that are not whole valid batches, at byte \(position): \(error)")
      }
    }
    return headers
  }

  /// Everything from `offset` on, read as a host reads: again and again until the end is reached.
  func readAll(from offset: Int64, capacity: Int = 16, maxBytes: UInt64 = 1 << 24) throws(RuleEnd) -> [UInt8] {
    var bytes: [UInt8] = []
    var next = offset
    let end = try state().end_offset
    while next < end {
      let answer = try read(from: next, maxBytes: maxBytes, capacity: capacity)
      guard let following = answer.nextOffset else {
        throw .broken("a read at \(next), inside [\(offset), \(end)), answered nothing although min_one_batch is 1")
      }
      bytes.append(contentsOf: answer.bytes)
      answer.release()
      next = following
    }
    return bytes
  }

  /// What is held from its start to its end has to be these batches, byte for byte.
  func expectHolds(_ batches: [ContractBatch], _ when: String) throws(RuleEnd) {
    let state = try state()
    try expect(
      state.start_offset == (batches.first?.baseOffset ?? state.end_offset)
        && state.end_offset == (batches.last?.nextOffset ?? state.start_offset),
      "\(when), the tier holds [\(state.start_offset), \(state.end_offset)) instead of \(batches.ranges)")
    let bytes = try readAll(from: state.start_offset)
    try expect(same(bytes, batches.allBytes), "\(when), the bytes read are not the bytes appended (\(batches.ranges))")
  }
}
