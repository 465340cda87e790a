/// The bounds of a search, each with its reason.
package struct SearchLimits: Sendable {
  /// Records of an answer, as `ext/search.h` says.
  package static let hitCountMax = 10_000

  /// Units that are searched at the same time: enough to hide a store's first byte, few enough for two processors.
  package var width = 6
  /// Bytes read when the request has no bound of its own: some seconds of a local disk, a minute of a store.
  package var byteCountMax = 4 << 30
  /// Bytes of the records in an answer; one record may exceed it. Every unit under way may hold as much.
  package var hitByteCountMax = 16 << 20
  /// Token counts of objects that stay in memory between the two phases of a ranked search; other objects read theirs
  /// again, from the chunk cache.
  package var preparedByteCountMax = 64 << 20
  /// Bytes asked of the source in one call; a batch may exceed it.
  package var pieceByteCount = 4 << 20
  /// Bytes of batches looked at behind a range for the end of a transaction that began in it.
  package var lookAheadByteCountMax = 256 << 20

  package init() {}
}
