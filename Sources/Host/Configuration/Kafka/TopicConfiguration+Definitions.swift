extension TopicConfiguration {
  private static let anyInt: ClosedRange<Int64> = 0...Int64(Int32.max)
  private static let anyLong: ClosedRange<Int64> = 0...Int64.max
  private static let longMax = String(Int64.max)

  /// Every topic setting, in alphabetical order. Names, types and defaults are those of Kafka 4.
  public static let definitions: [KafkaConfigDefinition] = [
    .init(
      "cleanup.policy", .list, "delete", .choices(["compact", "delete"]), synonym: "log.cleanup.policy",
      "What happens to old segments: delete removes them by retention, compact keeps the last record of each key."),
    .init(
      "compression.type", .string, "producer",
      .choice(["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), synonym: "compression.type",
      "The codec of stored batches; producer keeps whatever the producer chose, byte for byte."),
    .init(
      "delete.retention.ms", .long, "86400000", .integer(anyLong), unit: .milliseconds,
      synonym: "log.cleaner.delete.retention.ms",
      "How long a compacted topic keeps tombstones, so that a consumer reading from the start still sees each deletion."
    ),
    .init(
      "file.delete.delay.ms", .long, "60000", .integer(anyLong), unit: .milliseconds,
      synonym: "log.segment.delete.delay.ms",
      "How long a file stays on disk after readers stopped seeing it."),
    .init(
      "flush.messages", .long, longMax, .integer(1...Int64.max), synonym: "log.flush.interval.messages",
      "Flush after this many records, in addition to the broker's durability mode."),
    .init(
      "flush.ms", .long, longMax, .integer(anyLong), unit: .milliseconds, synonym: "log.flush.interval.ms",
      "Flush at least this often, in addition to the broker's durability mode."),
    .init(
      "follower.replication.throttled.replicas", .list, "", .replicas,
      "Replicas whose replication is throttled on the follower; accepted for tools, "
        + "without effect on a single broker."),
    .init(
      "index.interval.bytes", .int, "4096", .integer(anyInt), unit: .bytes, synonym: "log.index.interval.bytes",
      "How many bytes of records lie between two entries of the offset index."),
    .init(
      "leader.replication.throttled.replicas", .list, "", .replicas,
      "Replicas whose replication is throttled on the leader; accepted for tools, without effect on a single broker."),
    .init(
      "local.retention.bytes", .long, "-2", .integer(-2...Int64.max), unit: .bytes,
      special: "-1 = unlimited, -2 = as retention.bytes", synonym: "log.local.retention.bytes",
      "How many bytes of a partition stay in the upper tiers after they were copied to a lower one."),
    .init(
      "local.retention.ms", .long, "-2", .integer(-2...Int64.max), unit: .milliseconds,
      special: "-1 = unlimited, -2 = as retention.ms", synonym: "log.local.retention.ms",
      "How long records stay in the upper tiers after they were copied to a lower one."),
    .init(
      "max.compaction.lag.ms", .long, longMax, .integer(1...Int64.max), unit: .milliseconds,
      synonym: "log.cleaner.max.compaction.lag.ms",
      "The longest time a record may wait for compaction."),
    .init(
      "max.message.bytes", .int, "1048588", .integer(anyInt), unit: .bytes, synonym: "message.max.bytes",
      "The largest batch a producer may send, after compression."),
    .init(
      "message.timestamp.after.max.ms", .long, "3600000", .integer(anyLong), unit: .milliseconds,
      synonym: "log.message.timestamp.after.max.ms",
      "How far a record's timestamp may lie in the future; CreateTime only."),
    .init(
      "message.timestamp.before.max.ms", .long, longMax, .integer(anyLong), unit: .milliseconds,
      synonym: "log.message.timestamp.before.max.ms",
      "How far a record's timestamp may lie in the past; CreateTime only."),
    .init(
      "message.timestamp.type", .string, "CreateTime", .choice(["CreateTime", "LogAppendTime"]),
      synonym: "log.message.timestamp.type",
      "Whose clock dates a record: the producer's (CreateTime) or the broker's (LogAppendTime)."),
    .init(
      "min.cleanable.dirty.ratio", .double, "0.5", .decimal(0...1), synonym: "log.cleaner.min.cleanable.ratio",
      "Compact once this share of the log has not been compacted yet."),
    .init(
      "min.compaction.lag.ms", .long, "0", .integer(anyLong), unit: .milliseconds,
      synonym: "log.cleaner.min.compaction.lag.ms",
      "How long a record stays untouched by compaction."),
    .init(
      "min.insync.replicas", .int, "1", .integer(1...Int64(Int32.max)), synonym: "min.insync.replicas",
      "How many replicas must have a batch before acks=all is answered; as in Kafka, "
        + "never more than the partition has, "
        + "which is one on a single broker."),
    .init(
      "preallocate", .boolean, "false", .boolean, synonym: "log.preallocate",
      "Reserve the whole file when a segment is created."),
    .init(
      "remote.storage.enable", .boolean, "false", .boolean,
      "Kafka's switch for tiered storage; reported and stored, while the chain decides what is offloaded."),
    .init(
      "retention.bytes", .long, "-1", .integer(-1...Int64.max), unit: .bytes, special: "-1 = unlimited",
      synonym: "log.retention.bytes",
      "How many bytes of a partition are kept over all tiers."),
    .init(
      "retention.ms", .long, "604800000", .integer(-1...Int64.max), unit: .milliseconds, special: "-1 = unlimited",
      synonym: "log.retention.ms",
      "How long records are kept over all tiers."),
    .init(
      "segment.bytes", .int, "1073741824", .integer(1024...Int64(Int32.max)), unit: .bytes,
      synonym: "log.segment.bytes",
      "The size at which a segment is sealed and the next one begun."),
    .init(
      "segment.index.bytes", .int, "10485760", .integer(4...Int64(Int32.max)), unit: .bytes,
      synonym: "log.index.size.max.bytes",
      "The largest offset index of a segment; a full index seals the segment."),
    .init(
      "segment.jitter.ms", .long, "0", .integer(anyLong), unit: .milliseconds, synonym: "log.roll.jitter.ms",
      "Spread sealing by age over this time, so that many partitions do not seal at once."),
    .init(
      "segment.ms", .long, "604800000", .integer(1...Int64.max), unit: .milliseconds, synonym: "log.roll.ms",
      "The age at which a segment is sealed even when it is not full."),
    .init(
      "unclean.leader.election.enable", .boolean, "false", .boolean, synonym: "unclean.leader.election.enable",
      "Whether a replica that lacks acknowledged records may lead."),
  ]
}
