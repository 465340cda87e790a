/// A compressed stream on its way out, piece by piece. It borrows its input, which must outlive it.
///
/// One per stream; not thread-safe.
protocol Decompressor: AnyObject {
  /// Writes to the start of `free`, which is not empty, and returns how many bytes: at least one, or 0 at the end of a
  /// stream that is complete and has nothing behind it. Throws `decompressionFailed`, and is not called again then.
  func read(into free: UnsafeMutableRawBufferPointer) throws(RecordBatchError) -> Int
}

extension Decompressor {
  /// All that comes out, at most `limit` bytes. `compressedByteCount` is the size of the input.
  func readAll(limit: Int, compressedByteCount: Int) throws(RecordBatchError) -> [UInt8] {
    var output = BoundedOutput(limit: limit, compressedByteCount: compressedByteCount)
    while try output.write({ (free) throws(RecordBatchError) in try read(into: free) }) > 0 {}
    return output.finish()
  }
}

extension Compression {
  /// Nil for no compression. Snappy's blocks come out whole: none may be larger than `limit` bytes.
  func decompressor(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(RecordBatchError) -> (any Decompressor)? {
    switch self {
    case .none: nil
    case .gzip: try GzipDecompressor(bytes)
    case .snappy: try SnappyDecompressor(bytes, limit: limit)
    case .lz4: try LZ4Decompressor(bytes)
    case .zstd: try ZstdDecompressor(bytes)
    }
  }
}
