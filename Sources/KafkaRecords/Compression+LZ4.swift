internal import CLz4

/// Writes the LZ4 frame format. (The Java client of message formats 0 and 1 got the frame's header checksum wrong; format
/// 2 never did, so only standard frames are read.)
final class LZ4Compressor: Compressor {
  private let context: OpaquePointer
  private var preferences = LZ4F_preferences_t()
  private var hasBegun = false

  init(level: Int?) {
    // As the Java client: 64 KiB blocks, independent of each other, no checksums of the content.
    preferences.frameInfo.blockSizeID = LZ4F_max64KB
    preferences.frameInfo.blockMode = LZ4F_blockIndependent
    preferences.compressionLevel = Int32(clamping: level ?? 0)
    var context: OpaquePointer?
    let opened = LZ4F_createCompressionContext(&context, UInt32(LZ4F_VERSION))
    guard LZ4F_isError(opened) == 0, let context else { preconditionFailure("lz4: out of memory") }
    self.context = context
  }

  deinit { LZ4F_freeCompressionContext(context) }

  func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to output: inout [UInt8]) {
    if !hasBegun {
      step(Int(LZ4F_HEADER_SIZE_MAX), &output) { LZ4F_compressBegin(context, $0, $1, &preferences) }
      hasBegun = true
    }
    if bytes.count > 0 {
      step(LZ4F_compressBound(bytes.count, &preferences), &output) {
        LZ4F_compressUpdate(context, $0, $1, bytes.baseAddress, bytes.count, nil)
      }
    }
    if isLast {
      step(LZ4F_compressBound(0, &preferences), &output) { LZ4F_compressEnd(context, $0, $1, nil) }
    }
  }

  private func step(_ bound: Int, _ output: inout [UInt8], _ body: (UnsafeMutableRawPointer, Int) -> Int) {
    output.append(upTo: bound) { free in
      let written = body(free, bound)
      precondition(LZ4F_isError(written) == 0, "lz4: its bound was too small, or memory is out")
      return written
    }
  }
}

final class LZ4Decompressor: Decompressor {
  private let context: OpaquePointer
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var isComplete = false

  init(_ bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
    guard bytes.count > 0 else { throw .decompressionFailed(.lz4, .endsEarly) }
    var context: OpaquePointer?
    let opened = LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
    guard LZ4F_isError(opened) == 0, let context else { preconditionFailure("lz4: out of memory") }
    self.context = context
    self.bytes = bytes
  }

  deinit { LZ4F_freeDecompressionContext(context) }

  func read(into free: UnsafeMutableRawBufferPointer) throws(RecordBatchError) -> Int {
    var used = 0
    while !isComplete, used < free.count {
      var written = free.count - used
      var consumed = bytes.count - position
      let status = LZ4F_decompress(
        context, free.baseAddress! + used, &written, bytes.baseAddress! + position, &consumed, nil)
      guard LZ4F_isError(status) == 0 else { throw .decompressionFailed(.lz4, .corrupt) }
      position += consumed
      used += written
      guard position == bytes.count else { continue }
      // 0 is a complete frame; anything else is how much the decoder still hopes for.
      isComplete = status == 0
      if !isComplete, used < free.count { throw .decompressionFailed(.lz4, .endsEarly) }
    }
    return used
  }
}
