import ArchiveFormat
import TierKit

/// The keys under `config:` of this tier.
package struct Configuration: Sendable {
  package enum Verification: String, Sendable, CaseIterable {
    /// Footer, trail and length are read back.
    case footer
    /// Every byte is read back and every checksum checked.
    case full
  }

  package var index = IndexKind.full
  /// zstd's level.
  package var compressionLevel = 3
  /// Raw bytes of batches per object.
  package var objectByteCount = 64 << 20
  package var verification = Verification.footer
  /// Bytes of the local chunk cache; 0: none.
  package var cacheByteCount = 1 << 30
  /// Absolute; empty: `cache` in the data directory.
  package var cachePath = ""
  /// Compressed bytes of the longest read-ahead; 0: none.
  package var readAheadByteCount = 8 << 20
  /// Nanoseconds.
  package var requestTimeout: Int64 = 30_000_000_000

  package init() {}

  init(_ options: TierOptions) throws(TierError) {
    index = try options.choice(Key.index, Self.indexKinds)
    compressionLevel = Int(try options.integer(Key.compressionLevel))
    objectByteCount = Int(try options.integer(Key.objectSize))
    verification = try options.choice(
      Key.verify, Dictionary(uniqueKeysWithValues: Verification.allCases.map { ($0.rawValue, $0) }))
    cacheByteCount = Int(try options.integer(Key.cacheSize))
    cachePath = options.settings[Key.cachePath] ?? ""
    guard cachePath.isEmpty || cachePath.hasPrefix("/") else {
      throw TierError(.invalidConfiguration, "\(Key.cachePath): expected an absolute path, got \"\(cachePath)\"")
    }
    readAheadByteCount = Int(try options.integer(Key.readAhead))
    requestTimeout = try options.integer(Key.requestTimeout) * 1_000_000
  }

  private static let indexKinds: [String: IndexKind] = ["full": .full, "keys": .keys, "none": .none]

  enum Key {
    static let index = "index"
    static let compressionLevel = "compression_level"
    static let objectSize = "object_size"
    static let verify = "verify"
    static let cacheSize = "cache_size"
    static let cachePath = "cache_path"
    static let readAhead = "read_ahead"
    static let requestTimeout = "request_timeout"
  }

  static let keys: [ConfigurationKey] = [
    ConfigurationKey(
      Key.index, .choice(["full", "keys", "none"]), default: "full",
      "What objects can be searched for: words and keys, keys only, or nothing."),
    ConfigurationKey(
      Key.compressionLevel, .integer(1...19), default: "3",
      "The zstd level of archived data; 1 is the fastest, beyond 6 archiving takes several times as long."),
    ConfigurationKey(
      Key.objectSize, .size((64 << 10)...(1 << 30)), default: "64MiB",
      "Record batches in one object, in bytes before compression; archiving needs about four times as much memory."),
    ConfigurationKey(
      Key.verify, .choice(["footer", "full"]), default: "footer",
      "What is read back of a new object before it counts as archived: its footer and length, or every byte."),
    ConfigurationKey(
      Key.cacheSize, .size(0...(1 << 46)), default: "1GiB",
      "Disk space for parts of objects that were read, in bytes; 0 keeps none."),
    ConfigurationKey(
      Key.cachePath, .string, default: nil, "Where those parts are kept; absent: in the data directory."),
    ConfigurationKey(
      Key.readAhead, .size(0...(256 << 20)), default: "8MiB",
      "How far a sequential reader is read ahead of at most, in compressed bytes; 0 never does. It needs a cache."),
    ConfigurationKey(
      Key.requestTimeout, .duration(100...3_600_000), default: "30s",
      "How long one request to the store may take, its retries included."),
  ]
}

extension TierOptions {
  /// The value of a choice key.
  fileprivate func choice<T>(_ key: String, _ values: [String: T]) throws(TierError) -> T {
    guard let value = values[settings[key] ?? ""] else {
      let names = values.keys.sorted().joined(separator: ", ")
      throw TierError(.invalidConfiguration, "\(key): expected one of \(names), got \(settings[key] ?? "nothing")")
    }
    return value
  }
}
