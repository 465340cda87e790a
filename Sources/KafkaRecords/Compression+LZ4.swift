internal import CLz4

/// The LZ4 frame format. (The Java client of message formats 0 and 1 got the frame's header checksum wrong; format 2
/// never did, so only standard frames are read.)
enum LZ4 {
  static func compress(_ bytes: UnsafeRawBufferPointer, level: Int?) -> [UInt8] {
    var preferences = LZ4F_preferences_t()
    // As the Java client: 64 KiB blocks, independent of each other, no checksums of the content.
    preferences.frameInfo.blockSizeID = LZ4F_max64KB
    preferences.frameInfo.blockMode = LZ4F_blockIndependent
    preferences.compressionLevel = Int32(clamping: level ?? 0)
    let bound = LZ4F_compressFrameBound(bytes.count, &preferences)
    return [UInt8](unsafeUninitializedCapacity: bound) { output, count in
      let written = LZ4F_compressFrame(output.baseAddress, bound, bytes.baseAddress, bytes.count, &preferences)
      precondition(LZ4F_isError(written) == 0, "lz4: LZ4F_compressFrameBound was too small or memory is out")
      count = written
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
