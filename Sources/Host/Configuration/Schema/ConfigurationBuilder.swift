/// Turns checked values into the typed configuration, filling in the schema's defaults.
///
/// The schema promises a value of the right kind for every path asked for here; a broken promise is our bug and traps.
struct ConfigurationBuilder {
  let values: [String: SettingValue]
  let kafka: [String: [String: String]]
  let chain: [TierSpec]?
  let baseDirectory: String
  let environment: ConfigurationEnvironment

  func build() -> Configuration {
    Configuration(
      nodeID: Int32(integer("node.id")), clusterID: optionalText("cluster.id"), dataDirectory: path("data_dir"),
      listen: endpoint("listen"), advertised: optionalEndpoint("advertised"), isVolatile: flag("volatile"),
      durability: Configuration.Durability(mode: choice("durability.mode"), interval: duration("durability.interval")),
      plugins: plugins, chain: chain ?? ConfigurationSchema.defaultChain,
      offload: offload, compaction: compaction, topics: topics, coordinators: coordinators,
      network: network,
      fetch: Configuration.Fetch(maxBytes: Int(integer("fetch.max_bytes")), sessions: Int(integer("fetch.sessions"))),
      http: http,
      log: Configuration.Log(level: choice("log.level"), format: choice("log.format")))
  }

  private var plugins: Configuration.Plugins {
    var path = ConfigurationSchema.defaultPluginPath.map { resolve($0) }
    if case .list(let given) = values["plugins.path"] { path = given }
    var digests: [String: String] = [:]
    if case .table(let given) = values["plugins.sha256"] {
      for entry in given { digests[entry.key] = entry.value }
    }
    return Configuration.Plugins(path: path, sha256: digests)
  }

  private var offload: Configuration.Offload {
    Configuration.Offload(
      isEnabled: flag("offload.enabled"), interval: duration("offload.interval"),
      triggerBytes: integer("offload.trigger_bytes"), unitBytes: integer("offload.unit_bytes"),
      bytesPerSecond: integer("offload.bandwidth"), concurrency: Int(integer("offload.concurrency")))
  }

  private var compaction: Configuration.Compaction {
    var config: [TierSetting] = []
    if case .table(let given) = values["compaction.config"] { config = given }
    return Configuration.Compaction(
      isEnabled: flag("compaction.enabled"), plugin: text("compaction.plugin"),
      library: optionalText("compaction.library"), strategy: text("compaction.strategy"),
      interval: duration("compaction.interval"),
      bytesPerSecondMax: Int(integer("compaction.max_bytes_per_second")), config: config)
  }

  private var topics: Configuration.Topics {
    Configuration.Topics(
      createsAutomatically: kafkaText("topics", "auto.create.topics.enable") == "true",
      partitionCount: Int32(kafkaInteger("topics", "num.partitions")),
      replicationFactor: Int16(kafkaInteger("topics", "default.replication.factor")),
      allowsDeletion: kafkaText("topics", "delete.topic.enable") == "true",
      retentionCheckInterval: .milliseconds(kafkaInteger("topics", "log.retention.check.interval.ms")),
      given: kafka["topics"] ?? [:])
  }

  private var coordinators: Configuration.Coordinators {
    func number(_ name: String) -> Int64 { kafkaInteger("coordinators", name) }
    return Configuration.Coordinators(
      initialRebalanceDelay: .milliseconds(number("group.initial.rebalance.delay.ms")),
      sessionTimeoutMin: .milliseconds(number("group.min.session.timeout.ms")),
      sessionTimeoutMax: .milliseconds(number("group.max.session.timeout.ms")),
      groupSizeMax: Int(number("group.max.size")),
      offsetsRetention: .seconds(60 * number("offsets.retention.minutes")),
      offsetsRetentionCheckInterval: .milliseconds(number("offsets.retention.check.interval.ms")),
      offsetMetadataBytesMax: Int(number("offset.metadata.max.bytes")),
      offsetsTopicPartitionCount: Int32(number("offsets.topic.num.partitions")),
      producerIDExpiration: .milliseconds(number("producer.id.expiration.ms")),
      transactionTimeoutMax: .milliseconds(number("transaction.max.timeout.ms")),
      transactionalIDExpiration: .milliseconds(number("transactional.id.expiration.ms")),
      transactionTimeoutCheckInterval: .milliseconds(
        number("transaction.abort.timed.out.transaction.cleanup.interval.ms")),
      transactionTopicPartitionCount: Int32(number("transaction.state.log.num.partitions")),
      given: kafka["coordinators"] ?? [:])
  }

  private var network: Configuration.Network {
    let threads =
      value("network.threads") == .automatic ? Int64(environment.processorCount) : integer("network.threads")
    let congestion = text("network.tcp_congestion")
    return Configuration.Network(
      threads: Int(threads), tcpCongestion: congestion == "system" ? nil : congestion,
      maxRequestBytes: Int(integer("network.max_request_bytes")),
      maxConnections: Int(integer("network.max_connections")),
      maxInflightBytes: Int(integer("network.max_inflight_bytes")),
      maxInflightRequestsPerConnection: Int(integer("network.max_inflight_requests_per_connection")),
      idleTimeout: duration("network.idle_timeout"),
      stallTimeout: duration("network.stall_timeout"))
  }

  private var http: Configuration.HTTP {
    var listen: Endpoint?
    if case .endpoint(let endpoint) = value("http.listen") { listen = endpoint }
    return Configuration.HTTP(
      listen: listen, maxBodyBytes: Int(integer("http.max_body_bytes")),
      maxConnections: Int(integer("http.max_connections")), maxSearches: Int(integer("http.max_searches")),
      maxQueuedSearches: Int(integer("http.max_queued_searches")), searchTimeout: duration("http.search_timeout"),
      clientTimeout: duration("http.client_timeout"))
  }

  private func value(_ path: String) -> SettingValue {
    guard let value = values[path] ?? ConfigurationSchema.byPath[path]?.defaultValue else {
      preconditionFailure("the schema has no default for \(path)")
    }
    return value
  }

  private func integer(_ path: String) -> Int64 {
    switch value(path) {
    case .integer(let number), .size(let number): number
    default: preconditionFailure("\(path) is not a number")
    }
  }

  private func duration(_ path: String) -> Duration {
    guard case .duration(let milliseconds) = value(path) else { preconditionFailure("\(path) is not a duration") }
    return .milliseconds(milliseconds)
  }

  private func flag(_ path: String) -> Bool {
    guard case .boolean(let flag) = value(path) else { preconditionFailure("\(path) is not a boolean") }
    return flag
  }

  private func text(_ path: String) -> String {
    guard case .text(let text) = value(path) else { preconditionFailure("\(path) is not text") }
    return text
  }

  private func optionalText(_ path: String) -> String? { values[path] == nil ? nil : text(path) }

  private func choice<Choice: RawRepresentable<String>>(_ path: String) -> Choice {
    guard let choice = Choice(rawValue: text(path)) else { preconditionFailure("\(path) has an unknown choice") }
    return choice
  }

  private func endpoint(_ path: String) -> Endpoint {
    guard case .endpoint(let endpoint) = value(path) else { preconditionFailure("\(path) is not an endpoint") }
    return endpoint
  }

  private func optionalEndpoint(_ path: String) -> Endpoint? { values[path] == nil ? nil : endpoint(path) }

  /// Given paths are absolute already; defaults are not.
  private func path(_ path: String) -> String { resolve(text(path)) }

  private func resolve(_ path: String) -> String {
    PathText.resolve(path, against: baseDirectory, binaryDirectory: environment.binaryDirectory)
  }

  private func kafkaText(_ section: String, _ name: String) -> String {
    guard let definition = ConfigurationSchema.kafkaByName[section]?[name] else {
      preconditionFailure("no setting \(name)")
    }
    return kafka[section]?[name] ?? definition.defaultValue
  }

  private func kafkaInteger(_ section: String, _ name: String) -> Int64 {
    guard let number = Int64(kafkaText(section, name)) else { preconditionFailure("\(name) is not a number") }
    return number
  }
}
