/// What holds for the broker now: the configuration that it started with, under what clients have changed since.
///
/// Immutable; a change makes a new one. What has no effect before a restart is in `configuration` alone.
public final class BrokerSettings: Sendable {
  public let configuration: Configuration
  public let dynamic: DynamicBrokerSettings
  public let topicDefaults: TopicDefaults
  /// Connections open at the same time.
  public let connectionCountMax: Int
  /// After how long the sequence numbers of a silent producer are forgotten.
  public let producerIDExpiration: Duration
  /// Between two looks of compaction at the partitions.
  public let compactionInterval: Duration
  /// What compaction may read and write together in a second.
  public let compactionBytesPerSecondMax: Int
  /// What may be copied to the tiers below in a second; 0: no limit.
  public let offloadBytesPerSecondMax: Int64

  /// The values must have passed `BrokerConfiguration.check`.
  public init(_ configuration: Configuration, dynamic: DynamicBrokerSettings = DynamicBrokerSettings()) {
    self.configuration = configuration
    self.dynamic = dynamic
    topicDefaults = TopicDefaults(given: configuration.topics.given, dynamic: dynamic)
    func changed(_ name: String) -> String? { dynamic.broker[name] ?? dynamic.cluster[name] }
    func integer(_ name: String) -> Int64? { changed(name).flatMap { Int64($0) } }
    connectionCountMax = integer("max.connections").map { Int($0) } ?? configuration.network.maxConnections
    producerIDExpiration =
      integer("producer.id.expiration.ms").map { .milliseconds($0) } ?? configuration.coordinators.producerIDExpiration
    compactionInterval =
      integer("log.cleaner.backoff.ms").map { .milliseconds($0) } ?? configuration.compaction.interval
    compactionBytesPerSecondMax =
      changed("log.cleaner.io.max.bytes.per.second").flatMap { Double($0) }.map { Int(min($0, Self.rateMax)) }
      ?? configuration.compaction.bytesPerSecondMax
    offloadBytesPerSecondMax =
      integer("remote.log.manager.copy.max.bytes.per.second").map { $0 == .max ? 0 : $0 }
      ?? configuration.offload.bytesPerSecond
  }

  /// More than any disk does, and far from what sums of rates and times overflow at.
  private static let rateMax = Double(1 << 50)

  /// The value in force without what `scope` and the scopes above it say: what a list in `scope` is appended to.
  func value(of row: BrokerConfigDefinition, below scope: DynamicScope) -> String {
    let lower = DynamicBrokerSettings.order.drop { $0 != scope }.dropFirst()
    return lower.lazy.compactMap { self.dynamic[$0][row.name] }.first ?? row.value(in: configuration)
  }

  /// As ``value(of:below:)``; nil for an unknown name.
  public func value(of name: String, below scope: DynamicScope) -> String? {
    BrokerConfiguration.definition(named: name).map { value(of: $0, below: scope) }
  }

  // MARK: - Changing

  /// What clients have set once `settings` stand in the place of all that they set in `scope`.
  public func replacing(
    _ scope: DynamicScope, with settings: [String: String]
  ) -> Result<DynamicBrokerSettings, BrokerChangeProblem> {
    BrokerConfiguration.check(settings, in: scope).flatMap { checked in
      var changed = dynamic
      changed[scope] = checked
      let problems = BrokerSettings(configuration, dynamic: changed).conflicts
      return problems.isEmpty ? .success(changed) : .failure(.invalid(problems))
    }
  }

  /// The rules between settings that a change while the broker runs can break; the file's are checked with the file.
  public var conflicts: [ValueProblem] {
    let resolved = ResolvedTopicConfiguration(brokerDefaults: topicDefaults.values)
    var found = resolved.conflicts().map(\.problem)
    let requestMax = configuration.network.maxRequestBytes
    if resolved.maxMessageBytes > requestMax {
      found.append(
        ValueProblem(
          "message.max.bytes: \(resolved.maxMessageBytes) is above socket.request.max.bytes, so such a batch could "
            + "never arrive", expected: "at most \(requestMax)"))
    }
    return found
  }
}

/// Why a change of the broker's settings is refused.
public enum BrokerChangeProblem: Error, Sendable, Hashable {
  /// Settings that clients cannot change, each with what can be done about it, in alphabetical order.
  case notDynamic([Reason])
  /// Settings that have no default for the cluster.
  case brokerOnly([String])
  /// Values, or names that nobody knows.
  case invalid([ValueProblem])

  public struct Reason: Sendable, Hashable {
    public let name: String
    public let sentence: String
  }

  /// Begins as Apache Kafka's, which scripts look for.
  public var sentence: String {
    switch self {
    case .notDynamic(let reasons):
      let names = reasons.map(\.name).joined(separator: ", ")
      let why = reasons.map { "\($0.name): \($0.sentence)" }.joined(separator: ". ")
      return "Cannot update these configs dynamically: Set(\(names)). \(why)"
    case .brokerOnly(let names):
      return "Cannot update these configs at default cluster level, broker id must be specified: "
        + "Set(\(names.joined(separator: ", ")))"
    case .invalid(let problems): return problems.map(\.sentence).joined(separator: ". ")
    }
  }
}
