/// A codec's encoder, fed piece by piece.
///
/// One per stream; not thread-safe.
protocol Compressor: AnyObject {
  /// Compresses `bytes` and appends to `output` what is ready, which may be nothing. `isLast` ends the stream; nothing is
  /// written after that.
  func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to output: inout [UInt8])
}

extension Compression {
  /// Nil for no compression. `level` as for `compress`.
  func compressor(level: Int?) -> (any Compressor)? {
    switch self {
    case .none: nil
    case .gzip: GzipCompressor(level: level)
    case .snappy: SnappyCompressor()
    case .lz4: LZ4Compressor(level: level)
    case .zstd: ZstdCompressor(level: level)
    }
  }
}

extension [UInt8] {
  /// Appends what `body` writes to the start of `byteCount` free bytes; it returns how many.
  mutating func append(upTo byteCount: Int, _ body: (UnsafeMutableRawPointer) -> Int) {
    guard byteCount > 0 else { return }
    let piece = [UInt8](unsafeUninitializedCapacity: byteCount) { free, count in
      count = body(UnsafeMutableRawPointer(free.baseAddress!))
      precondition(count >= 0 && count <= byteCount, "an encoder wrote outside its memory")
    }
    if isEmpty { self = piece } else { append(contentsOf: piece) }
  }
}
