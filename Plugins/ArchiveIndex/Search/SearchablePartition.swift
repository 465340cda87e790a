package import ArchiveFormat
package import TierKit

/// What a search needs of an open partition.
package protocol SearchablePartition: AnyObject, Sendable {
  associatedtype Source: RangeSource & Sendable
  /// Objects in use that hold offsets of the range, by offset: a snapshot.
  func objects(in range: Range<Int64>) -> [ObjectName]
  /// A reader whose footer is loaded (from the local cache, else from the store); its source reads through the chunk
  /// cache. Blocks.
  func reader(for object: ObjectName, _ call: StoreCall) throws(TierError) -> ArchiveReader<Source>
  /// What was read of an object is not what its writer wrote: every copy of it that is kept here is forgotten.
  func forget(_ object: ObjectName)
}
