import ArchiveFormat
import TierKit

// What is to be deleted is a job in the segment index, and the index can be lost. A listing would then bring back what
// was promised to go. So the promise is in the store as well: an object below the partition's directory, there before
// the deletion counts as accepted and gone after everything else.
//
//   <topic>~<topic id>/<partition>/partition.deleted
//
// Its name is none of an archive object's and sorts behind all of them.

/// The mark of a partition that is to be deleted.
enum Tombstone {
  private static let name = "partition.deleted"
  /// For people; nobody reads it.
  static let content = Array("every object beside this one is to be deleted\n".utf8)

  static func key(of id: PartitionID) -> String {
    ObjectName.directory(topic: id.topic, topicID: id.topicID, partition: id.partition) + name
  }

  /// The partition whose mark this is; nil for every other key.
  static func partition(ofKey key: String) -> PartitionID? {
    guard key.hasSuffix("/" + name), let place = ObjectName.place(ofDirectory: key.dropLast(name.utf8.count)) else {
      return nil
    }
    return PartitionID(topic: place.topic, topicID: place.topicID, partition: place.partition)
  }
}
