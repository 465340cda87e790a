/// A tier that keeps objects in a store and an index of them, as a plugin author writes it in Swift;
/// `ext/archive.h` states the contract. Its `extension(_:)` answers with `VTable.archiveExtension(id)`.
///
/// `progress` is called on the caller's thread with what is done and how much there is (0: not known yet); false ends
/// the call with `cancelled`.
public protocol ArchivingTier: Tier {
  func rebuild(progress: (_ done: UInt64, _ total: UInt64) -> Bool) throws(TierError) -> ArchiveSummary
  func verify(
    readsEverything: Bool, progress: (_ done: UInt64, _ total: UInt64) -> Bool, _ visit: (ArchiveFinding) -> Void
  ) throws(TierError) -> ArchiveSummary
  /// JSON in pieces; `topic` nil: all topics.
  func exportJSON(topic: String?, _ write: (String) -> Void) throws(TierError)
  /// Carries out what is to be deleted; the default says that this is not offered.
  func finishDeletions(progress: (_ done: UInt64, _ total: UInt64) -> Bool) throws(TierError) -> ArchiveSummary
}

extension ArchivingTier {
  public func finishDeletions(progress: (_ done: UInt64, _ total: UInt64) -> Bool) throws(TierError) -> ArchiveSummary {
    throw .notOffered("finish_deletions")
  }
}

/// What is wrong with an archive, in one place.
public struct ArchiveFinding: Sendable, Equatable {
  public enum Kind: UInt32, Sendable, CaseIterable {
    case objectWithoutEntry = 1
    case entryWithoutObject = 2
    case damaged = 3
    case gap = 4
    case foreign = 5
    case lost = 6
  }

  public var kind: Kind
  /// The object's key, or the partition for a gap.
  public var key: String
  /// One sentence.
  public var detail: String

  public init(_ kind: Kind, _ key: String, _ detail: String) {
    self.kind = kind
    self.key = key
    self.detail = detail
  }
}

/// See `chronik_archive_summary`.
public struct ArchiveSummary: Sendable, Equatable {
  public var partitions: UInt64 = 0
  public var objects: UInt64 = 0
  public var objectBytes: UInt64 = 0
  public var recordBytes: UInt64 = 0
  public var findings: UInt64 = 0
  public var repaired: UInt64 = 0
  public var pendingDeletions: UInt64 = 0

  public init() {}
}
