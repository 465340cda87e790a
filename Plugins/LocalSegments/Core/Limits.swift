/// Every bound of this tier, with its reason.
enum Limits {
  /// Positions in .index files are 32-bit.
  static let segmentByteCountMax = Int64(Int32.max)
  /// A smaller segment would hold less than any useful batch; smaller settings are raised to this.
  static let segmentByteCountMin: Int64 = 1024
  /// Bytes of an index file at which its segment is rolled; the default of Kafka's segment.index.bytes.
  static let indexByteCountMax: Int64 = 10 * 1024 * 1024
  /// Index entries of an active segment that are written together. After a kill the headers behind the last one written
  /// are walked over: with one entry every 4 KiB those of 256 KiB.
  static let indexEntriesPerWrite = 64
  /// Entries of an index file that a lookup reads at once, and that a rebuild keeps in memory: 512 are one page of .index.
  static let indexEntriesPerBlock = 512
  /// Entries kept when the index cannot be written (disk full); beyond, every second one is dropped.
  static let unwritableIndexEntriesMax = 4096
  /// Vectors of one pwritev, the kernel's IOV_MAX.
  static let vectorsPerWriteMax = 1024
  /// Text files (checkpoints, metadata) larger than this are not ours: 100,000 partitions with long names fit.
  static let textFileByteCountMax: Int64 = 64 * 1024 * 1024
  /// Bytes of a log read at once while looking for a batch boundary. Small: most lookups end within one index interval.
  static let headerScanByteCount = 4096
  /// A start walks over at most so many bytes of a sealed segment to its last batch; with an index entry every 4 KiB it is
  /// one batch. It only looks for a gap, so with sparser indexes it does without.
  static let gapScanByteCountMax: Int64 = 1024 * 1024
  /// How often a reader looks again because the file it opened was exchanged meanwhile. Each exchange takes several syncs,
  /// so nobody meets even two.
  static let lookUpAttempts = 8
  /// Batches a nonblocking lookup walks over before it leaves the rest to a thread that may wait. With an entry every
  /// 4 KiB there are at most 70 between two entries.
  static let nonblockingBatchesMax = 512
  /// Buffer of a scan over whole logs and of checksum checks of cold reads.
  static let scanBufferByteCount = 256 * 1024
  /// Cold-read buffers kept for the next read.
  static let idleBuffersMax = 8
  /// Batch boundaries remembered per partition (ends of reads and flushes).
  static let rememberedBoundaries = 16
  /// A log smaller than this is not preallocated, so that many small logs do not eat the disk.
  static let preallocationStart: Int64 = 256 * 1024
  /// Bytes of the disk that records leave free. A deletion writes a few KiB for each partition and a start a little more;
  /// the checkpoints of 100,000 partitions are 5 MiB.
  static let keptFreeByteCount: Int64 = 8 * 1024 * 1024
  /// Bytes that are appended before the disk is asked again how much is free, at most.
  static let spaceBudgetMax: Int64 = 64 * 1024 * 1024
  /// Partitions whose checkpoints are made durable in common steps: each may hold a descriptor more meanwhile.
  static let settledAtOnceMax = 256
  /// Foreign names listed in the one warning about them.
  static let namedForeignFilesMax = 10

  // The commit log.

  /// Files that take turns: while one takes entries, two can wait for a checkpoint and one is ready.
  static let commitLogFiles = 4
  /// A flush of fewer dirty files syncs each. `bench-log sweep` on ext4, 1 KiB to each partition: 2 files took 0.10 ms
  /// through the commit log and 0.25 ms directly, 32 files 0.20 and 1.2 ms.
  static let loggedPartitionsMin = 2
  /// A partition with more bytes to flush has its own file synced. The same measurement, mean of 2, 8 and 32 partitions:
  /// with 64 KiB each 0.19, 0.55 and 2.1 ms through the commit log against 0.38, 0.80 and 2.9 directly; with 256 KiB
  /// 0.50, 1.9 and 7.6 against 0.63, 1.8 and 6.7, as the bytes are written twice.
  static let loggedByteCountMax: Int64 = 128 * 1024
  /// Entries are gathered in so much memory, at least the largest entry and a page of padding twice.
  static let commitLogBufferByteCount = 2 * 1024 * 1024
  /// Threads that sync segment files at a checkpoint. Few: flushes come first.
  static let checkpointThreadsMax = 4
  /// How long after a refusal making a commit-log file is tried again.
  static let commitLogRetryNanoseconds: Int64 = 10_000_000_000
}
