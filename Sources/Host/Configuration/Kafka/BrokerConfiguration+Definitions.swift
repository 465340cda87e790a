extension BrokerConfiguration {
  private static let positiveInt: ClosedRange<Int64> = 1...Int64(Int32.max)
  private static let anyInt: ClosedRange<Int64> = 0...Int64(Int32.max)

  static let own: [BrokerConfigDefinition] = identity + network + topics + groups + transactions + background

  private static let identity: [BrokerConfigDefinition] = [
    shown("broker.id", .int, "1", as: "node.id", "The id of this broker.") { String($0.nodeID) },
    shown("node.id", .int, "1", as: "node.id", "The id of this broker.") { String($0.nodeID) },
    shown("log.dir", .string, "", as: "data_dir", "The data directory.") { $0.dataDirectory },
    shown("log.dirs", .string, "", as: "data_dir", "The data directory.") { $0.dataDirectory },
    shown("listeners", .string, "PLAINTEXT://127.0.0.1:9092", as: "listen", "Where the broker listens.") {
      "PLAINTEXT://\($0.listen)"
    },
    shown("advertised.listeners", .string, "", as: "advertised", "What clients are told to connect to.") {
      "PLAINTEXT://\($0.advertisedEndpoint(boundPort: $0.listen.port))"
    },
    fixed(
      "inter.broker.protocol.version", .string, "4.0-IV3",
      "The Kafka release whose protocol this broker speaks; monitoring tools read it."),
  ]

  private static let network: [BrokerConfigDefinition] = [
    shown("num.network.threads", .int, "3", as: "network.threads", "How many threads serve connections.") {
      String($0.network.threads)
    },
    shown("socket.request.max.bytes", .int, "104857600", as: "network.max_request_bytes", "The largest request.") {
      String($0.network.maxRequestBytes)
    },
    shown(
      "max.connections", .int, "10000", as: "network.max_connections", changing: .integer(1...1_000_000),
      "How many connections are open at once."
    ) { String($0.network.maxConnections) },
    shown("connections.max.idle.ms", .long, "600000", as: "network.idle_timeout", "When an idle connection is closed.")
    {
      String($0.network.idleTimeout.wholeMilliseconds)
    },
    shown("fetch.max.bytes", .int, "57671680", as: "fetch.max_bytes", "The most bytes of one Fetch response.") {
      String($0.fetch.maxBytes)
    },
    shown(
      "max.incremental.fetch.session.cache.slots", .int, "1000", as: "fetch.sessions",
      "How many fetch sessions are kept."
    ) { String($0.fetch.sessions) },
  ]

  private static let topics: [BrokerConfigDefinition] = [
    settable(
      "auto.create.topics.enable", .boolean, "true", .boolean, in: "topics",
      "Create a topic when a client asks for the metadata of one that does not exist."),
    settable(
      "default.replication.factor", .int, "1", .integer(1...Int64(Int16.max)), in: "topics",
      "The replication factor of topics created without one; a single broker can only offer 1."),
    settable("delete.topic.enable", .boolean, "true", .boolean, in: "topics", "Whether clients may delete topics."),
    settable(
      "log.retention.check.interval.ms", .long, "300000", .integer(1...Int64.max), unit: .milliseconds, in: "topics",
      "How often segments are looked for that retention.ms or retention.bytes lets go of."),
    settable(
      "num.partitions", .int, "1", .integer(positiveInt), in: "topics",
      "The partition count of topics created without one."),
    fixed("auto.leader.rebalance.enable", .boolean, "false", "Leadership never moves on a single broker."),
  ]

  private static let groups: [BrokerConfigDefinition] = [
    settable(
      "group.initial.rebalance.delay.ms", .int, "3000", .integer(anyInt), unit: .milliseconds, in: "coordinators",
      "How long a new group waits for more members before its first rebalance."),
    settable(
      "group.max.session.timeout.ms", .int, "1800000", .integer(positiveInt), unit: .milliseconds, in: "coordinators",
      "The longest session timeout a member may ask for."),
    settable(
      "group.max.size", .int, String(Int32.max), .integer(positiveInt), in: "coordinators",
      "The most members of one group."),
    settable(
      "group.min.session.timeout.ms", .int, "6000", .integer(positiveInt), unit: .milliseconds, in: "coordinators",
      "The shortest session timeout a member may ask for."),
    settable(
      "offset.metadata.max.bytes", .int, "4096", .integer(anyInt), unit: .bytes, in: "coordinators",
      "The longest text that may accompany a committed offset."),
    settable(
      "offsets.retention.check.interval.ms", .long, "600000", .integer(1...Int64.max), unit: .milliseconds,
      in: "coordinators", "How often expired offsets are looked for."),
    settable(
      "offsets.retention.minutes", .int, "10080", .integer(positiveInt), unit: .minutes, in: "coordinators",
      "How long the offsets of a group are kept after its last member left."),
    settable(
      "offsets.topic.num.partitions", .int, "50", .integer(1...10_000), in: "coordinators",
      "The partition count of __consumer_offsets when it is created; later changes have no effect."),
    fixed("offsets.topic.replication.factor", .short, "1", "The replication factor of __consumer_offsets."),
  ]

  private static let transactions: [BrokerConfigDefinition] = [
    settable(
      "producer.id.expiration.ms", .int, "86400000", .integer(positiveInt), unit: .milliseconds, in: "coordinators",
      scope: .cluster,
      "How long the sequence numbers of a silent idempotent producer are remembered."),
    settable(
      "transaction.abort.timed.out.transaction.cleanup.interval.ms", .int, "10000", .integer(positiveInt),
      unit: .milliseconds, in: "coordinators", "How often transactions that timed out are looked for."),
    settable(
      "transaction.max.timeout.ms", .int, "900000", .integer(positiveInt), unit: .milliseconds, in: "coordinators",
      "The longest transaction timeout a producer may ask for."),
    fixed("transaction.state.log.min.isr", .int, "1", "The min.insync.replicas of __transaction_state."),
    settable(
      "transaction.state.log.num.partitions", .int, "50", .integer(1...10_000), in: "coordinators",
      "The partition count of __transaction_state when it is created; later changes have no effect."),
    fixed("transaction.state.log.replication.factor", .short, "1", "The replication factor of __transaction_state."),
    settable(
      "transactional.id.expiration.ms", .int, "604800000", .integer(positiveInt), unit: .milliseconds,
      in: "coordinators", "How long a transactional id is remembered without use."),
  ]

  /// Kafka's names for the pace of work in the background.
  private static let background: [BrokerConfigDefinition] = [
    shown(
      "log.cleaner.backoff.ms", .long, "15000", as: "compaction.interval", changing: .integer(100...86_400_000),
      unit: .milliseconds, "How often compaction looks for something to do."
    ) { String($0.compaction.interval.wholeMilliseconds) },
    shown(
      "log.cleaner.io.max.bytes.per.second", .double, "67108864.0", as: "compaction.max_bytes_per_second",
      changing: .decimal(65_536...Double.greatestFiniteMagnitude),
      "What compaction may read and write in a second, together."
    ) { "\(Double($0.compaction.bytesPerSecondMax))" },
    shown(
      "remote.log.manager.copy.max.bytes.per.second", .long, String(Int64.max), as: "offload.bandwidth",
      changing: .integer(1...Int64.max), unit: .bytes,
      "What may be copied to the tiers below in a second; the largest number is no limit."
    ) { String($0.offload.bytesPerSecond == 0 ? .max : $0.offload.bytesPerSecond) },
  ]

  private static func settable(
    _ name: String, _ type: KafkaConfigType, _ value: String, _ rule: KafkaValueRule, unit: KafkaValueUnit = .none,
    in section: String, scope: DynamicScope? = nil, _ documentation: String
  ) -> BrokerConfigDefinition {
    BrokerConfigDefinition(
      definition: KafkaConfigDefinition(name, type, value, rule, unit: unit, isReadOnly: scope == nil, documentation),
      origin: .section(section), scope: scope)
  }

  /// `changing`: what clients may set while the broker runs; nil when they may not.
  private static func shown(
    _ name: String, _ type: KafkaConfigType, _ value: String, as path: String, changing rule: KafkaValueRule? = nil,
    unit: KafkaValueUnit = .none, _ documentation: String, _ read: @escaping @Sendable (Configuration) -> String
  ) -> BrokerConfigDefinition {
    BrokerConfigDefinition(
      definition: KafkaConfigDefinition(
        name, type, value, rule ?? .text, unit: unit, isReadOnly: rule == nil, documentation),
      origin: .setting(path: path, value: read), scope: rule == nil ? nil : .cluster)
  }

  private static func fixed(
    _ name: String, _ type: KafkaConfigType, _ value: String, _ documentation: String
  ) -> BrokerConfigDefinition {
    BrokerConfigDefinition(
      definition: KafkaConfigDefinition(name, type, value, .text, isReadOnly: true, documentation), origin: .fixed,
      scope: nil)
  }
}

extension Duration {
  /// Truncated towards zero.
  public var wholeMilliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}
