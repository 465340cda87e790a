/// The codecs of message format 2, numbered as in a batch's attributes.
public enum Compression: Int8, Sendable, Equatable, CaseIterable {
  case none = 0
  case gzip = 1
  case snappy = 2
  case lz4 = 3
  case zstd = 4

  /// The name `compression.type` uses.
  public var name: String {
    switch self {
    case .none: "none"
    case .gzip: "gzip"
    case .snappy: "snappy"
    case .lz4: "lz4"
    case .zstd: "zstd"
    }
  }

  public init?(name: String) {
    guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = match
  }

  /// The records of a batch, decompressed. The result is the caller's.
  ///
  /// At most `limit` bytes come out, and memory grows with what has come out, never with what a length field announces.
  /// Throws `decompressedTooLarge`, or `decompressionFailed` when the bytes are not a complete stream of this codec
  /// with nothing behind it.
  public func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(RecordBatchError) -> [UInt8] {
    precondition(limit >= 0)
    guard let decompressor = try decompressor(bytes, limit: limit) else {
      guard bytes.count <= limit else { throw .decompressedTooLarge(limit: limit) }
      return [UInt8](bytes)
    }
    return try decompressor.readAll(limit: limit, compressedByteCount: bytes.count)
  }

  /// `bytes` compressed as the Java client reads them. The result is the caller's and not reproducible across versions
  /// of the codec libraries.
  ///
  /// `level` means what the codec's own library means by it and is brought into its range; nil is the codec's default;
  /// snappy has no levels.
  public func compress(_ bytes: UnsafeRawBufferPointer, level: Int? = nil) -> [UInt8] {
    guard let compressor = compressor(level: level) else { return [UInt8](bytes) }
    var output: [UInt8] = []
    compressor.write(bytes, isLast: true, to: &output)
    return output
  }
}

extension Compression: CustomStringConvertible {
  public var description: String { name }
}
