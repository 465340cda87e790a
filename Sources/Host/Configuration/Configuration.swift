/// The configuration of a broker: typed, complete and valid.
///
/// It comes from a file, from command-line overrides and from the schema's defaults, in this order of weight
/// (see `LoadedConfiguration`). Paths are absolute. Sizes are in bytes and named so.
public struct Configuration: Sendable, Hashable {
  /// This broker's id in the Kafka protocol.
  public var nodeID: Int32
  /// Nil: the host keeps a generated id in the data directory.
  public var clusterID: String?
  public var dataDirectory: String
  /// Port 0 asks the system for any free port.
  public var listen: Endpoint
  /// What clients are told to connect to, when the file says so; see `advertisedEndpoint(boundPort:)`.
  public var advertised: Endpoint?
  /// The user accepts that acknowledged records do not survive a restart.
  public var isVolatile: Bool
  public var durability: Durability
  public var plugins: Plugins
  /// Never empty; first tier first.
  public var chain: [TierSpec]
  public var offload: Offload
  public var compaction: Compaction
  public var topics: Topics
  public var coordinators: Coordinators
  public var network: Network
  public var fetch: Fetch
  public var http: HTTP
  public var log: Log

  public struct Durability: Sendable, Hashable {
    public enum Mode: String, Sendable, Hashable, CaseIterable {
      /// Every group of batches is flushed before it is acknowledged.
      case fsync
      /// Flushed every `interval`; acks=all waits for it.
      case interval
      /// The operating system decides; an acknowledged record can be lost with the power.
      case os
    }

    public var mode: Mode
    public var interval: Duration
  }

  public struct Plugins: Sendable, Hashable {
    /// Directories searched in this order for `lib<tier>.so`.
    public var path: [String]
    /// Lower-case hexadecimal SHA-256 by library name without `lib` and `.so`.
    public var sha256: [String: String]
  }

  public struct Offload: Sendable, Hashable {
    public var isEnabled: Bool
    public var interval: Duration
    /// Bytes waiting that begin a pass before its time.
    public var triggerBytes: Int64
    public var unitBytes: Int64
    /// 0: no limit.
    public var bytesPerSecond: Int64
    public var concurrency: Int
  }

  public struct Compaction: Sendable, Hashable {
    public var isEnabled: Bool
    /// Names the library (`lib<plugin>.so` on `plugins.path`) unless `library` does.
    public var plugin: String
    /// The library's file, absolute.
    public var library: String?
    /// Which strategy of the library.
    public var strategy: String
    /// Between two looks at the partitions.
    public var interval: Duration
    /// Read and written together.
    public var bytesPerSecondMax: Int
    /// The strategy's own settings in the order of the file, as written.
    public var config: [TierSetting]
  }

  public struct Topics: Sendable, Hashable {
    public var createsAutomatically: Bool
    public var partitionCount: Int32
    public var replicationFactor: Int16
    public var allowsDeletion: Bool
    public var retentionCheckInterval: Duration
    /// The topic and broker settings that the file gives, by Kafka's names, in normal form. The broker layer of
    /// `ResolvedTopicConfiguration`.
    public var given: [String: String]
  }

  public struct Coordinators: Sendable, Hashable {
    public var initialRebalanceDelay: Duration
    public var sessionTimeoutMin: Duration
    public var sessionTimeoutMax: Duration
    public var groupSizeMax: Int
    public var offsetsRetention: Duration
    public var offsetsRetentionCheckInterval: Duration
    public var offsetMetadataBytesMax: Int
    public var offsetsTopicPartitionCount: Int32
    public var producerIDExpiration: Duration
    public var transactionTimeoutMax: Duration
    public var transactionalIDExpiration: Duration
    public var transactionTimeoutCheckInterval: Duration
    public var transactionTopicPartitionCount: Int32
    /// The settings that the file gives, by Kafka's names, in normal form.
    public var given: [String: String]
  }

  public struct Network: Sendable, Hashable {
    /// Event loops. Resolved: never 0.
    public var threads: Int
    /// Nil leaves the kernel's default.
    public var tcpCongestion: String?
    public var maxRequestBytes: Int
    public var maxConnections: Int
    /// Over all connections: request bytes that were read and not yet answered.
    public var maxInflightBytes: Int
    public var maxInflightRequestsPerConnection: Int
    public var idleTimeout: Duration
    /// How long a request that has begun to arrive may stand still.
    public var stallTimeout: Duration
  }

  public struct Fetch: Sendable, Hashable {
    public var maxBytes: Int
    /// Fetch sessions kept over all clients; 0 turns them off.
    public var sessions: Int
  }

  public struct HTTP: Sendable, Hashable {
    /// Nil: no HTTP port. Port 0 asks the system for any free port.
    public var listen: Endpoint?
    public var maxBodyBytes: Int
    public var maxConnections: Int
    /// Searches that run at the same time, each on a thread of its own.
    public var maxSearches: Int
    /// Searches that wait for a thread; more are refused.
    public var maxQueuedSearches: Int
    /// The longest that a search may take; what was found until then is the answer.
    public var searchTimeout: Duration
    /// How long a client may take to send a request, to take an answer, or to send nothing.
    public var clientTimeout: Duration
  }

  public struct Log: Sendable, Hashable {
    public enum Level: String, Sendable, Hashable, CaseIterable {
      case trace, debug, info, notice, warning, error, critical
    }

    public enum Format: String, Sendable, Hashable, CaseIterable {
      case text, json
    }

    public var level: Level
    public var format: Format
  }

  /// What clients are told to connect to: `advertised`, or the listener's host with the port it is bound to.
  public func advertisedEndpoint(boundPort: UInt16) -> Endpoint {
    advertised ?? Endpoint(host: listen.host, port: boundPort)
  }
}
