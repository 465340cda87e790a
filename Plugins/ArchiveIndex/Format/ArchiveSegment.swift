public import KafkaRecords

/// What goes into an object: a sealed piece of a partition's log, all of it below the high watermark and the last
/// stable offset, so that every transaction in it is decided.
public struct ArchiveSegment {
  public var identity: Footer.Identity
  /// Whole record batches in offset order, one range behind the other; borrowed for the call. Memory or mapped files.
  public var batches: [UnsafeRawBufferPointer]
  /// Offsets the object stands for, which may be more than its batches have: compaction leaves gaps. Nil takes them
  /// from the first and the last batch.
  public var offsets: Range<Int64>?
  /// Every aborted transaction that overlaps the segment. Its records are archived but not indexed.
  public var abortedTransactions: [AbortedTransaction] = []
  /// Nil takes them from the batches.
  public var epochs: [EpochStart]?
  public var producerSnapshot: [UInt8]?
  public var compaction: Footer.Compaction?

  public init(identity: Footer.Identity, batches: [UnsafeRawBufferPointer]) {
    self.identity = identity
    self.batches = batches
  }
}

/// A finished object in memory.
public final class ArchivedObject: @unchecked Sendable {
  // Sendable because nothing changes the output once the writer has let go of it.
  private let output: ByteOutput
  public let footer: Footer
  public let statistics: ArchiveStatistics

  init(_ output: ByteOutput, footer: Footer, statistics: ArchiveStatistics) {
    output.shrink()
    self.output = output
    self.footer = footer
    self.statistics = statistics
  }

  public var byteCount: Int { output.count }

  /// Lends the bytes for the call.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(output.bytes)
  }
}

/// What the writer met.
public struct ArchiveStatistics: Sendable, Equatable {
  public var batchCount = 0
  public var controlBatchCount = 0
  public var abortedBatchCount = 0
  /// Batches archived as they are but not indexed because their records cannot be read: a metric, and a log line.
  public var undecodableBatchCount = 0
  /// Where the first of those starts in the segment, and why.
  public var firstUndecodable: (position: Int, error: RecordBatchError)?
  /// True when the segment has more documents or postings than an index holds, so the object has none.
  public var indexWasDropped = false
  /// Bytes of all records after decompression.
  public var inflatedByteCount = 0
  public var termCount = 0
  public var postingCount = 0
  /// Bytes of the data frames, and of everything behind them.
  public var dataByteCount = 0
  public var indexByteCount = 0

  public static func == (a: ArchiveStatistics, b: ArchiveStatistics) -> Bool {
    a.batchCount == b.batchCount && a.controlBatchCount == b.controlBatchCount
      && a.abortedBatchCount == b.abortedBatchCount && a.undecodableBatchCount == b.undecodableBatchCount
      && a.firstUndecodable?.position == b.firstUndecodable?.position && a.indexWasDropped == b.indexWasDropped
      && a.inflatedByteCount == b.inflatedByteCount && a.termCount == b.termCount && a.postingCount == b.postingCount
      && a.dataByteCount == b.dataByteCount && a.indexByteCount == b.indexByteCount
  }
}
