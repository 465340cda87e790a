import Glibc
import TierKit

/// The keys under `config:` of this tier.
package struct Configuration: Sendable {
  /// Bytes of disk blocks reserved ahead of a writer at most; 0: none.
  package var preallocateStep: Int64 = 32 * 1024 * 1024
  /// Threads that sync files besides the one that asked.
  package var flushThreads = 8
  /// Bytes a partition may hold unflushed before an append has to wait for a flush.
  package var unflushedByteCountMax: Int64 = 256 * 1024 * 1024
  /// Milliseconds between checkpoints.
  package var checkpointInterval: Int64 = 10_000
  /// Idle descriptors kept open.
  package var openFilesMax = 512
  /// Whether flushes of many partitions go through the commit log.
  package var usesCommitLog = true
  /// Bytes of all commit-log files together.
  package var commitLogByteCount: Int64 = 256 * 1024 * 1024
  /// Not keys: `bench-log sweep` shows what other limits would cost.
  package var loggedPartitionsMin = Limits.loggedPartitionsMin
  package var loggedByteCountMax = Limits.loggedByteCountMax
  /// Not a key: tests of small disks keep nothing.
  package var keptFreeByteCount = Limits.keptFreeByteCount

  package init() {}

  init(_ options: TierOptions) throws(TierError) {
    preallocateStep = try options.integer(Key.preallocate)
    flushThreads = Int(try options.integer(Key.flushThreads))
    unflushedByteCountMax = try options.integer(Key.maxUnflushed)
    checkpointInterval = try options.integer(Key.checkpointInterval)
    let limit = try options.integer(Key.openFiles)
    openFilesMax = limit > 0 ? Int(limit) : Self.halfOfDescriptorLimit()
    switch options.settings[Key.commitLog] {
    case "auto": usesCommitLog = true
    case "off": usesCommitLog = false
    case let other:
      throw TierError(
        .invalidConfiguration, "\(Key.commitLog): expected auto or off, got \(other.map { "\"\($0)\"" } ?? "nothing")")
    }
    commitLogByteCount = try options.integer(Key.commitLogSize)
  }

  enum Key {
    static let preallocate = "preallocate"
    static let flushThreads = "flush_threads"
    static let maxUnflushed = "max_unflushed"
    static let checkpointInterval = "checkpoint_interval"
    static let openFiles = "open_files"
    static let commitLog = "commit_log"
    static let commitLogSize = "commit_log_size"
  }

  static let keys: [ConfigurationKey] = [
    ConfigurationKey(
      Key.preallocate, .size(0...(1 << 30)), default: "32MiB",
      "Disk space reserved ahead of a growing segment, at most as much again as it holds; 0 reserves none."),
    ConfigurationKey(
      Key.flushThreads, .integer(0...64), default: "8",
      "Threads that sync files in parallel when a flush covers several partitions."),
    ConfigurationKey(
      Key.maxUnflushed, .size((1 << 20)...(1 << 36)), default: "256MiB",
      "Bytes one partition may hold in memory unflushed; beyond that an append waits for a flush."),
    ConfigurationKey(
      Key.checkpointInterval, .duration(100...3_600_000), default: "10s",
      "How often recovery points are written; a crash makes the next start check at most what was written since."),
    ConfigurationKey(
      Key.openFiles, .integer(0...1_000_000), default: "0",
      "Idle files kept open; 0 means half of the process's limit."),
    ConfigurationKey(
      Key.commitLog, .choice(["auto", "off"]), default: "auto",
      "Whether a flush of several partitions goes to one shared file first (auto) or syncs every segment file (off)."),
    ConfigurationKey(
      Key.commitLogSize, .size((4 << 20)...(1 << 36)), default: "256MiB",
      "Disk space of the shared commit log, taken when a flush first covers several partitions."),
  ]

  private static func halfOfDescriptorLimit() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
    return max(64, Int(clamping: limit.rlim_cur) / 2)
  }
}
