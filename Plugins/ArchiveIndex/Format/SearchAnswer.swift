/// A record that answers a query.
public struct FoundRecord: Sendable, Equatable {
  public var record: ArchivedRecord
  /// 0 when the order is not relevance.
  public var score: Double
}

/// How much a search may do.
public struct SearchBudget {
  /// Bytes of frames to read; checked before every round, so one round may exceed it.
  public var byteCountMax: Int
  /// Bytes of the records in the answer: beyond, the answer ends early, with one record at least.
  public var hitByteCountMax: Int
  /// Asked before every round of reads: true ends the search.
  public var isExhausted: () -> Bool
  /// Newest first: records with a timestamp below this are not wanted any more, because enough later ones were found
  /// elsewhere; nil while all are. May rise during the search.
  public var floor: () -> Int64?

  public init(
    byteCountMax: Int = .max, hitByteCountMax: Int = .max, isExhausted: @escaping () -> Bool = { false },
    floor: @escaping () -> Int64? = { nil }
  ) {
    self.byteCountMax = byteCountMax
    self.hitByteCountMax = hitByteCountMax
    self.floor = floor
    self.isExhausted = isExhausted
  }
}

/// The answer of one object, or of unsealed bytes.
public struct SearchAnswer: Sendable, Equatable {
  /// At most the query's limit, in its order: newest first, or best first and then the highest offset.
  public var records: [FoundRecord] = []
  /// Records that answer the query, `records` and others.
  public var total = 0
  /// False when `total` is only what was seen.
  public var totalIsExact = true
  /// True when the budget ended the search: there may be more, and better ones.
  public var isPartial = false
  /// The record that had to be left out because of the answer's bytes; none behind it is in `records`.
  package var cut: SearchRank?
}
