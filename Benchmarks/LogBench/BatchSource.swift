import KafkaRecords
import LocalSegmentsCore
import TierAPI

/// One batch of a given size whose header is filled in again for each append. One record long as far as the log knows.
final class BatchSource: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  var offset: Int64 = 0

  /// `isSealed`: with the right checksum, which the log itself does not look at and recovery does.
  init(byteCount: Int, isSealed: Bool = false) {
    bytes = .allocate(byteCount: byteCount, alignment: 64)
    for index in 0..<byteCount { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
    bytes.storeBytes(of: Int32(byteCount - 12).bigEndian, toByteOffset: 8, as: Int32.self)
    bytes.storeBytes(of: Int32(0), toByteOffset: 12, as: Int32.self)
    bytes[16] = 2
    bytes.storeBytes(of: Int32(0), toByteOffset: 23, as: Int32.self)
    bytes.storeBytes(of: Int64(1_000).bigEndian, toByteOffset: 27, as: Int64.self)
    bytes.storeBytes(of: Int64(1_000).bigEndian, toByteOffset: 35, as: Int64.self)
    bytes.storeBytes(of: Int32(1).bigEndian, toByteOffset: 57, as: Int32.self)
    if isSealed {
      let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[21...]))
      bytes.storeBytes(of: crc.bigEndian, toByteOffset: 17, as: UInt32.self)
    }
  }

  deinit { bytes.deallocate() }

  /// The next batch.
  func next() -> chronik_batch {
    bytes.storeBytes(of: offset.bigEndian, as: Int64.self)
    defer { offset += 1 }
    return chronik_batch(
      bytes: chronik_slice(
        ptr: UnsafePointer(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)), len: bytes.count,
        storage_bytes: bytes.count, owner: nil, retain: nil, release: nil),
      base_offset: offset, next_offset: offset + 1, max_timestamp: 1_000, leader_epoch: 0, record_count: 1,
      reserved: (0, 0))
  }

  /// Appends one batch, rolling when needed.
  func append(to log: PartitionLog) throws {
    let batch = next()
    let outcome = try withUnsafePointer(to: batch) {
      try log.append(UnsafeBufferPointer(start: $0, count: 1), nonblocking: true)
    }
    if case .wouldBlock = outcome {
      _ = try withUnsafePointer(to: batch) {
        try log.append(UnsafeBufferPointer(start: $0, count: 1), nonblocking: false)
      }
    }
  }

  /// Writes the batch at a byte of a plain file.
  func write(to file: borrowing RawFile, at position: Int) throws { try file.write(UnsafeRawBufferPointer(bytes), at: position) }
}
