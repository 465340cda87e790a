import TierAPI

/// Which partition, as the host names it.
public struct PartitionIdentity: Sendable, Hashable {
  public var topic: String
  /// The 16 bytes of the topic id in network order, as two big-endian halves.
  public var topicID: (high: UInt64, low: UInt64)
  public var partition: Int32

  public init(topic: String, topicID: (high: UInt64, low: UInt64), partition: Int32) {
    self.topic = topic
    self.topicID = topicID
    self.partition = partition
  }

  public static func == (a: PartitionIdentity, b: PartitionIdentity) -> Bool {
    a.partition == b.partition && a.topicID == b.topicID
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(topicID.high)
    hasher.combine(topicID.low)
    hasher.combine(partition)
  }

  func withRaw<R>(_ body: (UnsafePointer<chronik_partition_id>) -> R) -> R {
    var name = topic
    return name.withUTF8 { utf8 in
      var raw = chronik_partition_id()
      raw.struct_size = UInt32(MemoryLayout<chronik_partition_id>.size)
      raw.partition = partition
      raw.topic = chronik_bytes(ptr: utf8.baseAddress, len: utf8.count)
      withUnsafeMutableBytes(of: &raw.topic_id) {
        $0.storeBytes(of: topicID.high.bigEndian, as: UInt64.self)
        $0.storeBytes(of: topicID.low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      return body(&raw)
    }
  }
}

extension TierHandle {
  /// Opens (creating it empty at `initialOffset` when nothing is held) and recovers. May block.
  public func open(
    _ id: PartitionIdentity, settings: chronik_partition_settings, initialOffset: Int64
  ) throws(TierFailure) -> TierPartition {
    var out: UnsafeMutableRawPointer?
    try check("open_partition") { message in
      id.withRaw { raw in
        withUnsafePointer(to: settings) { table.pointee.open_partition(me, raw, $0, initialOffset, &out, message) }
      }
    }
    guard let out else { throw TierFailure(.permanent, origin: "\(name).open_partition", message: "no handle") }
    return TierPartition(tier: self, raw: out)
  }

  /// Deletes a partition that is not open; fine when nothing is held. May block.
  public func delete(_ id: PartitionIdentity) throws(TierFailure) {
    try check("delete_partition") { message in id.withRaw { table.pointee.delete_partition(me, $0, message) } }
  }

  /// Makes everything appended to these partitions durable, together. Serial per instance; may block.
  /// The answers are in the order of `partitions`: the durable end, or the failure.
  public func flush(_ partitions: [TierPartition]) -> [Result<Int64, TierFailure>] {
    guard let flush = table.pointee.flush else {
      return partitions.map { _ in .failure(TierFailure(.permanent, origin: "\(name).flush", message: "not offered")) }
    }
    let empty = chronik_flush_result(status: CHRONIK_PERMANENT, reserved: 0, durable_end_offset: -1)
    var results = [chronik_flush_result](repeating: empty, count: partitions.count)
    let handles = partitions.map(\.raw)
    var sentence = ""
    do throws(TierFailure) {
      _ = try answer("flush") { message in flush(me, handles, handles.count, &results, message) }
    } catch {
      sentence = error.message
    }
    return results.map { result in
      if result.status == CHRONIK_OK { return .success(result.durable_end_offset) }
      return .failure(
        TierFailure(
          TierFailure.Code(rawValue: result.status) ?? .permanent, origin: "\(name).flush", message: sentence))
    }
  }
}

/// An open partition of one tier. Closed exactly once by its owner, after every other call has returned.
public final class TierPartition: @unchecked Sendable {
  public let tier: TierHandle
  let raw: UnsafeMutableRawPointer

  init(tier: TierHandle, raw: UnsafeMutableRawPointer) {
    self.tier = tier
    self.raw = raw
  }

  /// Ends the handle; a durable tier flushes first. May block. Extents may outlive it.
  public func close() { tier.table.pointee.close_partition(tier.me, raw) }

  public var state: chronik_partition_state {
    var out = chronik_partition_state()
    out.struct_size = UInt32(MemoryLayout<chronik_partition_state>.size)
    tier.table.pointee.state(tier.me, raw, &out)
    return out
  }

  public func configure(_ settings: chronik_partition_settings) throws(TierFailure) {
    guard let configure = tier.table.pointee.configure_partition else { return }
    try tier.check("configure_partition") { message in
      withUnsafePointer(to: settings) { configure(tier.me, raw, $0, message) }
    }
  }

  /// Appends all batches or none; false when it would block (only with `nonblocking`). Serial per partition.
  public func append(
    _ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool
  ) throws(TierFailure) -> Bool {
    guard let append = tier.table.pointee.append, let start = batches.baseAddress else {
      throw TierFailure(.permanent, origin: "\(tier.name).append", message: "not offered, or no batch given")
    }
    let status = try tier.answer("append") { message in
      append(tier.me, raw, start, batches.count, nonblocking ? CHRONIK_NONBLOCKING : 0, message)
    }
    if status == CHRONIK_OK { return true }
    if status == CHRONIK_WOULD_BLOCK, nonblocking { return false }
    throw TierFailure(.permanent, origin: "\(tier.name).append", message: "unexpected status \(status)")
  }

  public func truncate(to offset: Int64) throws(TierFailure) {
    guard let truncate = tier.table.pointee.truncate else { return }
    try tier.check("truncate") { truncate(tier.me, raw, offset, $0) }
  }

  public func advanceStart(to offset: Int64) throws(TierFailure) {
    guard let advance = tier.table.pointee.advance_start else { return }
    try tier.check("advance_start") { advance(tier.me, raw, offset, $0) }
  }

  public func seal() throws(TierFailure) {
    guard let seal = tier.table.pointee.seal else { return }
    try tier.check("seal") { seal(tier.me, raw, $0) }
  }

  public func evict(before offset: Int64) throws(TierFailure) {
    guard let evict = tier.table.pointee.evict else { return }
    try tier.check("evict") { evict(tier.me, raw, offset, $0) }
  }

  /// Copies a finished segment into this tier: verified and recorded, durably, when this returns. `attempt` is 16
  /// bytes, fresh each time. `isCancelled` is asked at least every second; then the call ends with CANCELLED. Serial
  /// per partition; may block for long.
  public func importSegment(
    _ segment: chronik_segment, _ extents: [Extent], attempt: [UInt8], isCancelled: () -> Bool
  ) throws(TierFailure) {
    guard let importSegment = tier.table.pointee.import_segment, attempt.count == 16 else {
      throw TierFailure(.permanent, origin: "\(tier.name).import_segment", message: "not offered")
    }
    let list = extents.map(\.raw)
    var failure: TierFailure?
    withoutActuallyEscaping(isCancelled) { isCancelled in
      let question = CancelQuestion(isCancelled)
      let context = Unmanaged.passUnretained(question).toOpaque()
      failure = withExtendedLifetime((extents, question)) { () -> TierFailure? in
        do throws(TierFailure) {
          try tier.check("import_segment") { message in
            withUnsafePointer(to: segment) { segment in
              importSegment(
                tier.me, raw, segment, list, list.count, attempt, { CancelQuestion.ask($0) }, context, message)
            }
          }
          return nil
        } catch {
          return error
        }
      }
    }
    if let failure { throw failure }
  }

  /// Replaces sealed segments by one with these batches. May block, for long; beside appends and seals only. Whoever
  /// holds the extents' bytes keeps them until this returns.
  public func replaceSegments(_ range: Range<Int64>, with extents: [chronik_extent]) throws(TierFailure) {
    guard let replace = tier.table.pointee.replace_segments, !extents.isEmpty else {
      throw TierFailure(.permanent, origin: "\(tier.name).replace_segments", message: "not offered, or no batch given")
    }
    try tier.check("replace_segments") { message in
      replace(tier.me, raw, range.lowerBound, range.upperBound, extents, extents.count, message)
    }
  }

  /// Segments in offset order from the one that contains `offset`, at most `limit`.
  public func segments(from offset: Int64, limit: Int) throws(TierFailure) -> [chronik_segment] {
    guard let segments = tier.table.pointee.segments, limit > 0 else { return [] }
    var list = [chronik_segment](repeating: chronik_segment(), count: limit)
    var count = 0
    try tier.check("segments") { segments(tier.me, raw, offset, &list, limit, &count, $0) }
    guard count <= limit else {
      throw TierFailure(.permanent, origin: "\(tier.name).segments", message: "wrote \(count) of at most \(limit)")
    }
    return Array(list.prefix(count))
  }
}

/// A closure that C can ask.
private final class CancelQuestion {
  private let isCancelled: () -> Bool
  init(_ isCancelled: @escaping () -> Bool) { self.isCancelled = isCancelled }

  static func ask(_ context: UnsafeMutableRawPointer?) -> Int32 {
    guard let context else { return 0 }
    return Unmanaged<CancelQuestion>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.isCancelled() ? 1 : 0 }
  }
}
