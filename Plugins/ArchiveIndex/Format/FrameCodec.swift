internal import CZstd

/// Makes zstd frames with content size and checksum. Not for use by several threads.
final class FrameCompressor {
  private let context: OpaquePointer

  /// `level` is zstd's, brought into its range.
  init(level: Int) {
    guard let context = ZSTD_createCCtx() else { preconditionFailure("zstd: out of memory") }
    self.context = context
    let level = Int32(clamping: min(max(level, Int(ZSTD_minCLevel())), Int(ZSTD_maxCLevel())))
    set(ZSTD_c_compressionLevel, level)
    set(ZSTD_c_checksumFlag, 1)
    set(ZSTD_c_contentSizeFlag, 1)
    set(ZSTD_c_dictIDFlag, 0)
  }

  deinit { ZSTD_freeCCtx(context) }

  private func set(_ parameter: ZSTD_cParameter, _ value: Int32) {
    let status = ZSTD_CCtx_setParameter(context, parameter, value)
    precondition(ZSTD_isError(status) == 0, "zstd refused a parameter")
  }

  /// Appends `content` as one frame and returns its size in bytes.
  func append(_ content: UnsafeRawBufferPointer, to output: ByteOutput) -> Int {
    let start = output.count
    let bound = ZSTD_compressBound(content.count)
    output.append(upTo: bound) { target in
      let written = ZSTD_compress2(context, target, bound, content.baseAddress, content.count)
      precondition(ZSTD_isError(written) == 0, "zstd: compression failed with room enough")
      return written
    }
    return output.count - start
  }
}

/// Reads zstd frames. Not for use by several threads.
final class FrameDecompressor {
  private let context: OpaquePointer

  init() {
    guard let context = ZSTD_createDCtx() else { preconditionFailure("zstd: out of memory") }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  /// The content size that exactly one frame announces, nil when `frame` does not start with a frame that has one.
  /// zstd makes at most 128 KiB of three bytes and the frame is real, which bounds what is believed.
  static func contentByteCount(_ frame: UnsafeRawBufferPointer) -> Int? {
    let size = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    let ceiling = UInt64(frame.count) * (128 << 10)
    guard size <= ceiling else { return nil }
    return Int(size)
  }

  /// Fills `target` with the content of a frame that fills `frame` and holds exactly that many bytes; false when it
  /// does not or is damaged.
  func decompress(_ frame: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
    guard Self.contentByteCount(frame) == target.count else { return false }
    let size = ZSTD_decompressDCtx(context, target.baseAddress, target.count, frame.baseAddress, frame.count)
    return ZSTD_isError(size) == 0 && size == target.count
  }

  /// The content of a frame that fills `frame` and holds exactly `byteCount` bytes; nil when it does not or is damaged.
  func content(of frame: UnsafeRawBufferPointer, byteCount: Int) -> [UInt8]? {
    guard Self.contentByteCount(frame) == byteCount else { return nil }
    var isGood = false
    let content = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      let size = ZSTD_decompressDCtx(context, buffer.baseAddress, byteCount, frame.baseAddress, frame.count)
      isGood = ZSTD_isError(size) == 0 && size == byteCount
      count = isGood ? byteCount : 0
    }
    return isGood ? content : nil
  }
}
