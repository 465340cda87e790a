internal import CZstd

/// Zstandard: any number of frames, with or without a content size.
enum Zstd {
  /// The largest window a frame may ask for, 2^27 bytes: zstd's own default for streams, and what its highest level
  /// needs. The library reserves the window as address space; pages cost memory only once output has filled them.
  fileprivate static let windowLogMax: Int32 = 27
}

/// What is written in one piece becomes a frame that says its content's size, as ZSTD_compress makes it.
final class ZstdCompressor: Compressor {
  private let context: OpaquePointer

  init(level: Int?) {
    guard let context = ZSTD_createCCtx() else { preconditionFailure("zstd: out of memory") }
    let range = Int(ZSTD_minCLevel())...Int(ZSTD_maxCLevel())
    let level = min(max(level ?? Int(ZSTD_defaultCLevel()), range.lowerBound), range.upperBound)
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    self.context = context
  }

  deinit { ZSTD_freeCCtx(context) }

  func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to output: inout [UInt8]) {
    var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
    var room = ZSTD_compressBound(bytes.count)
    var hasMore = true
    while hasMore {
      output.append(upTo: room) { free in
        var target = ZSTD_outBuffer(dst: free, size: room, pos: 0)
        let left = ZSTD_compressStream2(context, &target, &input, isLast ? ZSTD_e_end : ZSTD_e_continue)
        precondition(ZSTD_isError(left) == 0, "zstd: out of memory")
        hasMore = isLast ? left > 0 : input.pos < input.size
        return target.pos
      }
      room = ZSTD_CStreamOutSize()
    }
  }
}

final class ZstdDecompressor: Decompressor {
  private let context: OpaquePointer
  private var input: ZSTD_inBuffer
  private var isComplete = false

  init(_ bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
    guard bytes.count > 0 else { throw .decompressionFailed(.zstd, .endsEarly) }
    guard let context = ZSTD_createDCtx() else { preconditionFailure("zstd: out of memory") }
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Zstd.windowLogMax)
    self.context = context
    input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
  }

  deinit { ZSTD_freeDCtx(context) }

  func read(into free: UnsafeMutableRawBufferPointer) throws(RecordBatchError) -> Int {
    var target = ZSTD_outBuffer(dst: free.baseAddress, size: free.count, pos: 0)
    while !isComplete, target.pos < target.size {
      let status = ZSTD_decompressStream(context, &target, &input)
      guard ZSTD_isError(status) == 0 else { throw .decompressionFailed(.zstd, .corrupt) }
      guard input.pos == input.size else { continue }
      // 0 is a complete frame; anything else is how much the decoder still hopes for.
      isComplete = status == 0
      if !isComplete, target.pos < target.size { throw .decompressionFailed(.zstd, .endsEarly) }
    }
    return target.pos
  }
}
