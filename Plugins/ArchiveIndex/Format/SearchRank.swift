/// Where a record stands in an answer: `a < b` when a comes first. A total order over the records of a search that
/// depends on the record alone (and, by relevance, on the statistics), so that it stays as it is while records are
/// appended, archived and deleted.
///
/// Newest first: the later timestamp, then the lower partition, then the higher offset; `score` is 0. By relevance: the
/// better score, then the lower partition, then the higher offset; `timestamp` is 0.
package struct SearchRank: Comparable, Hashable, Sendable, BitwiseCopyable {
  package var score: Double
  /// Milliseconds since 1970.
  package var timestamp: Int64
  /// Its place among the partitions searched; 0 within an object.
  package var partition: Int
  package var offset: Int64

  package init(score: Double = 0, timestamp: Int64 = 0, partition: Int = 0, offset: Int64) {
    self.score = score
    self.timestamp = timestamp
    self.partition = partition
    self.offset = offset
  }

  package init(_ found: FoundRecord, _ order: Query.Order, partition: Int = 0) {
    let timestamp = order == .newest ? found.record.timestamp : 0
    self.init(score: found.score, timestamp: timestamp, partition: partition, offset: found.record.offset)
  }

  package static func < (a: SearchRank, b: SearchRank) -> Bool {
    if a.score != b.score { return a.score > b.score }
    if a.timestamp != b.timestamp { return a.timestamp > b.timestamp }
    if a.partition != b.partition { return a.partition < b.partition }
    return a.offset > b.offset
  }
}

/// The first of the records that were offered, in the answer's order: at most `limit` of them, and at most
/// `byteCountMax` bytes but always one. What was left out because of its bytes ends the answer there: no later record
/// is kept, so that the next page begins with it.
package struct BestRecords: Sendable {
  package private(set) var ranks: [SearchRank] = []
  package private(set) var records: [FoundRecord] = []
  /// The first record that was left out because of its bytes.
  package private(set) var cut: SearchRank?
  private let limit: Int
  private let byteCountMax: Int
  private var byteCount = 0

  package init(limit: Int, byteCountMax: Int = .max) {
    precondition(limit > 0)
    self.limit = limit
    self.byteCountMax = byteCountMax
  }

  package var isFull: Bool { ranks.count == limit }

  /// False when a record of this rank would be left out.
  package func wants(_ rank: SearchRank) -> Bool {
    if let cut, !(rank < cut) { return false }
    guard isFull else { return true }
    return rank < ranks[limit - 1]
  }

  /// Records below this timestamp are left out, in the order newest first; nil while every record is wanted.
  package var floor: Int64? {
    let last = isFull ? ranks[limit - 1].timestamp : nil
    guard let cut else { return last }
    return max(cut.timestamp, last ?? .min)
  }

  package mutating func insert(_ record: FoundRecord, _ rank: SearchRank) {
    guard wants(rank) else { return }
    let index = ranks.partitioningIndex { rank < $0 }
    ranks.insert(rank, at: index)
    records.insert(record, at: index)
    byteCount += record.byteCount
    if ranks.count > limit { removeLast() }
    while byteCount > byteCountMax, ranks.count > 1 { endBefore(removeLast()) }
  }

  /// Nothing from this rank on is kept, now and later.
  package mutating func endBefore(_ rank: SearchRank) {
    if let cut, cut < rank { return }
    cut = rank
    while let last = ranks.last, !(last < rank) { removeLast() }
  }

  @discardableResult
  private mutating func removeLast() -> SearchRank {
    byteCount -= records.removeLast().byteCount
    return ranks.removeLast()
  }
}

extension FoundRecord {
  /// About what the record takes in memory.
  var byteCount: Int {
    let headers = record.headers.reduce(0) { $0 + $1.key.count + ($1.value?.count ?? 0) + 64 }
    return (record.key?.count ?? 0) + (record.value?.count ?? 0) + headers + 192
  }
}
