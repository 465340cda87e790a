public import TierAPI

/// A compaction strategy, as a plugin author writes it in Swift. `compaction.h` states the contract of every call; the
/// names there are the same. One instance serves many partitions, from several threads at once.
public protocol CompactionStrategy: AnyObject, Sendable {
  /// What should happen to a partition, and why; changes nothing and does not block.
  func plan(_ view: CompactionView) throws(TierError) -> CompactionPlan
  /// Begins a run over a plan of this strategy's. Only asked of strategies that rewrite.
  func begin(_ view: CompactionView, _ plan: CompactionPlan) throws(TierError) -> any CompactionRun
}

extension CompactionStrategy {
  public func begin(_ view: CompactionView, _ plan: CompactionPlan) throws(TierError) -> any CompactionRun {
    throw TierError(.permanent, "begin is not among this strategy's abilities")
  }
}

/// One run over a partition's batches. Used by one thread at a time; ends when it is released.
public protocol CompactionRun: AnyObject {
  func observe(_ batch: CompactionBatch) throws(TierError) -> CompactionProgress
  func rewrite(_ batch: CompactionBatch) throws(TierError) -> CompactionVerdict
  func finish() -> CompactionResult
}

/// The topic's settings, under Kafka's names; times in ms, sizes in bytes.
public struct CompactionSettings: Sendable, Equatable {
  public var deletes: Bool
  public var compacts: Bool
  public var minCleanableDirtyRatio: Double
  public var minCompactionLag: Int64
  /// -1: none.
  public var maxCompactionLag: Int64
  public var deleteRetention: Int64
  /// -1: unlimited, as the next one.
  public var retention: Int64
  public var retentionBytes: Int64
  public var segmentBytes: Int64

  public init(
    deletes: Bool = false, compacts: Bool = true, minCleanableDirtyRatio: Double = 0.5, minCompactionLag: Int64 = 0,
    maxCompactionLag: Int64 = -1, deleteRetention: Int64 = 86_400_000, retention: Int64 = -1,
    retentionBytes: Int64 = -1, segmentBytes: Int64 = 1 << 30
  ) {
    self.deletes = deletes
    self.compacts = compacts
    self.minCleanableDirtyRatio = minCleanableDirtyRatio
    self.minCompactionLag = minCompactionLag
    self.maxCompactionLag = maxCompactionLag
    self.deleteRetention = deleteRetention
    self.retention = retention
    self.retentionBytes = retentionBytes
    self.segmentBytes = segmentBytes
  }
}

/// A partition at one moment; see `chronik_compaction_view`.
public struct CompactionView: Sendable {
  public var id: PartitionID
  public var settings: CompactionSettings
  public var segments: [chronik_segment]
  public var startOffset: Int64
  public var stableOffset: Int64
  public var rewriteStartOffset: Int64
  public var cleanedOffset: Int64
  public var now: Int64
  public var isForced: Bool

  public init(
    id: PartitionID, settings: CompactionSettings, segments: [chronik_segment], startOffset: Int64,
    stableOffset: Int64, rewriteStartOffset: Int64 = 0, cleanedOffset: Int64 = -1, now: Int64, isForced: Bool = false
  ) {
    self.id = id
    self.settings = settings
    self.segments = segments
    self.startOffset = startOffset
    self.stableOffset = stableOffset
    self.rewriteStartOffset = rewriteStartOffset
    self.cleanedOffset = cleanedOffset
    self.now = now
    self.isForced = isForced
  }
}

/// What a strategy wants; see `chronik_compaction_plan`.
public struct CompactionPlan: Sendable, Equatable {
  public enum Action: UInt32, Sendable {
    case rewrite = 1
    case delete = 2
  }

  public struct Group: Sendable, Equatable {
    public var range: Range<Int64>
    public var action: Action
    public var segmentCount: Int

    public init(_ range: Range<Int64>, _ action: Action, segmentCount: Int) {
      self.range = range
      self.action = action
      self.segmentCount = segmentCount
    }
  }

  public var groups: [Group]
  public var observed: Range<Int64>
  public var urgency: Double
  public var reason: String

  public init(groups: [Group] = [], observed: Range<Int64> = 0..<0, urgency: Double = 0, reason: String) {
    self.groups = groups
    self.observed = observed
    self.urgency = urgency
    self.reason = reason
  }
}

/// One whole record batch, borrowed for the call.
public struct CompactionBatch {
  public struct Flags: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let last = Flags(rawValue: 1)
    public static let producerLast = Flags(rawValue: 2)
    public static let committed = Flags(rawValue: 4)
    public static let aborted = Flags(rawValue: 8)
  }

  public var bytes: UnsafeRawBufferPointer
  public var baseOffset: Int64
  public var nextOffset: Int64
  public var flags: Flags

  public init(bytes: UnsafeRawBufferPointer, baseOffset: Int64, nextOffset: Int64, flags: Flags = []) {
    self.bytes = bytes
    self.baseOffset = baseOffset
    self.nextOffset = nextOffset
    self.flags = flags
  }
}

/// How far a run has seen.
public struct CompactionProgress: Sendable, Equatable {
  public var observedOffset: Int64
  public var isFull: Bool
  public init(observedOffset: Int64, isFull: Bool) {
    self.observedOffset = observedOffset
    self.isFull = isFull
  }
}

public struct CompactionVerdict: Sendable, Equatable {
  public enum Action: Sendable, Equatable {
    case keep
    case drop
    case replace([UInt8])
  }
  public var action: Action
  public var recordsKept: Int
  public init(_ action: Action, recordsKept: Int) {
    self.action = action
    self.recordsKept = recordsKept
  }
}

public struct CompactionResult: Sendable, Equatable {
  public var cleanedOffset: Int64
  public var recordsSeen: Int
  public var recordsKept: Int
  public init(cleanedOffset: Int64, recordsSeen: Int, recordsKept: Int) {
    self.cleanedOffset = cleanedOffset
    self.recordsSeen = recordsSeen
    self.recordsKept = recordsKept
  }
}
