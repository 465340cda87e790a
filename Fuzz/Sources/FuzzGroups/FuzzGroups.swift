import KafkaProtocol
import KafkaRecords

@testable import HostParts

/// What the group coordinator reads of what clients wrote, and what it and the log read back from the disk. The first byte
/// says which.
func fuzzGroup(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let input = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  do throws(WireError) {
    switch start[0] & 7 {
    case 0: try fuzzConsumerProtocol(ConsumerProtocolSubscription.self, input)
    case 1: try fuzzConsumerProtocol(ConsumerProtocolAssignment.self, input)
    case 2: try fuzzKey(input)
    case 3: try fuzzOffset(input)
    case 4: try fuzzGroupValue(input)
    case 5: fuzzSnapshot(input)
    default: fuzzGroupLog(input)
    }
  } catch {
    precondition(error.position <= input.count, "an error outside the input: \(error)")
  }
  return 0
}

/// What decodes is written as something that reads as the same.
private func fuzzConsumerProtocol<Value: ConsumerProtocolData>(
  _ type: Value.Type, _ input: UnsafeRawBufferPointer
) throws(WireError) {
  let (version, value) = try type.decode([UInt8](input))
  let known = min(version, type.supportedVersions.upperBound)
  do {
    let first = try value.encoded(version: known)
    let second = try type.decode(first).value.encoded(version: known)
    precondition(first == second, "\(type) v\(known) reads its own writing as something else")
  } catch {
    preconditionFailure("\(type) v\(known) was read but cannot be written and read again: \(error)")
  }
}

private func fuzzKey(_ input: UnsafeRawBufferPointer) throws(WireError) {
  guard let key = try GroupRecords.decodeKey(input) else { return }
  again(key) { try GroupRecords.encode(key) } read: { try GroupRecords.decodeKey($0)! }
}

private func fuzzOffset(_ input: UnsafeRawBufferPointer) throws(WireError) {
  var offset = try GroupRecords.decodeOffset(input)
  // Version 1, which has the expiry, has no epoch.
  if offset.expiry != nil { offset.leaderEpoch = -1 }
  again(offset) { try GroupRecords.encode(offset) } read: { try GroupRecords.decodeOffset($0) }
}

private func fuzzGroupValue(_ input: UnsafeRawBufferPointer) throws(WireError) {
  let snapshot = try GroupRecords.decodeGroup(input)
  again(snapshot) { try GroupRecords.encode(snapshot) } read: { try GroupRecords.decodeGroup($0) }
  live(snapshot)
}

private func again<Value: Equatable>(
  _ value: Value, _ write: () throws -> [UInt8], read: (UnsafeRawBufferPointer) throws -> Value
) {
  do {
    let other = try write().withUnsafeBytes(read)
    precondition(other == value, "reads its own writing as something else: \(value), \(other)")
  } catch {
    preconditionFailure("what was read cannot be written and read again: \(error)")
  }
}

/// A partition's snapshot file as it is, and with magic and checksum made right.
private func fuzzSnapshot(_ input: UnsafeRawBufferPointer) {
  precondition(PartitionSnapshot([UInt8](input)).map { PartitionSnapshot($0.encode()) == $0 } ?? true)
  guard input.count >= 12 else { return }
  var bytes = Array("CHRPSNP1".utf8) + [UInt8](input[8...])
  let crc = bytes.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[12...])) }
  withUnsafeBytes(of: crc.littleEndian) { bytes.replaceSubrange(8..<12, with: $0) }
  guard let snapshot = PartitionSnapshot(bytes) else { return }
  precondition(PartitionSnapshot(snapshot.encode()) == snapshot, "a snapshot reads as something else")
}
