public import TierAPI

/// A partition at one moment, as a strategy is shown it; see `chronik_compaction_view`.
public struct CompactionView: Sendable {
  public var id: PartitionIdentity
  public var settings: chronik_compaction_settings
  /// Of the tier that would be changed, in offset order; the active one is last.
  public var segments: [chronik_segment]
  public var startOffset: Int64
  public var stableOffset: Int64
  public var rewriteStartOffset: Int64
  public var cleanedOffset: Int64
  /// ms since 1970.
  public var now: Int64
  public var isForced: Bool

  public init(
    id: PartitionIdentity, settings: chronik_compaction_settings, segments: [chronik_segment], startOffset: Int64,
    stableOffset: Int64, rewriteStartOffset: Int64, cleanedOffset: Int64, now: Int64, isForced: Bool
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

  func withRaw<R>(_ body: (UnsafePointer<chronik_compaction_view>) -> R) -> R {
    id.withRaw { id in
      withUnsafePointer(to: settings) { settings in
        segments.withUnsafeBufferPointer { segments in
          // An empty array may have no address, and the pointer is not nullable; nothing is read through it then.
          let none = UnsafePointer<chronik_segment>(bitPattern: MemoryLayout<chronik_segment>.alignment)!
          var raw = chronik_compaction_view(
            struct_size: UInt32(MemoryLayout<chronik_compaction_view>.size),
            flags: isForced ? CHRONIK_COMPACTION_FORCED : 0, id: id, settings: settings,
            segments: segments.baseAddress ?? none, segment_count: segments.count, start_offset: startOffset,
            stable_offset: stableOffset, rewrite_start_offset: rewriteStartOffset, cleaned_offset: cleanedOffset,
            now_ms: now)
          return body(&raw)
        }
      }
    }
  }
}

/// What a strategy wants, after it was found to be possible.
public struct CompactionPlan: Sendable {
  public enum Action: Sendable, Equatable {
    case rewrite
    case delete
  }

  public struct Group: Sendable {
    public var range: Range<Int64>
    public var action: Action
    /// The whole sealed segments that cover the range, in order.
    public var segments: [chronik_segment]

    public var byteCount: Int64 { segments.reduce(0) { $0 + $1.byte_count } }
  }

  /// Empty: nothing to do.
  public var groups: [Group]
  public var observed: Range<Int64>
  public var urgency: Double
  public var reason: String
}
