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
  fileprivate static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0x00]
  fileprivate static let headerByteCount = 16
  fileprivate static let blockByteCountMax = 32 * 1024
  fileprivate static let version: Int32 = 1

  /// No snappy element makes more than 64 bytes out of 3, so a raw block cannot be larger than this many times itself.
  /// The announced length is believed up to there.
  fileprivate static let expansionMax = 22
}

/// Each piece that is written becomes blocks of its own; pieces of a multiple of 32 KiB fill them.
final class SnappyCompressor: Compressor {
  private var hasBegun = false

  func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to output: inout [UInt8]) {
    if !hasBegun {
      output.append(upTo: Snappy.headerByteCount) { header in
        header.copyMemory(from: Snappy.magic, byteCount: Snappy.magic.count)
        header.storeBigEndian(Snappy.version, at: 8)
        header.storeBigEndian(Snappy.version, at: 12)
        return Snappy.headerByteCount
      }
      hasBegun = true
    }
    for start in stride(from: 0, to: bytes.count, by: Snappy.blockByteCountMax) {
      let length = min(Snappy.blockByteCountMax, bytes.count - start)
      var written = snappy_max_compressed_length(length)
      output.append(upTo: 4 + written) { block in
        let status = snappy_compress(
          (bytes.baseAddress! + start).assumingMemoryBound(to: CChar.self), length,
          (block + 4).assumingMemoryBound(to: CChar.self), &written)
        precondition(status == SNAPPY_OK, "snappy: snappy_max_compressed_length was too small")
        block.storeBigEndian(Int32(written), at: 0)
        return 4 + written
      }
    }
  }
}

/// The blocks of a stream, one of them when it is not framed.
private struct SnappyBlocks {
  private let bytes: UnsafeRawBufferPointer
  private let isFramed: Bool
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
    guard let base = bytes.baseAddress, bytes.count > 0 else { throw .decompressionFailed(.snappy, .endsEarly) }
    self.bytes = bytes
    isFramed = bytes.starts(with: Snappy.magic)
    guard isFramed else { return }
    guard bytes.count >= Snappy.headerByteCount else { throw .decompressionFailed(.snappy, .endsEarly) }
    guard base.loadBigEndian(12, as: Int32.self) <= Snappy.version else {
      throw .decompressionFailed(.snappy, .unsupportedFraming)
    }
    position = Snappy.headerByteCount
  }

  /// A raw block and how many bytes it says it becomes; nil behind the last.
  mutating func next() throws(RecordBatchError) -> (block: UnsafeRawBufferPointer, byteCount: Int)? {
    guard position < bytes.count else { return nil }
    var count = bytes.count - position
    if isFramed {
      guard count >= 4 else { throw .decompressionFailed(.snappy, .endsEarly) }
      count = Int((bytes.baseAddress! + position).loadBigEndian(0, as: Int32.self))
      position += 4
      guard count > 0 else { throw .decompressionFailed(.snappy, .corrupt) }
      guard count <= bytes.count - position else { throw .decompressionFailed(.snappy, .endsEarly) }
    }
    let block = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    position += count
    var byteCount = 0
    guard
      snappy_uncompressed_length(block.baseAddress?.assumingMemoryBound(to: CChar.self), count, &byteCount) == SNAPPY_OK
    else { throw .decompressionFailed(.snappy, .corrupt) }
    guard byteCount / Snappy.expansionMax <= count else { throw .decompressionFailed(.snappy, .impossibleLength) }
    return (block, byteCount)
  }
}

/// The library decodes a block into one piece of memory or not at all, so a block that is larger than what the reader
/// offers takes memory of its own: what it announces, which is at most `Snappy.expansionMax` times what it is.
final class SnappyDecompressor: Decompressor {
  private var blocks: SnappyBlocks
  /// Bytes that may still come out.
  private var left: Int
  private let limit: Int
  /// A block that did not fit; from `position` on it is still to be read.
  private var block = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(RecordBatchError) {
    blocks = try SnappyBlocks(bytes)
    self.limit = limit
    left = limit
  }

  deinit { block.deallocate() }

  func read(into free: UnsafeMutableRawBufferPointer) throws(RecordBatchError) -> Int {
    while position == block.count {
      guard let next = try blocks.next() else { return 0 }
      guard next.byteCount <= left else { throw .decompressedTooLarge(limit: limit) }
      left -= next.byteCount
      if next.byteCount <= free.count {
        try Self.decode(next.block, to: free, byteCount: next.byteCount)
        if next.byteCount > 0 { return next.byteCount }
        continue
      }
      block.deallocate()
      block = .allocate(byteCount: next.byteCount, alignment: 1)
      position = 0
      try Self.decode(next.block, to: block, byteCount: next.byteCount)
    }
    let count = min(free.count, block.count - position)
    free.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[position..<(position + count)]))
    position += count
    return count
  }

  private static func decode(
    _ block: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, byteCount: Int
  ) throws(RecordBatchError) {
    var written = byteCount
    let status = snappy_uncompress(
      block.baseAddress?.assumingMemoryBound(to: CChar.self), block.count,
      target.baseAddress?.assumingMemoryBound(to: CChar.self), &written)
    guard status == SNAPPY_OK else { throw .decompressionFailed(.snappy, .corrupt) }
  }
}
