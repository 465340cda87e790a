import TierAPI

/// Swift strategies behind the C vtable of `compaction.h`. An export file looks like that of a tier, with
/// `VTable.createStrategy` and `VTable.strategy` instead.
extension VTable {
  public typealias CreateStrategy = @convention(c) (
    UnsafePointer<chronik_host>, UnsafePointer<chronik_compaction_options>,
    UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<chronik_message>
  ) -> chronik_status

  /// The body of a product's `create`.
  public static func createStrategy(
    _ host: UnsafePointer<chronik_host>, _ options: UnsafePointer<chronik_compaction_options>,
    _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ message: UnsafeMutablePointer<chronik_message>,
    _ make: (HostServices, CompactionOptions) throws(TierError) -> any CompactionStrategy
  ) -> chronik_status {
    report(message) { () throws(TierError) in
      let strategy = try make(HostServices(host), CompactionOptions(options))
      out.pointee = Unmanaged.passRetained(StrategyBox(strategy)).toOpaque()
      return CHRONIK_OK
    }
  }

  /// One product. Called once per product when the library is asked for its entry.
  public static func strategy(
    _ description: CompactionDescription, create: @escaping CreateStrategy
  ) -> chronik_compaction_product {
    let table = UnsafeMutablePointer<chronik_compaction>.allocate(capacity: 1)
    let size = MemoryLayout<chronik_compaction>.size
    UnsafeMutableRawPointer(table).initializeMemory(as: UInt8.self, repeating: 0, count: size)
    table.pointee.struct_size = UInt32(size)
    table.pointee.create = create
    table.pointee.destroy = { Unmanaged<StrategyBox>.fromOpaque($0).release() }
    table.pointee.plan = { me, view, plan, message in
      VTable.report(message) { () throws(TierError) in
        try me.strategy.plan(CompactionView(view)).write(to: plan)
        return CHRONIK_OK
      }
    }
    if description.abilities.contains(.rewrite) { setRun(&table.pointee) }
    return chronik_compaction_product(descriptor: description.makeDescriptor(), strategy: UnsafePointer(table))
  }

  private static func setRun(_ table: inout chronik_compaction) {
    table.begin = { me, view, plan, out, message in
      VTable.report(message) { () throws(TierError) in
        let run = try me.strategy.begin(CompactionView(view), CompactionPlan(plan))
        out.pointee = Unmanaged.passRetained(RunBox(run)).toOpaque()
        return CHRONIK_OK
      }
    }
    table.observe = { _, run, batch, progress, message in
      VTable.report(message) { () throws(TierError) in
        let seen = try run.run.run.observe(CompactionBatch(batch))
        progress.pointee.is_full = seen.isFull ? 1 : 0
        progress.pointee.observed_offset = seen.observedOffset
        return CHRONIK_OK
      }
    }
    table.rewrite = { _, run, batch, verdict, message in
      VTable.report(message) { () throws(TierError) in
        let box = run.run
        try box.lend(box.run.rewrite(CompactionBatch(batch)), to: verdict)
        return CHRONIK_OK
      }
    }
    table.finish = { _, run, result in
      let box = Unmanaged<RunBox>.fromOpaque(run).takeRetainedValue()
      let summary = box.run.finish()
      result.pointee.cleaned_offset = summary.cleanedOffset
      result.pointee.records_seen = UInt64(summary.recordsSeen)
      result.pointee.records_kept = UInt64(summary.recordsKept)
    }
  }
}

private final class StrategyBox: Sendable {
  let strategy: any CompactionStrategy
  init(_ strategy: any CompactionStrategy) { self.strategy = strategy }
}

/// A run and the bytes that it lends until its next call.
private final class RunBox {
  let run: any CompactionRun
  private var lent = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  init(_ run: any CompactionRun) { self.run = run }

  deinit { lent.deallocate() }

  func lend(_ verdict: CompactionVerdict, to out: UnsafeMutablePointer<chronik_compaction_verdict>) {
    out.pointee.records_kept = UInt64(verdict.recordsKept)
    out.pointee.bytes = chronik_bytes(ptr: nil, len: 0)
    switch verdict.action {
    case .keep: out.pointee.action = CHRONIK_VERDICT_KEEP
    case .drop: out.pointee.action = CHRONIK_VERDICT_DROP
    case .replace(let bytes):
      if lent.count < bytes.count {
        lent.deallocate()
        lent = .allocate(byteCount: bytes.count, alignment: 8)
      }
      lent.copyBytes(from: bytes)
      out.pointee.action = CHRONIK_VERDICT_REPLACE
      out.pointee.bytes = chronik_bytes(
        ptr: lent.baseAddress.map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) }, len: bytes.count)
    }
  }
}

extension UnsafeMutableRawPointer {
  fileprivate var strategy: any CompactionStrategy {
    Unmanaged<StrategyBox>.fromOpaque(self)._withUnsafeGuaranteedRef { $0.strategy }
  }
  fileprivate var run: RunBox { Unmanaged<RunBox>.fromOpaque(self).takeUnretainedValue() }
}

// MARK: values

extension CompactionView {
  init(_ raw: UnsafePointer<chronik_compaction_view>) {
    let settings = raw.pointee.settings.pointee
    self.init(
      id: PartitionID(raw.pointee.id),
      settings: CompactionSettings(
        deletes: settings.policy & CHRONIK_POLICY_DELETE != 0, compacts: settings.policy & CHRONIK_POLICY_COMPACT != 0,
        minCleanableDirtyRatio: settings.min_cleanable_dirty_ratio, minCompactionLag: settings.min_compaction_lag_ms,
        maxCompactionLag: settings.max_compaction_lag_ms, deleteRetention: settings.delete_retention_ms,
        retention: settings.retention_ms, retentionBytes: settings.retention_bytes,
        segmentBytes: settings.segment_bytes),
      segments: Array(UnsafeBufferPointer(start: raw.pointee.segments, count: raw.pointee.segment_count)),
      startOffset: raw.pointee.start_offset, stableOffset: raw.pointee.stable_offset,
      rewriteStartOffset: raw.pointee.rewrite_start_offset, cleanedOffset: raw.pointee.cleaned_offset,
      now: raw.pointee.now_ms, isForced: raw.pointee.flags & CHRONIK_COMPACTION_FORCED != 0)
  }
}

extension CompactionBatch {
  init(_ raw: UnsafePointer<chronik_compaction_batch>) {
    self.init(
      bytes: UnsafeRawBufferPointer(start: raw.pointee.bytes.ptr, count: raw.pointee.bytes.len),
      baseOffset: raw.pointee.base_offset, nextOffset: raw.pointee.next_offset,
      flags: Flags(rawValue: raw.pointee.flags))
  }
}

extension CompactionPlan {
  init(_ raw: UnsafePointer<chronik_compaction_plan>) {
    let list = UnsafeBufferPointer(start: raw.pointee.groups, count: Int(raw.pointee.group_count))
    self.init(
      groups: list.map { group in
        Group(
          group.first_offset..<group.next_offset, Action(rawValue: group.action) ?? .rewrite,
          segmentCount: Int(group.segment_count))
      },
      observed: raw.pointee.observe_start..<max(raw.pointee.observe_start, raw.pointee.observe_end),
      urgency: raw.pointee.urgency, reason: "")
  }

  /// Groups beyond the host's capacity are left out, and nothing behind them is observed: the next plan begins there.
  func write(to out: UnsafeMutablePointer<chronik_compaction_plan>) {
    let count = min(groups.count, Int(out.pointee.capacity))
    var observed = observed
    if count < groups.count, count > 0 {
      let end = max(observed.lowerBound, min(observed.upperBound, groups[count - 1].range.upperBound))
      observed = observed.lowerBound..<end
    }
    for (index, group) in groups.prefix(count).enumerated() {
      out.pointee.groups[index] = chronik_compaction_group(
        first_offset: group.range.lowerBound, next_offset: group.range.upperBound, action: group.action.rawValue,
        segment_count: UInt32(group.segmentCount), reserved: (0, 0))
    }
    out.pointee.group_count = UInt32(count)
    out.pointee.observe_start = observed.lowerBound
    out.pointee.observe_end = observed.upperBound
    out.pointee.urgency = urgency
    _ = TierError(.permanent, reason).report(into: out.pointee.reason)
  }
}

extension TierOptions {
  init(_ raw: UnsafePointer<chronik_compaction_options>) {
    var settings: [String: String] = [:]
    let list = UnsafeBufferPointer(
      start: raw.pointee.settings, count: raw.pointee.settings == nil ? 0 : Int(raw.pointee.setting_count))
    for setting in list { settings[String(setting.key)] = String(setting.value) }
    self.init(instanceName: String(raw.pointee.instance_name), dataDirectory: "", settings: settings)
  }
}
