/// What an object says about itself: enough to fetch from it with one range read, to decide about its deletion, and to
/// rebuild everything that is known of it. A plain value; small enough to keep for every object (7.7 KB per 64 MiB).
public struct Footer: Sendable, Equatable {
  public var identity: Identity
  public var range: OffsetRange
  public var sections: [Section: Range<Int>]
  public var frames: [Frame]
  public var termIndex: TermIndex
  public var epochs: [EpochStart]
  public var abortedTransactions: [AbortedTransaction]
  public var analyzer: Analyzer
  /// Of the host; not interpreted here.
  public var producerSnapshot: [UInt8]?
  /// In objects made by key compaction.
  public var compaction: Compaction?
  /// Bytes of the object: where its index ends.
  public internal(set) var objectByteCount: Int
  /// Where FOOT starts in the object.
  public internal(set) var position: Int

  public struct Identity: Sendable, Equatable {
    /// 16 bytes.
    public var topicID: [UInt8]
    public var topic: String
    public var partition: Int32

    public init(topicID: [UInt8], topic: String, partition: Int32) {
      precondition(topicID.count == 16, "a topic id has 16 bytes")
      precondition(partition >= 0)
      self.topicID = topicID
      self.topic = topic
      self.partition = partition
    }
  }

  public struct OffsetRange: Sendable, Equatable {
    public var baseOffset: Int64
    /// Behind the last offset.
    public var nextOffset: Int64
    /// Bytes of the batches before compression of the frames.
    public var rawByteCount: Int
    /// Of all records, in milliseconds since 1970.
    public var minTimestamp: Int64
    public var maxTimestamp: Int64
    public var documentCount: Int
    /// Tokens in all indexed documents.
    public var tokenCount: Int
  }

  public enum Section: UInt8, Sendable, CaseIterable {
    case postings = 1
    case dictionary = 2
    case norms = 3
    case keyFilter = 4
  }

  /// One data frame.
  public struct Frame: Sendable, Equatable {
    /// Where it is in the object.
    public var position: Int
    public var compressedByteCount: Int
    public var rawByteCount: Int
    public var firstOffset: Int64
    /// Id of the first document in it or behind it.
    public var firstDocument: Int
    public var minTimestamp: Int64
    public var maxTimestamp: Int64

    var bytes: Range<Int> { position..<position + compressedByteCount }
  }

  public struct TermIndex: Sendable, Equatable {
    public var termCount = 0
    public var blocks: [TermIndexEntry] = []
  }

  public struct Analyzer: Sendable, Equatable {
    public var version: UInt8
    /// What was lexed, bits of `ArchiveObject.Analyzed`; 0 for exact keys only.
    public var what: UInt8
  }

  public struct Compaction: Sendable, Equatable {
    public var generation: UInt8
    /// Raw bytes of the objects this one replaces.
    public var replacedByteCount: Int

    public init(generation: UInt8, replacedByteCount: Int) {
      self.generation = generation
      self.replacedByteCount = replacedByteCount
    }
  }

  /// Bytes at the object's end that a reader needs for everything but ranking: key filter, footer, trail.
  public var hotByteCount: Int { objectByteCount - (sections[.keyFilter]?.lowerBound ?? position) }

  /// What the object can be searched for.
  public var indexKind: IndexKind {
    guard sections[.dictionary] != nil else { return .none }
    return analyzer.what & ArchiveObject.Analyzed.value != 0 ? .full : .keys
  }
}

/// A dictionary block.
public struct TermIndexEntry: Sendable, Equatable {
  /// The shortest bytes above the last term of the block before; none for the first block.
  public var separator: [UInt8]
  /// Bytes of the block.
  public var byteCount: Int
}

/// A leader epoch and the offset of its first batch in the object.
public struct EpochStart: Sendable, Equatable {
  public var leaderEpoch: Int32
  public var startOffset: Int64

  public init(leaderEpoch: Int32, startOffset: Int64) {
    self.leaderEpoch = leaderEpoch
    self.startOffset = startOffset
  }
}

/// An aborted transaction: the offsets of its first record and of its abort marker.
public struct AbortedTransaction: Sendable, Equatable {
  public var producerID: Int64
  public var firstOffset: Int64
  public var lastOffset: Int64

  public init(producerID: Int64, firstOffset: Int64, lastOffset: Int64) {
    self.producerID = producerID
    self.firstOffset = firstOffset
    self.lastOffset = lastOffset
  }
}
