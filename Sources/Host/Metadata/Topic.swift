import Configuration
import KafkaProtocol
import KafkaRecords
import NIOConcurrencyHelpers
import PluginLoader
import TierAPI

/// A topic that is being served.
///
/// Name, id and partition logs are fixed, except that partitions may be added; the configuration may be replaced. Any
/// thread.
final class Topic: Sendable {
  let name: String
  let id: KafkaUUID
  private let state: NIOLockedValueBox<State>

  private struct State: Sendable {
    var partitions: [PartitionLog]
    var overrides: [String: String]
    var configuration: ResolvedTopicConfiguration
  }

  init(
    name: String, id: KafkaUUID, partitions: [PartitionLog], overrides: [String: String],
    configuration: ResolvedTopicConfiguration
  ) {
    self.name = name
    self.id = id
    state = NIOLockedValueBox(State(partitions: partitions, overrides: overrides, configuration: configuration))
  }

  /// In order of partition number, without gaps.
  var partitions: [PartitionLog] { state.withLockedValue { $0.partitions } }
  /// Settings given for this topic, under Kafka's names, normalised.
  var overrides: [String: String] { state.withLockedValue { $0.overrides } }
  var configuration: ResolvedTopicConfiguration { state.withLockedValue { $0.configuration } }

  /// The log of a partition number, or nil when there is none.
  func partition(_ number: Int32) -> PartitionLog? {
    state.withLockedValue { state in
      number >= 0 && number < state.partitions.count ? state.partitions[Int(number)] : nil
    }
  }

  func add(_ logs: [PartitionLog]) { state.withLockedValue { $0.partitions += logs } }

  /// Replaces the configuration and tells the logs and their tiers, all of them, also when one fails: its error is
  /// thrown in the end. Blocks; on the controller thread.
  func configure(_ overrides: [String: String], _ configuration: ResolvedTopicConfiguration) throws(TierFailure) {
    let logs = state.withLockedValue { state in
      state.overrides = overrides
      state.configuration = configuration
      return state.partitions
    }
    let settings = chronik_partition_settings(configuration)
    var failure: TierFailure?
    for log in logs {
      log.validator = AppendValidator(configuration)
      let result = log.change {
        Result { () throws(TierFailure) in
          for partition in log.chain.partitions { try partition.configure(settings) }
        }
      }
      do throws(TierFailure) { try result?.get() } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  /// Topics that the broker keeps for itself; clients see them marked as internal.
  var isInternal: Bool { Self.internalNames.contains(name) }
  static let internalNames: Set<String> = ["__consumer_offsets", "__transaction_state"]
}

extension AppendValidator {
  init(_ configuration: ResolvedTopicConfiguration) {
    self.init(
      batchByteCountMax: configuration.maxMessageBytes, requiresKeys: configuration.compacts,
      timestampBeforeMax: configuration.timestampBeforeMaxMilliseconds,
      timestampAfterMax: configuration.timestampAfterMaxMilliseconds,
      usesLogAppendTime: configuration.timestampType == .logAppendTime,
      codec: configuration.compression.codec)
  }
}

extension ResolvedTopicConfiguration.Compression {
  /// Nil: whatever the producer chose.
  var codec: KafkaRecords.Compression? {
    switch self {
    case .producer: nil
    case .uncompressed: KafkaRecords.Compression.none
    case .gzip: .gzip
    case .snappy: .snappy
    case .lz4: .lz4
    case .zstd: .zstd
    }
  }
}

extension chronik_partition_settings {
  /// What of a topic's configuration concerns its tiers.
  init(_ configuration: ResolvedTopicConfiguration) {
    // Compaction leaves the active segment alone: within max.compaction.lag.ms its records must leave it.
    let lag = configuration.compacts ? configuration.maxCompactionLagMilliseconds : nil
    self.init(
      struct_size: UInt32(MemoryLayout<chronik_partition_settings>.size), reserved: 0,
      segment_bytes: Int64(configuration.segmentBytes),
      segment_ms: min(configuration.segmentMilliseconds, lag ?? .max),
      index_interval_bytes: Int64(configuration.indexIntervalBytes),
      local_retention_ms: configuration.localRetentionMilliseconds ?? -1,
      local_retention_bytes: configuration.localRetentionBytes ?? -1)
  }
}
