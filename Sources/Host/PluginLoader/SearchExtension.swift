import TierAPI

/// The table of "chronik.search/1" of one tier instance, copied, so that members an older library lacks read as absent.
/// Any thread; valid while the instance lives, which it keeps alive.
public struct SearchExtension: @unchecked Sendable {
  public let tier: TierHandle
  let search: @convention(c) (
    UnsafeMutableRawPointer, UnsafePointer<chronik_search_request>, UnsafePointer<chronik_search_partition>, Int,
    UnsafePointer<chronik_search_source>,
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<chronik_search_hit>) -> Void, UnsafeMutableRawPointer?,
    UnsafeMutablePointer<chronik_search_result>, UnsafeMutablePointer<chronik_message>
  ) -> chronik_status

  /// Nil when the tier does not have the ability. A tier that has it and offers no usable table is refused.
  public init?(_ tier: TierHandle) throws(TierFailure) {
    guard tier.has(CHRONIK_TIER_SEARCH) else { return nil }
    let origin = "\(tier.name).get_extension"
    guard let raw = tier.extension(CHRONIK_EXTENSION_SEARCH) else {
      throw TierFailure(
        .permanent, origin: origin, message: "has the ability to search but offers no \(CHRONIK_EXTENSION_SEARCH)")
    }
    let table = raw.assumingMemoryBound(to: chronik_search.self)
    let size = Int(table.pointee.struct_size)
    guard size >= MemoryLayout<chronik_search>.size else {
      throw TierFailure(
        .permanent, origin: origin,
        message: "its search table is \(size) bytes, ABI 1.0 has \(MemoryLayout<chronik_search>.size)")
    }
    let searchOffset = MemoryLayout<chronik_search>.offset(of: \.search)!
    guard raw.load(fromByteOffset: searchOffset, as: UInt.self) != 0 else {
      throw TierFailure(.permanent, origin: origin, message: "its search table has no function search")
    }
    self.tier = tier
    search = table.pointee.search
  }
}

/// What is searched for; the names are those of `chronik_search_request`.
public struct SearchRequest: Sendable {
  public enum Order: Sendable { case newest, relevance }
  public static let limitMax = 10_000

  public var query: String
  public var key: [UInt8]?
  /// ms since 1970, `Int64.min` without a bound.
  public var since = Int64.min
  /// ms since 1970, exclusive, `Int64.max` without a bound.
  public var until = Int64.max
  public var order = Order.newest
  /// 1 to `limitMax`.
  public var limit = 20
  public var cursor: [UInt8] = []
  /// On the host's monotonic clock.
  public var deadlineNanoseconds: Int64
  /// 0: the tier's own bound.
  public var byteBudget: UInt64 = 0

  public init(query: String, deadlineNanoseconds: Int64) {
    self.query = query
    self.deadlineNanoseconds = deadlineNanoseconds
  }
}

/// A partition to search, open during the call.
public struct SearchTarget: Sendable {
  public var partition: TierPartition
  /// The offsets that may be found.
  public var range: Range<Int64>
  /// The offsets that may be read: from the log's start to its high watermark, because how a transaction ended may
  /// stand behind the range.
  public var readable: Range<Int64>

  public init(partition: TierPartition, range: Range<Int64>, readable: Range<Int64>) {
    self.partition = partition
    self.range = range
    self.readable = readable
  }
}

/// What the host offers the searching tier during one search. Called from any thread, also several at once.
public protocol SearchHost: AnyObject, Sendable {
  var isCancelled: Bool { get }
  /// Whole batches of the whole chain from the one that contains `offset`, which is readable.
  func read(target: Int, offset: Int64, endOffset: Int64, maxBytes: Int, minOneBatch: Bool) -> Result<
    SearchRead, TierFailure
  >
}

/// An answer of ``SearchHost/read(target:offset:endOffset:maxBytes:minOneBatch:)``.
public struct SearchRead: Sendable {
  public var extents: [Extent]
  /// Base offset of the first batch.
  public var startOffset: Int64
  public var nextOffset: Int64

  public init(extents: [Extent], startOffset: Int64, nextOffset: Int64) {
    self.extents = extents
    self.startOffset = startOffset
    self.nextOffset = nextOffset
  }
}

/// A record that was found; the bytes are borrowed for the visit.
public struct SearchHit {
  public var target: Int
  public var offset: Int64
  /// ms since 1970.
  public var timestamp: Int64
  public var isAppendTime: Bool
  public var key: UnsafeRawBufferPointer?
  public var value: UnsafeRawBufferPointer?
  public var headers: [(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?)]
  public var score: Double
}

/// What a search did.
public struct SearchSummary: Sendable, Equatable {
  public var isPartial: Bool
  public var isTotalExact: Bool
  /// Records that match, or a lower bound.
  public var total: UInt64
  public var objectsSearched: UInt64
  public var bytesRead: UInt64
  public var rounds: UInt64
  public var recordsScanned: UInt64
  /// Empty: nothing follows.
  public var cursor: [UInt8]
  /// Why the answer is partial, as the tier says it; empty otherwise.
  public var reason: String
}
