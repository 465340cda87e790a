extension RecordBatch {
  /// As much of the records as is in memory while they go from one codec to another: two blocks of snappy, one of LZ4.
  static let transcodedByteCountAtOnce = 65_536

  /// The batch at the start of `bytes` with its records compressed by `codec`; nil when that would take more than
  /// `byteCountMax` bytes. Records, offsets and sequences stay as they are. `header` is what the batch's header says now,
  /// or what it shall say; its codec, length and CRC are computed.
  ///
  /// Whatever the records decompress to, memory is bounded by the result, a window of
  /// `transcodedByteCountAtOnce` and what the codecs keep. The records are not looked at: `inspectRecords` did.
  /// Throws what decompression throws, with `decompressedByteCountMax` as the limit.
  public static func transcode(
    _ bytes: UnsafeRawBufferPointer, header: RecordBatchHeader, to codec: Compression, level: Int? = nil,
    decompressedByteCountMax: Int, byteCountMax: Int
  ) throws(RecordBatchError) -> [UInt8]? {
    guard let old = header.compression else { throw .unknownCompression(header.compressionID) }
    let records = UnsafeRawBufferPointer(rebasing: bytes[Layout.records..<header.byteCount])
    var target = TranscodedBatch(compressor: codec.compressor(level: level), byteCountMax: byteCountMax)
    if let decompressor = try old.decompressor(records, limit: decompressedByteCountMax) {
      guard try target.write(all: decompressor, limit: decompressedByteCountMax) else { return nil }
    } else {
      for start in stride(from: 0, to: max(1, records.count), by: transcodedByteCountAtOnce) {
        let end = min(records.count, start + transcodedByteCountAtOnce)
        let piece = UnsafeRawBufferPointer(rebasing: records[start..<end])
        guard target.write(piece, isLast: end == records.count) else { return nil }
      }
    }
    return target.finish(header, codec)
  }
}

private struct TranscodedBatch {
  private let compressor: (any Compressor)?
  private let byteCountMax: Int
  private var bytes = [UInt8](repeating: 0, count: RecordBatchHeader.byteCount)

  init(compressor: (any Compressor)?, byteCountMax: Int) {
    self.compressor = compressor
    self.byteCountMax = byteCountMax
  }

  /// False when the batch has grown too large.
  mutating func write(_ piece: UnsafeRawBufferPointer, isLast: Bool) -> Bool {
    if let compressor { compressor.write(piece, isLast: isLast, to: &bytes) } else { bytes.append(contentsOf: piece) }
    return bytes.count <= byteCountMax
  }

  /// Everything that comes out of `decompressor`, in pieces of the same size up to the last: one byte more is read before
  /// a piece is written, so that it is known whether it is the last.
  mutating func write(all decompressor: any Decompressor, limit: Int) throws(RecordBatchError) -> Bool {
    let pieceByteCount = RecordBatch.transcodedByteCountAtOnce
    let window = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceByteCount + 1, alignment: 1)
    defer { window.deallocate() }
    var total = 0
    var used = 0
    while true {
      let written = try decompressor.read(into: UnsafeMutableRawBufferPointer(rebasing: window[used...]))
      used += written
      total += written
      guard total <= limit else { throw .decompressedTooLarge(limit: limit) }
      if written == 0 { return write(UnsafeRawBufferPointer(rebasing: window[..<used]), isLast: true) }
      guard used == window.count else { continue }
      guard write(UnsafeRawBufferPointer(rebasing: window[..<pieceByteCount]), isLast: false) else { return false }
      window[0] = window[pieceByteCount]
      used = 1
    }
  }

  consuming func finish(_ header: RecordBatchHeader, _ codec: Compression) -> [UInt8] {
    var header = header
    precondition(bytes.count <= Int(Int32.max), "record batch larger than its length field")
    header.attributes = header.attributes & ~RecordBatchHeader.AttributeBit.compressionMask | Int16(codec.rawValue)
    header.batchLength = Int32(bytes.count - RecordBatchHeader.byteCountBeforeLengthEnd)
    header.seal(&bytes)
    return bytes
  }
}
