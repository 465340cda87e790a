import ArchiveFormat
import TierKit

/// An object as the index knows it: its name and what the name does not say.
package struct IndexedObject: Sendable, Equatable {
  package var name: ObjectName
  /// Bytes of the object in its store.
  package var byteCount: Int64
  /// Bytes of the batches in it; -1 until its footer was read, for objects found by listing.
  package var rawByteCount: Int64 = -1
  /// Milliseconds since 1970; -1 unknown.
  package var minTimestamp: Int64 = -1
  /// Base offset of the batch with the largest timestamp; -1 unknown.
  package var maxTimestampOffset: Int64 = -1

  package init(name: ObjectName, byteCount: Int64) {
    self.name = name
    self.byteCount = byteCount
  }

  package var key: String { name.path }
  /// Of all records, milliseconds since 1970; -1: none. A name has 0 also for records without a time, which retention
  /// must not take for records of 1970.
  package var maxTimestamp: Int64 { name.maxTimestamp > 0 || minTimestamp >= 0 ? name.maxTimestamp : -1 }
  package var id: PartitionID { PartitionID(topic: name.topic, topicID: name.topicID, partition: name.partition) }
}

/// An object that was archived and that the store no longer has, although nobody deleted it.
package struct LostObject: Sendable, Equatable {
  /// As the index had it.
  package var object: IndexedObject
  /// When its absence was noticed, milliseconds since 1970.
  package var noticedAt: Int64
}

/// One step in the life of the archive. Applying a change twice is the same as once.
package enum IndexChange: Sendable, Equatable {
  /// The object is complete in the store and may be read.
  case add(IndexedObject)
  /// The store has lost the object. Readers no longer see it, and its offsets are remembered until it is back (`add`),
  /// or the start of the log passes them, or the partition is deleted.
  case lose(LostObject)
  /// Readers no longer see the object. Its bytes are nobody's business here: see `deleteObject`.
  case remove(ObjectName)
  /// Nothing below the offset is read again.
  case start(PartitionID, Int64)
  /// The offsets up to here were imported and hold no batch; the next object takes them in.
  case emptyEnd(PartitionID, Int64)
  /// The object with this key is to be deleted from the store …
  case deleteObject(key: String)
  /// … and is gone.
  case objectDeleted(key: String)
  /// Everything of the partition, known or not, is to be deleted from the store …
  case deletePartition(PartitionID)
  /// … and is gone.
  case partitionDeleted(PartitionID)
  /// The index describes the store with this id.
  case storeID(String)
}

// CHANGE   u8 kind, then
//   1 add               vi len, [len] key ; u64 byte_count ; i64 raw_byte_count ; i64 min_ts ; i64 max_ts_offset
//   2 remove            vi len, [len] key
//   3 start             PARTITION ; i64 offset
//   4 empty end         PARTITION ; i64 offset
//   5 delete object     vi len, [len] key            6 object deleted      the same
//   7 delete partition  PARTITION                    8 partition deleted   the same
//   9 store id          vi len, [len] id
//  10 lose              as add ; i64 noticed at, ms since 1970            (from version 2 of the file on)
// PARTITION  [16] topic id ; u32 partition ; vi len, [len] topic

extension IndexChange {
  func encode(to output: inout IndexOutput) {
    switch self {
    case .add(let object): Self.encode(1, object, to: &output)
    case .lose(let lost):
      Self.encode(10, lost.object, to: &output)
      output.append(fixed: lost.noticedAt)
    case .remove(let name):
      output.append(2)
      output.append(counted: name.path.utf8)
    case .start(let id, let offset): Self.encode(3, id, offset, to: &output)
    case .emptyEnd(let id, let offset): Self.encode(4, id, offset, to: &output)
    case .deleteObject(let key): Self.encode(5, key, to: &output)
    case .objectDeleted(let key): Self.encode(6, key, to: &output)
    case .deletePartition(let id): Self.encode(7, id, nil, to: &output)
    case .partitionDeleted(let id): Self.encode(8, id, nil, to: &output)
    case .storeID(let id): Self.encode(9, id, to: &output)
    }
  }

  private static func encode(_ kind: UInt8, _ object: IndexedObject, to output: inout IndexOutput) {
    output.append(kind)
    output.append(counted: object.key.utf8)
    output.append(fixed: object.byteCount)
    output.append(fixed: object.rawByteCount)
    output.append(fixed: object.minTimestamp)
    output.append(fixed: object.maxTimestampOffset)
  }

  private static func encode(_ kind: UInt8, _ key: String, to output: inout IndexOutput) {
    output.append(kind)
    output.append(counted: key.utf8)
  }

  private static func encode(_ kind: UInt8, _ id: PartitionID, _ offset: Int64?, to output: inout IndexOutput) {
    output.append(kind)
    output.append(id.topicID)
    output.append(fixed: UInt32(bitPattern: id.partition))
    output.append(counted: id.topic.utf8)
    if let offset { output.append(fixed: offset) }
  }

  init(_ input: inout IndexInput) throws(IndexDefect) {
    let kind = try input.byte()
    switch kind {
    case 1: self = .add(try Self.object(&input))
    case 2: self = .remove(try Self.name(&input))
    case 3: self = .start(try Self.id(&input), try Self.offset(&input))
    case 4: self = .emptyEnd(try Self.id(&input), try Self.offset(&input))
    case 5: self = .deleteObject(key: try Self.text(&input))
    case 6: self = .objectDeleted(key: try Self.text(&input))
    case 7: self = .deletePartition(try Self.id(&input))
    case 8: self = .partitionDeleted(try Self.id(&input))
    case 9: self = .storeID(try Self.text(&input))
    case 10: self = .lose(LostObject(object: try Self.object(&input), noticedAt: try input.fixed(Int64.self)))
    default: throw IndexDefect()
    }
  }

  private static func object(_ input: inout IndexInput) throws(IndexDefect) -> IndexedObject {
    var object = IndexedObject(name: try name(&input), byteCount: try input.fixed(Int64.self))
    object.rawByteCount = try input.fixed(Int64.self)
    object.minTimestamp = try input.fixed(Int64.self)
    object.maxTimestampOffset = try input.fixed(Int64.self)
    guard object.byteCount >= 0 else { throw IndexDefect() }
    return object
  }

  private static func text(_ input: inout IndexInput) throws(IndexDefect) -> String {
    String(decoding: try input.counted(), as: UTF8.self)
  }

  private static func name(_ input: inout IndexInput) throws(IndexDefect) -> ObjectName {
    guard let name = ObjectName(path: try text(&input)) else { throw IndexDefect() }
    return name
  }

  private static func offset(_ input: inout IndexInput) throws(IndexDefect) -> Int64 {
    let offset = try input.fixed(Int64.self)
    guard offset >= 0 else { throw IndexDefect() }
    return offset
  }

  private static func id(_ input: inout IndexInput) throws(IndexDefect) -> PartitionID {
    let topicID = Array(try input.take(16))
    let partition = Int32(bitPattern: try input.fixed(UInt32.self))
    guard partition >= 0 else { throw IndexDefect() }
    return PartitionID(topic: try text(&input), topicID: topicID, partition: partition)
  }
}
