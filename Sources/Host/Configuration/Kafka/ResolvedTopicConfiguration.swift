/// What holds for one topic, typed: Kafka's defaults, under the broker's, under the topic's own.
///
/// Times are milliseconds because they are compared with record timestamps. Where Kafka writes -1 or the largest number
/// for "no limit", this has nil.
public struct ResolvedTopicConfiguration: Sendable, Hashable {
  public enum Compression: String, Sendable, Hashable, CaseIterable {
    case uncompressed, zstd, lz4, snappy, gzip, producer
  }

  public enum TimestampType: String, Sendable, Hashable, CaseIterable {
    case createTime = "CreateTime"
    case logAppendTime = "LogAppendTime"
  }

  public let deletesOldSegments: Bool
  public let compacts: Bool
  public let compression: Compression
  public let deleteRetentionMilliseconds: Int64
  public let fileDeleteDelayMilliseconds: Int64
  public let flushRecordCount: Int64?
  public let flushMilliseconds: Int64?
  public let indexIntervalBytes: Int
  /// Already inherited from `retentionBytes` when the topic says -2.
  public let localRetentionBytes: Int64?
  /// Already inherited from `retentionMilliseconds` when the topic says -2.
  public let localRetentionMilliseconds: Int64?
  public let maxCompactionLagMilliseconds: Int64?
  public let maxMessageBytes: Int
  public let timestampAfterMaxMilliseconds: Int64?
  public let timestampBeforeMaxMilliseconds: Int64?
  public let timestampType: TimestampType
  public let minCleanableDirtyRatio: Double
  public let minCompactionLagMilliseconds: Int64
  public let minInsyncReplicas: Int
  public let preallocates: Bool
  public let remoteStorageEnabled: Bool
  public let retentionBytes: Int64?
  public let retentionMilliseconds: Int64?
  public let segmentBytes: Int
  public let segmentIndexBytes: Int
  public let segmentJitterMilliseconds: Int64
  public let segmentMilliseconds: Int64
  public let allowsUncleanLeaderElection: Bool

  /// Both dictionaries must hold values that `TopicConfiguration.validate` returned; names that are no topic setting
  /// are ignored.
  ///
  /// - Parameter brokerDefaults: `Configuration.Topics.given`.
  public init(brokerDefaults: [String: String] = [:], overrides: [String: String] = [:]) {
    let values = TopicValues(brokerDefaults: brokerDefaults, overrides: overrides)
    let policy = values.text("cleanup.policy").split(separator: ",")
    deletesOldSegments = policy.contains("delete")
    compacts = policy.contains("compact")
    compression = values.choice("compression.type")
    deleteRetentionMilliseconds = values.integer("delete.retention.ms")
    fileDeleteDelayMilliseconds = values.integer("file.delete.delay.ms")
    flushRecordCount = values.limit("flush.messages")
    flushMilliseconds = values.limit("flush.ms")
    indexIntervalBytes = Int(values.integer("index.interval.bytes"))
    let retentionBytes = values.limit("retention.bytes")
    let retentionMilliseconds = values.limit("retention.ms")
    self.retentionBytes = retentionBytes
    self.retentionMilliseconds = retentionMilliseconds
    localRetentionBytes =
      values.integer("local.retention.bytes") == -2 ? retentionBytes : values.limit("local.retention.bytes")
    localRetentionMilliseconds =
      values.integer("local.retention.ms") == -2 ? retentionMilliseconds : values.limit("local.retention.ms")
    maxCompactionLagMilliseconds = values.limit("max.compaction.lag.ms")
    maxMessageBytes = Int(values.integer("max.message.bytes"))
    timestampAfterMaxMilliseconds = values.limit("message.timestamp.after.max.ms")
    timestampBeforeMaxMilliseconds = values.limit("message.timestamp.before.max.ms")
    timestampType = values.choice("message.timestamp.type")
    minCleanableDirtyRatio = values.decimal("min.cleanable.dirty.ratio")
    minCompactionLagMilliseconds = values.integer("min.compaction.lag.ms")
    minInsyncReplicas = Int(values.integer("min.insync.replicas"))
    preallocates = values.flag("preallocate")
    remoteStorageEnabled = values.flag("remote.storage.enable")
    segmentBytes = Int(values.integer("segment.bytes"))
    segmentIndexBytes = Int(values.integer("segment.index.bytes"))
    segmentJitterMilliseconds = values.integer("segment.jitter.ms")
    segmentMilliseconds = values.integer("segment.ms")
    allowsUncleanLeaderElection = values.flag("unclean.leader.election.enable")
  }

  /// Rules between settings. `name` is the setting to blame.
  func conflicts() -> [(name: String, problem: ValueProblem)] {
    var found: [(name: String, problem: ValueProblem)] = []
    if let maximum = maxCompactionLagMilliseconds, minCompactionLagMilliseconds > maximum {
      found.append(
        (
          "min.compaction.lag.ms",
          ValueProblem(
            "min.compaction.lag.ms: \(minCompactionLagMilliseconds) is above max.compaction.lag.ms",
            expected: "at most \(maximum)")
        ))
    }
    if let total = retentionMilliseconds, localRetentionMilliseconds ?? .max > total {
      found.append(("local.retention.ms", Self.localExceedsTotal("ms", localRetentionMilliseconds, total)))
    }
    if let total = retentionBytes, localRetentionBytes ?? .max > total {
      found.append(("local.retention.bytes", Self.localExceedsTotal("bytes", localRetentionBytes, total)))
    }
    return found
  }

  private static func localExceedsTotal(_ unit: String, _ local: Int64?, _ total: Int64) -> ValueProblem {
    ValueProblem(
      "local.retention.\(unit): \(local ?? -1) is above retention.\(unit)",
      expected: "at most \(total), or -2 for the same as retention.\(unit)")
  }
}

/// Looks values up in the order topic, broker, default. The tables guarantee that each value has its type.
private struct TopicValues {
  let brokerDefaults: [String: String]
  let overrides: [String: String]

  func text(_ name: String) -> String {
    guard let definition = TopicConfiguration.definition(named: name) else {
      preconditionFailure("no topic setting \(name)")
    }
    return overrides[name] ?? brokerDefaults[name] ?? definition.defaultValue
  }

  func integer(_ name: String) -> Int64 {
    guard let value = Int64(text(name)) else { preconditionFailure("\(name) was not validated") }
    return value
  }

  /// Nil for what stands for "no limit".
  func limit(_ name: String) -> Int64? {
    let value = integer(name)
    return value < 0 || value == .max ? nil : value
  }

  func decimal(_ name: String) -> Double {
    guard let value = Double(text(name)) else { preconditionFailure("\(name) was not validated") }
    return value
  }

  func flag(_ name: String) -> Bool { text(name) == "true" }

  func choice<Choice: RawRepresentable<String>>(_ name: String) -> Choice {
    guard let value = Choice(rawValue: text(name)) else { preconditionFailure("\(name) was not validated") }
    return value
  }
}
