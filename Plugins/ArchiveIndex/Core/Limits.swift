/// Every bound of this tier, with its reason.
enum Limits {
  // MARK: the index

  /// Bytes of an index file, which is written and read in one piece of memory: eight million objects. A larger one is
  /// not ours, and none is written.
  static let indexByteCountMax = 2 << 30
  /// What a power cut leaves of one append is shorter: 4096 changes of at most 1.1 KB.
  static let tornByteCountMax = 5 << 20
  /// Changes in one record of the journal, so that a reader can bound what it reserves.
  static let changesPerRecordMax = 4096
  /// The journal is written anew when it has grown by this much and to twice its snapshot.
  static let journalGrowthMin = 1 << 20
  /// How long a start waits for a store that it needs to rebuild a lost index.
  static let rebuildPatience: Int64 = 60_000_000_000
  /// How long a start waits for the store to say which one it is; a start never depends on a store that is away.
  static let identityPatience: Int64 = 2_000_000_000
  /// Names of one LIST call; what S3 answers at most.
  static let listingPage = 1000

  /// Footers that a rebuild reads at a time: 10,000 of them take seconds from a store that needs 20 ms for each, and no
  /// reader waits for it, because they are not among the store reads below.
  static let footerReadsMax = 32
  /// … and those behind a start, while readers come: leaves some of the 16 connections of an S3 store to them.
  static let footerReadsInBackgroundMax = 12
  /// Nanoseconds after which whoever asked for the work looks up from it: to say how far it is.
  static let progressStep: Int64 = 250_000_000

  // MARK: importing

  /// Bytes handed to the writer at a time, between which a cancellation is looked for: 40 ms of work.
  static let importStep = 4 << 20
  /// Bytes read at once while looking for batch boundaries in a file.
  static let headerReadByteCount = 256 << 10
  /// A control batch larger than this has no marker that this code knows.
  static let controlBatchByteCountMax = 4096

  // MARK: reading

  /// Raw bytes of one answer: bounds the memory of a read whatever the host asks for.
  static let answerByteCountMax = 16 << 20
  /// Decompressed frames kept in memory: 128 frames of 256 KiB.
  static let frameCacheByteCount = 32 << 20
  /// Footers kept in memory, by estimated size: about 600 objects of 64 MiB raw.
  static let footerCacheByteCount = 64 << 20
  /// An object's hot part beyond this is read from the store again instead of being kept on disk.
  static let tailFileByteCountMax = 16 << 20
  /// Pages of the chunk cache.
  static let pageByteCount = 4096
  /// Missing ranges closer than this are fetched as one: a request costs more than these bytes.
  static let mergeGap = 256 << 10
  /// Bytes of one range of a store read; larger ones are split so that the store can read them in parallel.
  static let storeRangeByteCount = 4 << 20
  /// Files of the chunk cache that are open at a time.
  static let cachedFilesMax = 256
  /// Store reads of this instance that run at a time …
  static let parallelReadsMax = 16
  /// … and how many of them may be read-ahead, so that a consumer who waits always finds a place.
  static let parallelReadAheadMax = 8
  /// Nanoseconds between two looks at a waiting read's deadline and cancellation: below the second that callers expect.
  static let waitStep: Int64 = 200_000_000
  /// Sequential readers of a partition that are told apart.
  static let streamsPerPartition = 8
  /// Compressed bytes of the first and of the longest read-ahead.
  static let readAheadMin = 1 << 20
  /// Read-ahead jobs that wait; beyond, a reader goes without.
  static let readAheadQueueMax = 64
  static let readAheadThreads = 4
  /// Threads that help searches beside their own; together with those they find places among the store reads.
  static let searchThreads = 8

  // MARK: deleting

  /// How long accepting the deletion of a partition waits for the store to take its mark. A host that is told to come
  /// back asks again; one that waits creates no topic meanwhile.
  static let promisePatience: Int64 = 5_000_000_000
  /// Keys of one remove call.
  static let removePage = 1000
  /// Pauses of a deletion that failed: the first, and the longest.
  static let deletionBackoffMin: Int64 = 1_000_000_000
  static let deletionBackoffMax: Int64 = 120_000_000_000

  // MARK: misnamed objects

  /// Names remembered, so that each is warned of once; more than this and the warnings begin again.
  static let misnamedObjectsMax = 1024

  // MARK: the fallback

  /// How long "the store has no such offset" is believed without asking again.
  static let negativeAnswerNanoseconds: Int64 = 5_000_000_000
  /// Negative answers remembered.
  static let negativeAnswersMax = 1024
  /// Names of the listing that looks for one offset: more than objects may overlap it.
  static let fallbackListingPage = 16
}
