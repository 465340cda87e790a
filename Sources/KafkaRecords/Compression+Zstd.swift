internal import CZstd

/// Zstandard: any number of frames, with or without a content size.
enum Zstd {
  /// The largest window a frame may ask for, 2^27 bytes: zstd's own default for streams, and what its highest level
  /// needs. The library reserves the window as address space; pages cost memory only once output has filled them.
  private static let windowLogMax: Int32 = 27

  static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(RecordBatchError) -> [UInt8] {
    guard bytes.count > 0 else { throw .decompressionFailed(.zstd, .endsEarly) }
    guard let context = ZSTD_createDCtx() else { preconditionFailure("zstd: out of memory") }
    defer { ZSTD_freeDCtx(context) }
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLogMax)

    var output = BoundedOutput(limit: limit, compressedByteCount: bytes.count)
    var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
    while true {
      var status = 0
      var outputFull = false
      try output.write { free in
        var target = ZSTD_outBuffer(dst: free.baseAddress, size: free.count, pos: 0)
        status = ZSTD_decompressStream(context, &target, &input)
        outputFull = target.pos == target.size
        return target.pos
      }
      guard ZSTD_isError(status) == 0 else { throw .decompressionFailed(.zstd, .corrupt) }
      if input.pos == input.size {
        // 0 is a complete frame; anything else is how much the decoder still hopes for.
        if status == 0 { return output.finish() }
        if !outputFull { throw .decompressionFailed(.zstd, .endsEarly) }
      }
    }
  }

  static func compress(_ bytes: UnsafeRawBufferPointer, level: Int?) -> [UInt8] {
    let level = Int32(
      clamping: min(max(level ?? Int(ZSTD_defaultCLevel()), Int(ZSTD_minCLevel())), Int(ZSTD_maxCLevel())))
    let bound = ZSTD_compressBound(bytes.count)
    return [UInt8](unsafeUninitializedCapacity: bound) { output, count in
      let written = ZSTD_compress(output.baseAddress, bound, bytes.baseAddress, bytes.count, level)
      precondition(ZSTD_isError(written) == 0, "zstd: out of memory")
      count = written
    }
  }
}
