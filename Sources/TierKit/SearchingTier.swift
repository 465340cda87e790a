/// A tier with the ability `search`, as a plugin author writes it in Swift; `ext/search.h` states the contract.
///
/// Its `extension(_:)` answers with `VTable.searchExtension(id)`.
public protocol SearchingTier: Tier {
  /// Searches `scopes` as one collection. Runs on the caller's thread, several at once; blocks until the deadline.
  ///
  /// Throws `invalidConfiguration` for a request that cannot be read, `cancelled`, or what kept everything from being
  /// searched; what kept a part of it from being searched is told by the answer.
  func search(
    _ request: SearchRequest, _ scopes: [SearchScope], source: any SearchSource
  ) throws(TierError) -> SearchOutcome
}

/// See `chronik_search_request`.
public struct SearchRequest: Sendable {
  public enum Order: UInt32, Sendable {
    case newest = 1
    case relevance = 2
  }

  /// What the caller sent; UTF-8 if it is right.
  public var query: [UInt8]
  /// Nil: any key.
  public var key: [UInt8]?
  /// Milliseconds since 1970: records from the first to before the second.
  public var since: Int64
  public var until: Int64
  public var order: Order
  public var limit: Int
  /// Empty: from the beginning.
  public var cursor: [UInt8]
  /// On the host's monotonic clock, nanoseconds.
  public var deadline: Int64
  /// 0: the tier's own bound.
  public var byteBudget: UInt64
  public var isCancelled: @Sendable () -> Bool

  public init(
    query: [UInt8], key: [UInt8]? = nil, since: Int64 = .min, until: Int64 = .max, order: Order = .newest,
    limit: Int = 10, cursor: [UInt8] = [], deadline: Int64 = .max, byteBudget: UInt64 = 0,
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.query = query
    self.key = key
    self.since = since
    self.until = until
    self.order = order
    self.limit = limit
    self.cursor = cursor
    self.deadline = deadline
    self.byteBudget = byteBudget
    self.isCancelled = isCancelled
  }
}

/// One partition to search; its place in the list is its name in hits and in calls of the source.
public struct SearchScope: Sendable {
  public var partition: any TierPartition
  public var offsets: Range<Int64>

  public init(partition: any TierPartition, offsets: Range<Int64>) {
    self.partition = partition
    self.offsets = offsets
  }
}

/// One record; see `chronik_search_hit`.
public struct SearchHit: Sendable, Equatable {
  public struct Header: Sendable, Equatable {
    public var name: [UInt8]
    public var value: [UInt8]?

    public init(name: [UInt8], value: [UInt8]?) {
      self.name = name
      self.value = value
    }
  }

  /// Its place among the scopes.
  public var partition: Int
  public var offset: Int64
  /// Milliseconds since 1970.
  public var timestamp: Int64
  public var hasAppendTime: Bool
  public var key: [UInt8]?
  public var value: [UInt8]?
  public var headers: [Header]
  public var score: Double

  public init(
    partition: Int, offset: Int64, timestamp: Int64, hasAppendTime: Bool, key: [UInt8]?, value: [UInt8]?,
    headers: [Header], score: Double
  ) {
    self.partition = partition
    self.offset = offset
    self.timestamp = timestamp
    self.hasAppendTime = hasAppendTime
    self.key = key
    self.value = value
    self.headers = headers
    self.score = score
  }
}

/// What a search found and did; see `chronik_search_result`.
public struct SearchOutcome: Sendable {
  /// Best first, at most the request's limit.
  public var hits: [SearchHit] = []
  /// Why the answer is not all there is; nil when nothing kept it from being so.
  public var reasonForPartial: String?
  public var total: UInt64 = 0
  public var totalIsExact = true
  public var objectsSearched: UInt64 = 0
  public var bytesRead: UInt64 = 0
  public var rounds: UInt64 = 0
  public var recordsScanned: UInt64 = 0
  /// At most `CHRONIK_SEARCH_CURSOR_CAPACITY` bytes; empty: nothing follows.
  public var cursor: [UInt8] = []

  public init() {}
}
