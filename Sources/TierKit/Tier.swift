import TierAPI

/// One instance of a tier, as a plugin author writes it in Swift. `tier.h` states the contract of every call; the names
/// there are the same. Implementations hold their own locks: calls for different partitions run at the same time.
public protocol Tier: AnyObject, Sendable {
  func start() throws(TierError)
  func stop()
  func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierPartition
  func deletePartition(_ id: PartitionID) throws(TierError)
  /// Everything held, open or not.
  func listPartitions() throws(TierError) -> [PartitionID]
  /// Makes what was appended before the call durable, all partitions together; one result for each, in order.
  func flush(_ partitions: [any TierPartition]) -> [Result<Int64, TierError>]
  /// The table of an optional ability (`chronik.search/1`), or nil. The same pointer on every call, valid while the
  /// instance lives.
  func `extension`(_ id: String) -> UnsafeRawPointer?
}

/// An open partition of a tier. The ability that a function belongs to is stated in `tier.h`; those outside a tier's
/// abilities keep the default, which refuses.
public protocol TierPartition: AnyObject, Sendable {
  var state: PartitionState { get }
  func close()
  func configure(_ settings: PartitionSettings) throws(TierError)
  /// All or nothing; `.wouldBlock` only when `nonblocking`.
  func append(_ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool) throws(TierError) -> ReadOutcome
  func truncate(to offset: Int64) throws(TierError)
  func advanceStart(to offset: Int64) throws(TierError)
  func read(_ request: ReadRequest, into answer: borrowing ReadAnswer) throws(TierError) -> ReadOutcome
  /// Base offset and maxTimestamp of the first batch that reaches `timestamp` (ms) within the range; nil: none here.
  func findTimestamp(
    _ timestamp: Int64, in range: Range<Int64>, nonblocking: Bool
  ) throws(TierError) -> TimestampOutcome
  /// In offset order from the segment that contains `offset`, at most `limit`.
  func segments(from offset: Int64, limit: Int) throws(TierError) -> [chronik_segment]
  func seal() throws(TierError)
  func evict(before offset: Int64) throws(TierError)
  func importSegment(
    _ segment: chronik_segment, _ extents: UnsafeBufferPointer<chronik_extent>, attempt: [UInt8],
    isCancelled: () -> Bool
  ) throws(TierError)
  func replaceSegments(_ range: Range<Int64>, with extents: UnsafeBufferPointer<chronik_extent>) throws(TierError)
}

public enum TimestampOutcome: Sendable, Equatable {
  case found(baseOffset: Int64, maxTimestamp: Int64)
  case miss
  case wouldBlock
}

extension Tier {
  public func `extension`(_ id: String) -> UnsafeRawPointer? { nil }
  public func start() throws(TierError) {}
  public func stop() {}
  public func deletePartition(_ id: PartitionID) throws(TierError) {}
  public func listPartitions() throws(TierError) -> [PartitionID] { [] }
  public func flush(_ partitions: [any TierPartition]) -> [Result<Int64, TierError>] {
    partitions.map { _ in .failure(.notOffered("flush")) }
  }
}

extension TierPartition {
  public func close() {}
  public func configure(_ settings: PartitionSettings) throws(TierError) {}
  public func append(
    _ batches: UnsafeBufferPointer<chronik_batch>, nonblocking: Bool
  ) throws(TierError) -> ReadOutcome { throw .notOffered("append") }
  public func truncate(to offset: Int64) throws(TierError) { throw .notOffered("truncate") }
  public func advanceStart(to offset: Int64) throws(TierError) { throw .notOffered("advance_start") }
  public func findTimestamp(
    _ timestamp: Int64, in range: Range<Int64>, nonblocking: Bool
  ) throws(TierError) -> TimestampOutcome { throw .notOffered("find_timestamp") }
  public func segments(from offset: Int64, limit: Int) throws(TierError) -> [chronik_segment] {
    throw .notOffered("segments")
  }
  public func seal() throws(TierError) { throw .notOffered("seal") }
  public func evict(before offset: Int64) throws(TierError) { throw .notOffered("evict") }
  public func importSegment(
    _ segment: chronik_segment, _ extents: UnsafeBufferPointer<chronik_extent>, attempt: [UInt8],
    isCancelled: () -> Bool
  ) throws(TierError) { throw .notOffered("import_segment") }
  public func replaceSegments(
    _ range: Range<Int64>, with extents: UnsafeBufferPointer<chronik_extent>
  ) throws(TierError) { throw .notOffered("replace_segments") }
}

extension TierError {
  static func notOffered(_ function: String) -> TierError {
    TierError(.permanent, "\(function) is not among this tier's abilities")
  }
}
