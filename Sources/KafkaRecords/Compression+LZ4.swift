internal import CLz4

/// The LZ4 frame format. (The Java client of message formats 0 and 1 got the frame's header checksum wrong; format 2
/// never did, so only standard frames are read.)
enum LZ4 {
  static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(RecordBatchError) -> [UInt8] {
    guard bytes.count > 0 else { throw .decompressionFailed(.lz4, .endsEarly) }
    var context: OpaquePointer?
    let opened = LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
    precondition(LZ4F_isError(opened) == 0, "lz4: out of memory")
    defer { LZ4F_freeDecompressionContext(context) }

    var output = BoundedOutput(limit: limit, compressedByteCount: bytes.count)
    var position = 0
    while true {
      var status = 0
      var consumed = bytes.count - position
      var outputFull = false
      try output.write { free in
        var written = free.count
        status = LZ4F_decompress(context, free.baseAddress, &written, bytes.baseAddress! + position, &consumed, nil)
        outputFull = written == free.count
        return written
      }
      guard LZ4F_isError(status) == 0 else { throw .decompressionFailed(.lz4, .corrupt) }
      position += consumed
      if position == bytes.count {
        // 0 is a complete frame; anything else is how much the decoder still hopes for.
        if status == 0 { return output.finish() }
        if !outputFull { throw .decompressionFailed(.lz4, .endsEarly) }
      }
    }
  }

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
