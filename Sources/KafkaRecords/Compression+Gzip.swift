internal import CZlib

/// gzip by zlib. A stream may consist of several members.
enum Gzip {
  /// zlib's numbers for "the largest window" and "with a gzip wrapper".
  private static let windowBits: Int32 = 15 + 16
  private static let memoryLevel: Int32 = 8

  static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(RecordBatchError) -> [UInt8] {
    guard bytes.count > 0 else { throw .decompressionFailed(.gzip, .endsEarly) }
    precondition(bytes.count <= Int(UInt32.max), "larger than a record batch can be")
    var stream = z_stream()
    let opened = inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(opened == Z_OK, "zlib: out of memory")
    defer { inflateEnd(&stream) }
    stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = UInt32(bytes.count)

    var output = BoundedOutput(limit: limit, compressedByteCount: bytes.count)
    while true {
      var status = Z_OK
      try output.write { free in
        let room = min(free.count, Int(UInt32.max))
        stream.next_out = free.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(room)
        status = inflate(&stream, Z_NO_FLUSH)
        return room - Int(stream.avail_out)
      }
      switch status {
      case Z_STREAM_END:
        if stream.avail_in == 0 { return output.finish() }
        inflateReset(&stream)
      case Z_OK, Z_BUF_ERROR:
        if stream.avail_in == 0 && stream.avail_out > 0 { throw .decompressionFailed(.gzip, .endsEarly) }
      default:
        throw .decompressionFailed(.gzip, .corrupt)
      }
    }
  }

  static func compress(_ bytes: UnsafeRawBufferPointer, level: Int?) -> [UInt8] {
    precondition(bytes.count <= Int(Int32.max), "larger than a record batch can be")
    var stream = z_stream()
    let level = level.map { Int32(min(max($0, 0), 9)) } ?? Z_DEFAULT_COMPRESSION
    let opened = deflateInit2_(
      &stream, level, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    precondition(opened == Z_OK, "zlib: out of memory")
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, UInt(bytes.count)))
    return [UInt8](unsafeUninitializedCapacity: bound) { output, count in
      stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
      stream.avail_in = UInt32(bytes.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(bound)
      let status = deflate(&stream, Z_FINISH)
      precondition(status == Z_STREAM_END, "zlib: deflateBound was too small")
      count = bound - Int(stream.avail_out)
    }
  }
}
