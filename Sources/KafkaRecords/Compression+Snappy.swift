internal import CSnappy

/// Snappy in both dresses: the raw block librdkafka sends, and the framing of xerial's SnappyOutputStream, which the
/// Java client writes and the only one it reads.
///
///   0  magic    8 bytes  82 'S' 'N' 'A' 'P' 'P' 'Y' 00
///   8  version  int32    1
///  12  compatible int32  1, the oldest reader that understands this
///  16  blocks            int32 length, then a raw block of that many bytes; each holds up to 32 KiB when we write
///
/// A raw block cannot start with the magic: 82 53 would be its length and 'N' a copy from before the first byte.
enum Snappy {
  private static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0x00]
  private static let headerByteCount = 16
  private static let blockByteCountMax = 32 * 1024
  private static let version: Int32 = 1

  /// No snappy element makes more than 64 bytes out of 3, so a raw block cannot be larger than this many times itself.
  /// The announced length is believed up to there.
  private static let expansionMax = 22

  static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(RecordBatchError) -> [UInt8] {
    guard bytes.count > 0 else { throw .decompressionFailed(.snappy, .endsEarly) }
    var output = BoundedOutput(limit: limit, compressedByteCount: bytes.count)
    if bytes.starts(with: magic) {
      try decompressFramed(bytes, into: &output)
    } else {
      try decompressBlock(bytes, into: &output)
    }
    return output.finish()
  }

  private static func decompressFramed(
    _ bytes: UnsafeRawBufferPointer, into output: inout BoundedOutput
  ) throws(RecordBatchError) {
    guard bytes.count >= headerByteCount, let base = bytes.baseAddress else {
      throw .decompressionFailed(.snappy, .endsEarly)
    }
    guard base.loadBigEndian(12, as: Int32.self) <= version else {
      throw .decompressionFailed(.snappy, .unsupportedFraming)
    }
    var position = headerByteCount
    while position < bytes.count {
      guard bytes.count - position >= 4 else { throw .decompressionFailed(.snappy, .endsEarly) }
      let length = Int(base.loadBigEndian(position, as: Int32.self))
      position += 4
      guard length > 0 else { throw .decompressionFailed(.snappy, .corrupt) }
      guard length <= bytes.count - position else { throw .decompressionFailed(.snappy, .endsEarly) }
      try decompressBlock(UnsafeRawBufferPointer(rebasing: bytes[position..<(position + length)]), into: &output)
      position += length
    }
  }

  private static func decompressBlock(
    _ block: UnsafeRawBufferPointer, into output: inout BoundedOutput
  ) throws(RecordBatchError) {
    let input = block.baseAddress?.assumingMemoryBound(to: CChar.self)
    var length = 0
    guard snappy_uncompressed_length(input, block.count, &length) == SNAPPY_OK else {
      throw .decompressionFailed(.snappy, .corrupt)
    }
    guard length / expansionMax <= block.count else { throw .decompressionFailed(.snappy, .impossibleLength) }
    let complete = try output.writeBlock(byteCount: length) { target in
      var written = length
      return snappy_uncompress(input, block.count, target.assumingMemoryBound(to: CChar.self), &written) == SNAPPY_OK
    }
    guard complete else { throw .decompressionFailed(.snappy, .corrupt) }
  }

  static func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let blocks = (bytes.count + blockByteCountMax - 1) / blockByteCountMax
    let capacity = headerByteCount + blocks * (4 + snappy_max_compressed_length(blockByteCountMax))
    return [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
      let target = UnsafeMutableRawPointer(output.baseAddress!)
      target.copyMemory(from: magic, byteCount: magic.count)
      target.storeBigEndian(version, at: 8)
      target.storeBigEndian(version, at: 12)
      var position = headerByteCount
      for start in stride(from: 0, to: bytes.count, by: blockByteCountMax) {
        let length = min(blockByteCountMax, bytes.count - start)
        var written = capacity - position - 4
        let status = snappy_compress(
          (bytes.baseAddress! + start).assumingMemoryBound(to: CChar.self), length,
          (target + position + 4).assumingMemoryBound(to: CChar.self), &written)
        precondition(status == SNAPPY_OK, "snappy: snappy_max_compressed_length was too small")
        target.storeBigEndian(Int32(written), at: position)
        position += 4 + written
      }
      count = position
    }
  }
}
