import Testing

@testable import Configuration

/// Names, sources and error texts are Apache Kafka's (DynamicBrokerConfig, ConfigAdminManager, ConfigHelper).
@Suite("Settings of a running broker")
struct BrokerSettingsTests {
  private func settings(
    _ file: String = "topics: { retention.ms: 7000 }", broker: [String: String] = [:], cluster: [String: String] = [:]
  ) throws -> BrokerSettings {
    BrokerSettings(
      try load(file).configuration, dynamic: DynamicBrokerSettings(broker: broker, cluster: cluster))
  }

  private func retention(_ settings: BrokerSettings, overrides: [String: String] = [:]) -> Int64? {
    ResolvedTopicConfiguration(brokerDefaults: settings.topicDefaults.values, overrides: overrides)
      .retentionMilliseconds
  }

  private func refusal(
    _ settings: BrokerSettings, _ scope: DynamicScope, _ wanted: [String: String]
  ) -> BrokerChangeProblem? {
    if case .failure(let problem) = settings.replacing(scope, with: wanted) { problem } else { nil }
  }

  @Test(
    "a topic's own value weighs more than the broker's, the cluster's, the file's and the built-in one, in this order")
  func precedence() throws {
    let name = "log.retention.ms"
    let all = try settings(broker: [name: "5000"], cluster: [name: "6000"])
    #expect(retention(all, overrides: ["retention.ms": "4000"]) == 4000)
    #expect(retention(all) == 5000)
    #expect(retention(try settings(cluster: [name: "6000"])) == 6000)
    #expect(retention(try settings()) == 7000)
    #expect(retention(try settings("")) == 604_800_000)
  }

  @Test("a topic is described with every layer that has a value, the one in force first")
  func topicSynonyms() throws {
    let settings = try settings(broker: ["log.retention.ms": "5000"], cluster: ["log.retention.ms": "6000"])
    let entries = TopicConfiguration.describe(overrides: ["retention.ms": "4000"], defaults: settings.topicDefaults)
    let entry = try #require(entries.first { $0.name == "retention.ms" })
    #expect(
      entry.synonyms == [
        .init(name: "retention.ms", value: "4000", source: .topic),
        .init(name: "log.retention.ms", value: "5000", source: .dynamicBroker),
        .init(name: "log.retention.ms", value: "6000", source: .dynamicDefaultBroker),
        .init(name: "log.retention.ms", value: "7000", source: .staticBroker),
        .init(name: "log.retention.ms", value: "604800000", source: .default),
      ])
    let bare = TopicConfiguration.describe(overrides: [:], defaults: settings.topicDefaults)
    #expect(bare.first { $0.name == "retention.ms" }?.source == .dynamicBroker)
    #expect(bare.first { $0.name == "segment.ms" }?.source == .default)
  }

  @Test("the sources have DescribeConfigs' numbers")
  func sources() {
    #expect(DynamicScope.broker.source.rawValue == 2)
    #expect(DynamicScope.cluster.source.rawValue == 3)
    #expect(KafkaConfigSource.staticBroker.rawValue == 4)
    #expect(KafkaConfigSource.default.rawValue == 5)
    #expect(KafkaConfigSource.dynamicBrokerLogger.rawValue == 6)
  }

  @Test("the broker is described with its layers, the cluster with what clients have set and nothing else")
  func describe() throws {
    let settings = try settings(
      broker: ["log.retention.ms": "5000"], cluster: ["log.retention.ms": "6000", "log.segment.bytes": "4096"])
    let own = try #require(settings.describe().first { $0.name == "log.retention.ms" })
    #expect(own.value == "5000" && own.source == .dynamicBroker && !own.isReadOnly)
    #expect(own.synonyms.map(\.value) == ["5000", "6000", "7000", "604800000"])
    let cluster = settings.describeClusterDefaults()
    #expect(cluster.map(\.name) == ["log.retention.ms", "log.segment.bytes"])
    #expect(cluster.map(\.value) == ["6000", "4096"])
    #expect(cluster.allSatisfy { $0.source == .dynamicDefaultBroker && $0.synonyms.count == 1 })
    #expect(try BrokerSettingsTests().settings().describeClusterDefaults().isEmpty)
  }

  @Test("a broker setting is read-only where it cannot be changed while the broker runs")
  func readOnly() throws {
    let entries = try settings().describe()
    for name in ["node.id", "log.dirs", "listeners", "num.partitions", "group.max.size", "num.network.threads"] {
      #expect(entries.first { $0.name == name }?.isReadOnly == true, "\(name)")
    }
    // Every broker name of a topic setting is dynamic in Kafka (DynamicLogConfig).
    for name in TopicConfiguration.definitions.compactMap(\.brokerSynonym) + ["max.connections", "background.threads"] {
      #expect(entries.first { $0.name == name }?.isReadOnly == false, "\(name)")
    }
  }

  @Test("values that act on more than topics are typed")
  func typed() throws {
    let plain = try settings("")
    #expect(plain.connectionCountMax == 10_000 && plain.offloadBytesPerSecondMax == 0)
    #expect(plain.compactionInterval == .seconds(15) && plain.compactionBytesPerSecondMax == 64 << 20)
    let changed = try settings(
      broker: ["max.connections": "50", "producer.id.expiration.ms": "1000"],
      cluster: [
        "max.connections": "60", "log.cleaner.backoff.ms": "2000", "log.cleaner.io.max.bytes.per.second": "100000.0",
        "remote.log.manager.copy.max.bytes.per.second": "1000",
      ])
    #expect(changed.connectionCountMax == 50 && changed.producerIDExpiration == .seconds(1))
    #expect(changed.compactionInterval == .seconds(2) && changed.compactionBytesPerSecondMax == 100_000)
    #expect(changed.offloadBytesPerSecondMax == 1000)
    let unlimited = try settings(
      broker: [
        "remote.log.manager.copy.max.bytes.per.second": String(Int64.max),
        "log.cleaner.io.max.bytes.per.second": "1.7976931348623157E308",
      ])
    #expect(unlimited.offloadBytesPerSecondMax == 0 && unlimited.compactionBytesPerSecondMax == 1 << 50)
  }

  @Test("what is written into the file only is refused in Kafka's words, with the place")
  func notDynamic() throws {
    let problem = try refusal(settings(), .broker, ["num.partitions": "3", "node.id": "9", "log.retention.ms": "1"])
    #expect(
      problem?.sentence
        == "Cannot update these configs dynamically: Set(node.id, num.partitions). node.id: it is node.id in the "
        + "configuration file; change it there and restart. num.partitions: write it in the section topics of the "
        + "configuration file and restart")
  }

  @Test(
    "what would protect nothing here is refused and says why",
    arguments: [
      ("ssl.keystore.location", "there is no TLS"), ("listener.name.internal.ssl.keystore.password", "there is no TLS"),
      ("sasl.enabled.mechanisms", "there is no SASL"), ("sasl.jaas.config", "there is no SASL"),
      ("sasl.kerberos.service.name", "there is no SASL"), ("max.connections.per.ip", "there is no such limit"),
      ("listener.name.external.max.connections", "there is one listener"), ("metric.reporters", "no Java classes"),
    ])
  func absent(_ name: String, _ why: String) throws {
    let problem = try #require(try refusal(settings(), .broker, [name: "1"]))
    guard case .notDynamic(let reasons) = problem else {
      Issue.record("\(problem)")
      return
    }
    #expect(reasons.map(\.name) == [name])
    #expect(problem.sentence.contains(why))
  }

  @Test("timings of what is not here are kept, for this broker where Kafka wants them so, and change nothing")
  func stored() throws {
    let before = try settings("")
    let name = "sasl.kerberos.min.time.before.relogin"
    let changed = try before.replacing(.broker, with: [name: "58000", "background.threads": "9"]).get()
    #expect(changed.broker == [name: "58000", "background.threads": "9"])
    let after = BrokerSettings(before.configuration, dynamic: changed)
    #expect(after.describe().first { $0.name == name }?.value == "58000")
    #expect(after.topicDefaults.values == before.topicDefaults.values)
    #expect(
      refusal(before, .cluster, [name: "58000"])?.sentence
        == "Cannot update these configs at default cluster level, broker id must be specified: Set(\(name))")
    #expect(refusal(before, .cluster, ["background.threads": "9"]) == nil)
    for row in BrokerConfiguration.stored { #expect(row.definition.documentation.contains("without effect")) }
  }

  @Test(
    "a wrong value is refused with what is accepted",
    arguments: [
      (
        "log.retention.ms", "-2",
        "log.retention.ms: -2 is below the minimum; expected a number of milliseconds of at least -1 (-1 = unlimited)"
      ),
      ("max.connections", "0", "max.connections: 0 is below the minimum; expected a whole number from 1 to 1000000"),
      (
        "retention.ms", "5",
        "\"retention.ms\" is the topic's name for a setting of the broker; did you mean \"log.retention.ms\"?"
      ),
      ("log.retenton.ms", "5", "unknown broker setting \"log.retenton.ms\"; did you mean \"log.retention.ms\"?"),
      (
        "message.max.bytes", "2000000000",
        "message.max.bytes: 2000000000 is above socket.request.max.bytes, so such a batch could never arrive; expected at "
          + "most 104857600"
      ),
      (
        "log.local.retention.ms", "8000",
        "local.retention.ms: 8000 is above retention.ms; expected at most 7000, or -2 for the same as retention.ms"
      ),
    ])
  func invalid(_ name: String, _ value: String, _ sentence: String) throws {
    let problem = try refusal(settings(), .broker, [name: value])
    guard case .invalid = problem else {
      Issue.record("\(String(describing: problem))")
      return
    }
    #expect(problem?.sentence == sentence)
  }

  @Test("values are kept in normal form, and a change of one scope leaves the other alone")
  func replacing() throws {
    let settings = try settings(broker: ["log.segment.bytes": "4096"], cluster: ["log.retention.ms": "6000"])
    let changed = try settings.replacing(.broker, with: ["log.retention.ms": " 5 "]).get()
    #expect(changed == DynamicBrokerSettings(broker: ["log.retention.ms": "5"], cluster: ["log.retention.ms": "6000"]))
    #expect(
      try settings.replacing(.cluster, with: [:]).get() == DynamicBrokerSettings(broker: ["log.segment.bytes": "4096"]))
  }

  @Test("names that another release has stored and this one does not take are left out, one by one")
  func usable() throws {
    let found = DynamicBrokerSettings(
      broker: ["log.retention.ms": "5", "no.such": "1", "node.id": "3"],
      cluster: ["sasl.kerberos.min.time.before.relogin": "1", "max.connections": "3"])
    let (kept, dropped) = try found.usable().get()
    #expect(kept == DynamicBrokerSettings(broker: ["log.retention.ms": "5"], cluster: ["max.connections": "3"]))
    #expect(dropped == ["no.such", "node.id", "sasl.kerberos.min.time.before.relogin"])
  }

  @Test("a stored value that is not accepted is no reason to go on with the default")
  func unusable() {
    let found = DynamicBrokerSettings(cluster: ["log.retention.ms": "-5"])
    guard case .failure(.invalid(let problems)) = found.usable() else {
      Issue.record("used")
      return
    }
    #expect(problems.first?.message == "log.retention.ms: -5 is below the minimum")
  }
}
