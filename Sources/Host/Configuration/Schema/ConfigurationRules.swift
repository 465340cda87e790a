/// The rules between settings, checked once every setting is valid by itself.
public struct ConfigurationRules {
  let configuration: Configuration
  let origins: ConfigurationOrigins

  func check(_ collector: inout DiagnosticCollector) {
    collector.report(addresses + http + network + coordinators + topics + pins)
  }

  private var addresses: [ConfigurationDiagnostic] {
    if let advertised = configuration.advertised {
      guard advertised.isWildcard else { return [] }
      return [
        origins.diagnostic(
          "advertised",
          ValueProblem(
            "advertised: \"\(advertised)\" means every interface, and no client can connect to that",
            expected: "a name or address that clients reach, such as broker-1.example.com:9092"))
      ]
    }
    guard configuration.listen.isWildcard else { return [] }
    return [
      origins.diagnostic(
        "listen",
        ValueProblem(
          "listen: \"\(configuration.listen)\" means every interface, so clients cannot be told where to connect",
          expected: "advertised: host:port beside it, with a name or address that clients reach"))
    ]
  }

  private var http: [ConfigurationDiagnostic] {
    guard let listen = configuration.http.listen, listen.port != 0, listen.port == configuration.listen.port,
      listen.host == configuration.listen.host || listen.isWildcard || configuration.listen.isWildcard
    else { return [] }
    return [
      origins.diagnostic(
        blamed("http.listen", "listen"),
        ValueProblem(
          "http.listen: \"\(listen)\" is the port that Kafka's clients use", expected: "another port, or off"))
    ]
  }

  private var network: [ConfigurationDiagnostic] {
    let limits = configuration.network
    var found: [ConfigurationDiagnostic] = []
    if limits.maxInflightBytes < limits.maxRequestBytes {
      found.append(
        origins.diagnostic(
          blamed("network.max_inflight_bytes", "network.max_request_bytes"),
          ValueProblem(
            "network.max_inflight_bytes (\(size(limits.maxInflightBytes))) is below network.max_request_bytes "
              + "(\(size(limits.maxRequestBytes))), so the largest request could never be read",
            expected: "room for at least one request")))
    }
    let batch = ResolvedTopicConfiguration(brokerDefaults: configuration.topics.given).maxMessageBytes
    if batch > limits.maxRequestBytes {
      found.append(
        origins.diagnostic(
          blamed("topics.max.message.bytes", "network.max_request_bytes"),
          ValueProblem(
            "max.message.bytes (\(size(batch))) is above network.max_request_bytes (\(size(limits.maxRequestBytes))), "
              + "so such a batch could never arrive",
            expected: "max.message.bytes of at most \(size(limits.maxRequestBytes))")))
    }
    return found
  }

  private var coordinators: [ConfigurationDiagnostic] {
    let (low, high) = (configuration.coordinators.sessionTimeoutMin, configuration.coordinators.sessionTimeoutMax)
    guard low > high else { return [] }
    return [
      origins.diagnostic(
        blamed("coordinators.group.min.session.timeout.ms", "coordinators.group.max.session.timeout.ms"),
        ValueProblem(
          "group.min.session.timeout.ms (\(low.wholeMilliseconds)) is above group.max.session.timeout.ms "
            + "(\(high.wholeMilliseconds)), so no consumer could join",
          expected: "a minimum below the maximum"))
    ]
  }

  private var topics: [ConfigurationDiagnostic] {
    var found: [ConfigurationDiagnostic] = []
    let resolved = ResolvedTopicConfiguration(brokerDefaults: configuration.topics.given)
    let replicas = Int(configuration.topics.replicationFactor)
    if replicas > 1 {
      found.append(
        origins.diagnostic(
          "topics.default.replication.factor",
          ValueProblem(
            "default.replication.factor: \(replicas) replicas need as many brokers, and this is the only one",
            expected: "1")))
    }
    if resolved.minInsyncReplicas > replicas {
      found.append(
        origins.diagnostic(
          "topics.min.insync.replicas",
          ValueProblem(
            "min.insync.replicas: \(resolved.minInsyncReplicas) is above default.replication.factor (\(replicas)), "
              + "so acks=all would always fail", expected: "1")))
    }
    return found + resolved.conflicts().map { origins.diagnostic("topics.\($0.name)", $0.problem) }
  }

  /// A pin with a misspelled name protects nothing, so it is worth a warning.
  private var pins: [ConfigurationDiagnostic] {
    let compaction = configuration.compaction
    let strategy = TierSpec(tier: compaction.plugin, library: compaction.library)
    let libraries =
      configuration.chain.map { Self.libraryName($0) }
      + configuration.chain.compactMap { tier in tier.store.flatMap(Self.libraryName) }
      + (compaction.isEnabled ? [Self.libraryName(strategy)] : [])
    return configuration.plugins.sha256.keys.sorted().filter { !libraries.contains($0) }.map { name in
      origins.diagnostic(
        "plugins.sha256.\(name)",
        ValueProblem(
          "plugins.sha256: no tier of the chain comes from a library \(name.quoted), so this pin protects nothing",
          suggestion: Suggestion.closest(to: name, among: libraries)),
        at: .key, severity: .warning)
    }
  }

  /// Nil when the store comes from its tier's library.
  public static func libraryName(_ spec: StoreSpec) -> String? {
    guard spec.plugin != nil || spec.library != nil else { return nil }
    return libraryName(TierSpec(tier: spec.plugin ?? "", library: spec.library))
  }

  /// "Foo" for both `tier: Foo` and `library: /opt/libFoo.so`.
  public static func libraryName(_ spec: TierSpec) -> String {
    guard let library = spec.library else { return spec.tier }
    var name = library.split(separator: "/").last.map { String($0) } ?? library
    if name.hasSuffix(".so") { name.removeLast(3) }
    if name.hasPrefix("lib") { name.removeFirst(3) }
    return name
  }

  /// The one of two settings that was written, preferring the first.
  private func blamed(_ first: String, _ second: String) -> String {
    origins.isGiven(first) || !origins.isGiven(second) ? first : second
  }

  private func size(_ bytes: Int) -> String { ByteSize.text(Int64(bytes)) }
}
