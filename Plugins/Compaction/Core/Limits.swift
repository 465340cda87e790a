/// Every bound of this plugin, with its reason.
enum Limits {
  /// Decompressed bytes of one batch. What the broker accepts when it looks into a batch itself; a larger one is kept
  /// as it is.
  static let decompressedByteCountMax = 256 << 20
  /// Segments merged into one: each is an open file while they are exchanged.
  static let segmentsPerGroupMax = 256
  /// Offsets of a merged segment, so that its index's 32-bit distances hold them.
  static let offsetsPerSegmentMax = Int64(Int32.max)
}
