import ArchiveFormat
import TierKit

/// The segment index as JSON. Nothing needs escaping: topic names and keys have neither quotes nor control characters.
enum IndexJSON {
  /// Up to the bracket that opens the list of objects.
  static func head(of partition: PartitionObjects) -> String {
    let id = partition.id
    let directory = ObjectName.directory(topic: id.topic, topicID: id.topicID, partition: id.partition)
    let objects = "\"start_offset\":\(partition.startOffset),\"end_offset\":\(partition.endOffset)"
    return "{\"topic\":\"\(id.topic)\",\"topic_id\":\"\(hex(id.topicID))\",\"partition\":\(id.partition),"
      + "\"directory\":\"\(directory)\",\(objects),\"objects\":["
  }

  /// What is missing of a lost object, and since when that is known, milliseconds since 1970.
  static func text(of lost: LostObject, missing: [Range<Int64>]) -> String {
    let ranges = missing.map { "{\"base_offset\":\($0.lowerBound),\"next_offset\":\($0.upperBound)}" }
    return "{\"object\":\(text(of: lost.object)),\"noticed_at\":\(lost.noticedAt),"
      + "\"missing\":[\(ranges.joined(separator: ","))]}"
  }

  /// Unknown numbers are null.
  static func text(of object: IndexedObject) -> String {
    let name = object.name
    func number(_ value: Int64) -> String { value < 0 ? "null" : String(value) }
    return "{\"key\":\"\(object.key)\",\"base_offset\":\(name.baseOffset),\"next_offset\":\(name.lastOffset + 1),"
      + "\"byte_count\":\(object.byteCount),\"record_byte_count\":\(number(object.rawByteCount)),"
      + "\"min_timestamp\":\(number(object.minTimestamp)),\"max_timestamp\":\(name.maxTimestamp),"
      + "\"leader_epoch\":\(name.leaderEpoch),\"generation\":\(name.generation)}"
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
