internal import CZlib

/// gzip by zlib. A stream may consist of several members.
enum Gzip {
  /// zlib's numbers for "the largest window" and "with a gzip wrapper".
  fileprivate static let windowBits: Int32 = 15 + 16
  fileprivate static let memoryLevel: Int32 = 8
  /// Room for what zlib had kept of earlier pieces when its bound for the last one was not enough.
  fileprivate static let moreByteCount = 65_536
}

final class GzipCompressor: Compressor {
  /// zlib's state points back at it, so it may not move.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

  init(level: Int?) {
    stream.initialize(to: z_stream())
    let level = level.map { Int32(min(max($0, 0), 9)) } ?? Z_DEFAULT_COMPRESSION
    let opened = deflateInit2_(
      stream, level, Z_DEFLATED, Gzip.windowBits, Gzip.memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    precondition(opened == Z_OK, "zlib: out of memory")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to output: inout [UInt8]) {
    precondition(bytes.count <= Int(Int32.max), "larger than a record batch can be")
    stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(bytes.count)
    var room = Int(deflateBound(stream, UInt(bytes.count)))
    var hasMore = true
    while hasMore {
      output.append(upTo: room) { free in
        stream.pointee.next_out = free.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let status = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
        precondition(status != Z_STREAM_ERROR, "zlib: written behind the end")
        hasMore = isLast ? status != Z_STREAM_END : stream.pointee.avail_out == 0
        return room - Int(stream.pointee.avail_out)
      }
      room = Gzip.moreByteCount
    }
  }
}

final class GzipDecompressor: Decompressor {
  /// zlib's state points back at it, so it may not move.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var isComplete = false

  init(_ bytes: UnsafeRawBufferPointer) throws(RecordBatchError) {
    // First: an initializer that throws from here on runs `deinit`.
    stream.initialize(to: z_stream())
    guard bytes.count > 0 else { throw .decompressionFailed(.gzip, .endsEarly) }
    precondition(bytes.count <= Int(UInt32.max), "larger than a record batch can be")
    let opened = inflateInit2_(stream, Gzip.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(opened == Z_OK, "zlib: out of memory")
    stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(bytes.count)
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func read(into free: UnsafeMutableRawBufferPointer) throws(RecordBatchError) -> Int {
    guard !isComplete else { return 0 }
    let room = min(free.count, Int(UInt32.max))
    stream.pointee.next_out = free.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(room)
    while stream.pointee.avail_out > 0 {
      switch inflate(stream, Z_NO_FLUSH) {
      case Z_STREAM_END:
        isComplete = stream.pointee.avail_in == 0
        if isComplete { return room - Int(stream.pointee.avail_out) }
        inflateReset(stream)
      case Z_OK, Z_BUF_ERROR:
        guard stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0 else {
          throw .decompressionFailed(.gzip, .endsEarly)
        }
      default:
        throw .decompressionFailed(.gzip, .corrupt)
      }
    }
    return room
  }
}
