import TierAPI

/// One instance of a compaction strategy. This file is the only place on the host's side that calls its vtable;
/// `compaction.h` states the thread and ownership rules. Every answer is checked, so that a broken strategy yields an
/// error and never a broken log.
public final class CompactionHandle: @unchecked Sendable {
  public let name: String
  public let product: CompactionProduct
  fileprivate let me: UnsafeMutableRawPointer
  private let host: HostTable

  /// Groups of one plan; a strategy with more goes on in the next one.
  public static let groupCountMax = 4096
  /// Bytes of a plan's reason.
  private static let reasonByteCountMax = 512

  /// `settings` are normalised as `plugin.h` demands.
  public init(
    _ product: CompactionProduct, name: String, settings: [(String, String)], host: any PluginHost
  ) throws(TierFailure) {
    let table = HostTable(host)
    me = try PluginCall.create("\(name).create") { out, message in
      Self.withOptions(name, settings) { product.vtable.pointee.create(table.pointer, $0, out, message) }
    }
    self.name = name
    self.product = product
    self.host = table
  }

  deinit { product.vtable.pointee.destroy(me) }

  /// Any thread; does not block.
  public func plan(_ view: CompactionView) throws(TierFailure) -> CompactionPlan {
    var groups = [chronik_compaction_group](repeating: chronik_compaction_group(), count: Self.groupCountMax)
    var text = [CChar](repeating: 0, count: Self.reasonByteCountMax)
    var answer = (count: 0, start: Int64(0), end: Int64(0), urgency: 0.0, reason: "")
    try check("plan") { message in
      view.withRaw { view in
        groups.withUnsafeMutableBufferPointer { groups in
          text.withUnsafeMutableBufferPointer { text in
            var reason = chronik_message(text: text.baseAddress!, capacity: text.count, length: 0)
            return withUnsafeMutablePointer(to: &reason) { reason in
              var plan = Self.emptyPlan(groups.baseAddress!, groups.count, reason)
              let status = product.vtable.pointee.plan(me, view, &plan, message)
              let length = min(reason.pointee.length, text.count)
              answer = (
                Int(plan.group_count), plan.observe_start, plan.observe_end, plan.urgency,
                String(decoding: UnsafeRawBufferPointer(start: text.baseAddress!, count: length), as: UTF8.self)
              )
              return status
            }
          }
        }
      }
    }
    do throws(Malformed) {
      guard answer.count <= Self.groupCountMax else {
        throw Malformed("the plan has \(answer.count) groups of at most \(Self.groupCountMax)")
      }
      return try CompactionPlanCheck(view: view, abilities: product.descriptor.abilities).check(
        Array(groups.prefix(answer.count)), observed: (answer.start, answer.end), urgency: answer.urgency,
        reason: answer.reason)
    } catch {
      throw TierFailure(.permanent, origin: "\(name).plan", message: error.reason)
    }
  }

  /// Begins a run over the rewriting groups of a plan.
  public func begin(_ view: CompactionView, _ plan: CompactionPlan) throws(TierFailure) -> CompactionRun {
    guard let begin = product.vtable.pointee.begin else {
      throw TierFailure(.permanent, origin: "\(name).begin", message: "not offered")
    }
    var groups = plan.groups.map { group in
      chronik_compaction_group(
        first_offset: group.range.lowerBound, next_offset: group.range.upperBound,
        action: group.action == .rewrite ? CHRONIK_GROUP_REWRITE : CHRONIK_GROUP_DELETE,
        segment_count: UInt32(group.segments.count), reserved: (0, 0))
    }
    if groups.isEmpty { groups.append(chronik_compaction_group()) }
    var nothing: CChar = 0
    let raw = try PluginCall.create("\(name).begin") { out, message in
      view.withRaw { view in
        groups.withUnsafeMutableBufferPointer { groups in
          withUnsafeMutablePointer(to: &nothing) { nothing in
            var reason = chronik_message(text: nothing, capacity: 0, length: 0)
            return withUnsafeMutablePointer(to: &reason) { reason in
              var copy = Self.emptyPlan(groups.baseAddress!, groups.count, reason)
              copy.group_count = UInt32(plan.groups.count)
              copy.observe_start = plan.observed.lowerBound
              copy.observe_end = plan.observed.upperBound
              copy.urgency = plan.urgency
              return begin(me, view, &copy, out, message)
            }
          }
        }
      }
    }
    return CompactionRun(self, raw)
  }

  private static func emptyPlan(
    _ groups: UnsafeMutablePointer<chronik_compaction_group>, _ capacity: Int,
    _ reason: UnsafeMutablePointer<chronik_message>
  ) -> chronik_compaction_plan {
    chronik_compaction_plan(
      struct_size: UInt32(MemoryLayout<chronik_compaction_plan>.size), capacity: UInt32(capacity), group_count: 0,
      reserved: 0, groups: groups, observe_start: 0, observe_end: 0, urgency: 0, reason: reason)
  }

  fileprivate func check(
    _ function: String, _ body: (UnsafeMutablePointer<chronik_message>) -> chronik_status
  ) throws(TierFailure) {
    try PluginCall.check("\(name).\(function)", body)
  }

  private static func withOptions<R>(
    _ name: String, _ settings: [(String, String)], _ body: (UnsafePointer<chronik_compaction_options>) -> R
  ) -> R {
    var storage: [UInt8] = []
    let ranges = ([name] + settings.flatMap { [$0.0, $0.1] }).map { piece in
      let start = storage.count
      storage.append(contentsOf: piece.utf8)
      return start..<storage.count
    }
    return storage.withUnsafeBufferPointer { bytes in
      func piece(_ index: Int) -> chronik_bytes {
        chronik_bytes(ptr: bytes.baseAddress.map { $0 + ranges[index].lowerBound }, len: ranges[index].count)
      }
      let list = settings.indices.map { chronik_setting(key: piece(1 + 2 * $0), value: piece(2 + 2 * $0)) }
      return list.withUnsafeBufferPointer { list in
        var options = chronik_compaction_options(
          struct_size: UInt32(MemoryLayout<chronik_compaction_options>.size), setting_count: UInt32(list.count),
          instance_name: piece(0), settings: list.baseAddress)
        return body(&options)
      }
    }
  }
}

/// One run of a strategy over a partition's batches. One thread at a time; ended once by ``finish()``, or when it is
/// let go. Whether replaced batches are what they should be is the caller's to check.
public final class CompactionRun {
  private let handle: CompactionHandle
  private var raw: UnsafeMutableRawPointer?

  fileprivate init(_ handle: CompactionHandle, _ raw: UnsafeMutableRawPointer) {
    self.handle = handle
    self.raw = raw
  }

  deinit { _ = finish() }

  /// How far the run has seen, and whether it wants to see more.
  public func observe(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int64>
  ) throws(TierFailure) -> (observedOffset: Int64, isFull: Bool) {
    var batch = Self.batch(bytes, range, 0)
    var progress = chronik_compaction_progress(
      struct_size: UInt32(MemoryLayout<chronik_compaction_progress>.size), is_full: 0, observed_offset: .min)
    let me = handle.me
    let observe = handle.product.vtable.pointee.observe!
    let run = raw!
    try handle.check("observe") { observe(me, run, &batch, &progress, $0) }
    guard progress.observed_offset <= range.upperBound else {
      throw TierFailure(
        .permanent, origin: "\(handle.name).observe",
        message: "claims to have seen up to \(progress.observed_offset) after a batch that ends at \(range.upperBound)")
    }
    return (progress.observed_offset, progress.is_full != 0)
  }

  public enum Verdict {
    case keep
    case drop
    /// Lent until the next call.
    case replace(UnsafeRawBufferPointer)
  }

  public func rewrite(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int64>, flags: UInt32
  ) throws(TierFailure) -> Verdict {
    var batch = Self.batch(bytes, range, flags)
    var verdict = chronik_compaction_verdict(
      struct_size: UInt32(MemoryLayout<chronik_compaction_verdict>.size), action: 0,
      bytes: chronik_bytes(ptr: nil, len: 0), records_kept: 0)
    let me = handle.me
    let rewrite = handle.product.vtable.pointee.rewrite!
    let run = raw!
    try handle.check("rewrite") { rewrite(me, run, &batch, &verdict, $0) }
    switch verdict.action {
    case CHRONIK_VERDICT_KEEP: return .keep
    case CHRONIK_VERDICT_DROP: return .drop
    case CHRONIK_VERDICT_REPLACE where verdict.bytes.ptr != nil && verdict.bytes.len > 0:
      return .replace(UnsafeRawBufferPointer(start: verdict.bytes.ptr, count: verdict.bytes.len))
    default:
      throw TierFailure(
        .permanent, origin: "\(handle.name).rewrite",
        message: "answered the verdict \(verdict.action) without what it needs")
    }
  }

  /// Ends the run. Nil when it was ended before.
  @discardableResult
  public func finish() -> (cleanedOffset: Int64, recordsSeen: UInt64, recordsKept: UInt64)? {
    guard let run = raw else { return nil }
    raw = nil
    var result = chronik_compaction_result(
      struct_size: UInt32(MemoryLayout<chronik_compaction_result>.size), reserved: 0, cleaned_offset: -1,
      records_seen: 0, records_kept: 0)
    handle.product.vtable.pointee.finish!(handle.me, run, &result)
    return (result.cleaned_offset, result.records_seen, result.records_kept)
  }

  private static func batch(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int64>, _ flags: UInt32
  ) -> chronik_compaction_batch {
    chronik_compaction_batch(
      struct_size: UInt32(MemoryLayout<chronik_compaction_batch>.size), flags: flags,
      bytes: chronik_bytes(ptr: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), len: bytes.count),
      base_offset: range.lowerBound, next_offset: range.upperBound)
  }
}
