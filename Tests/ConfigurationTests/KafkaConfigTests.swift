import Testing

@testable import Configuration

@Suite("Kafka's settings")
struct KafkaConfigTests {
  /// Name, DescribeConfigs type and default, as Apache Kafka 4 documents them.
  @Test(
    "topic settings have Kafka's types and defaults",
    arguments: [
      ("cleanup.policy", 7, "delete"), ("compression.type", 2, "producer"), ("delete.retention.ms", 5, "86400000"),
      ("file.delete.delay.ms", 5, "60000"), ("flush.messages", 5, "9223372036854775807"),
      ("flush.ms", 5, "9223372036854775807"), ("follower.replication.throttled.replicas", 7, ""),
      ("index.interval.bytes", 3, "4096"), ("leader.replication.throttled.replicas", 7, ""),
      ("local.retention.bytes", 5, "-2"), ("local.retention.ms", 5, "-2"),
      ("max.compaction.lag.ms", 5, "9223372036854775807"), ("max.message.bytes", 3, "1048588"),
      ("message.timestamp.after.max.ms", 5, "3600000"), ("message.timestamp.before.max.ms", 5, "9223372036854775807"),
      ("message.timestamp.type", 2, "CreateTime"), ("min.cleanable.dirty.ratio", 6, "0.5"),
      ("min.compaction.lag.ms", 5, "0"), ("min.insync.replicas", 3, "1"), ("preallocate", 1, "false"),
      ("remote.storage.enable", 1, "false"), ("retention.bytes", 5, "-1"), ("retention.ms", 5, "604800000"),
      ("segment.bytes", 3, "1073741824"), ("segment.index.bytes", 3, "10485760"), ("segment.jitter.ms", 5, "0"),
      ("segment.ms", 5, "604800000"), ("unclean.leader.election.enable", 1, "false"),
    ] as [(String, Int8, String)])
  func topicTable(_ name: String, _ type: Int8, _ value: String) throws {
    let definition = try #require(TopicConfiguration.definition(named: name))
    #expect(definition.type.rawValue == type && definition.defaultValue == value)
    #expect(TopicConfiguration.definitions.count == 28)
  }

  @Test(
    "broker settings have Kafka's defaults",
    arguments: [
      ("group.initial.rebalance.delay.ms", 3, "3000"), ("group.min.session.timeout.ms", 3, "6000"),
      ("group.max.session.timeout.ms", 3, "1800000"), ("group.max.size", 3, "2147483647"),
      ("offsets.retention.minutes", 3, "10080"), ("offset.metadata.max.bytes", 3, "4096"), ("num.partitions", 3, "1"),
      ("transaction.max.timeout.ms", 3, "900000"), ("transactional.id.expiration.ms", 3, "604800000"),
      ("auto.create.topics.enable", 1, "true"), ("delete.topic.enable", 1, "true"), ("message.max.bytes", 3, "1048588"),
      ("log.retention.ms", 5, "604800000"), ("log.segment.bytes", 3, "1073741824"), ("min.insync.replicas", 3, "1"),
      ("fetch.max.bytes", 3, "57671680"), ("connections.max.idle.ms", 5, "600000"),
      ("offsets.topic.num.partitions", 3, "50"), ("producer.id.expiration.ms", 3, "86400000"),
    ] as [(String, Int8, String)])
  func brokerTable(_ name: String, _ type: Int8, _ value: String) throws {
    let row = try #require(BrokerConfiguration.definition(named: name))
    #expect(row.definition.type.rawValue == type && row.definition.defaultValue == value)
  }

  @Test("every default passes its own rule unchanged, and every row is documented by a sentence")
  func defaultsAreValid() {
    for definition in TopicConfiguration.definitions + BrokerConfiguration.definitions.map(\.definition) {
      #expect(definition.normalize(definition.defaultValue) == .success(definition.defaultValue), "\(definition.name)")
      #expect(definition.documentation.hasSuffix("."), "\(definition.name)")
    }
    #expect(TopicConfiguration.definitions.map(\.name) == TopicConfiguration.definitions.map(\.name).sorted())
    #expect(BrokerConfiguration.definitions.map(\.name) == BrokerConfiguration.definitions.map(\.name).sorted())
  }

  @Test(
    "values of topic settings are stored in normal form",
    arguments: [
      ("retention.ms", "-1", "-1"), ("retention.ms", " 1000 ", "1000"), ("retention.ms", "+5", "5"),
      ("preallocate", "TRUE", "true"), ("cleanup.policy", "compact", "compact"),
      ("cleanup.policy", "compact, delete", "compact,delete"), ("min.cleanable.dirty.ratio", "0.50", "0.5"),
      ("min.cleanable.dirty.ratio", "1", "1.0"), ("leader.replication.throttled.replicas", "0:1,1:1", "0:1,1:1"),
      ("leader.replication.throttled.replicas", "*", "*"), ("max.message.bytes", "2147483647", "2147483647"),
      ("segment.bytes", "1024", "1024"), ("compression.type", "zstd", "zstd"),
    ])
  func normalForm(_ name: String, _ value: String, _ expected: String) {
    #expect(TopicConfiguration.validate(name: name, value: value) == .success(expected))
  }

  @Test(
    "wrong topic settings are refused with what is accepted",
    arguments: [
      ("retention.mss", "1", "unknown topic setting \"retention.mss\"; did you mean \"retention.ms\"?"),
      ("frobnicate", "1", "unknown topic setting \"frobnicate\""),
      (
        "log.retention.ms", "1",
        "\"log.retention.ms\" is the broker's name for a topic setting; did you mean \"retention.ms\"?"
      ),
      ("num.partitions", "1", "\"num.partitions\" is a setting of the broker, not of a topic"),
      (
        "message.format.version", "2.8",
        "message.format.version: removed in Kafka 4.0; records are always stored in format v2"
      ),
      (
        "retention.ms", "-2",
        "retention.ms: -2 is below the minimum; expected a number of milliseconds of at least -1 (-1 = unlimited)"
      ),
      (
        "retention.ms", "7d",
        "retention.ms: \"7d\" is not a whole number; expected a number of milliseconds of at least -1 (-1 = unlimited); did you mean \"604800000\"?"
      ),
      (
        "segment.bytes", "1GiB",
        "segment.bytes: \"1GiB\" is not a whole number; expected a number of bytes from 1024 to 2147483647; did you mean \"1073741824\"?"
      ),
      (
        "segment.bytes", "2147483648",
        "segment.bytes: 2147483648 is above the maximum; expected a number of bytes from 1024 to 2147483647"
      ),
      (
        "retention.ms", "99999999999999999999",
        "retention.ms: \"99999999999999999999\" is not a whole number; expected a number of milliseconds of at least -1 (-1 = unlimited)"
      ),
      (
        "retention.ms", "",
        "retention.ms: \"\" is not a whole number; expected a number of milliseconds of at least -1 (-1 = unlimited)"
      ),
      ("preallocate", "yes", "preallocate: \"yes\" is not a boolean; expected true or false; did you mean \"true\"?"),
      (
        "cleanup.policy", "",
        "cleanup.policy: the list has an empty entry; expected a comma-separated list of compact or delete"
      ),
      (
        "cleanup.policy", "delete,delete",
        "cleanup.policy: \"delete\" is listed twice; expected a comma-separated list of compact or delete"
      ),
      (
        "compression.type", "lz5",
        "compression.type: \"lz5\" is not one of the choices; expected uncompressed, zstd, lz4, snappy, gzip or producer; did you mean \"lz4\"?"
      ),
      (
        "message.timestamp.type", "createtime",
        "message.timestamp.type: \"createtime\" is not one of the choices; expected CreateTime or LogAppendTime; did you mean \"CreateTime\"?"
      ),
      (
        "min.cleanable.dirty.ratio", "1.5",
        "min.cleanable.dirty.ratio: 1.5 is out of range; expected a number from 0.0 to 1.0"
      ),
      (
        "min.cleanable.dirty.ratio", "nan",
        "min.cleanable.dirty.ratio: \"nan\" is not a number; expected a number from 0.0 to 1.0"
      ),
      (
        "leader.replication.throttled.replicas", "1",
        "leader.replication.throttled.replicas: \"1\" is not a list of replicas; expected \"*\" or partition:broker pairs separated by commas"
      ),
      (
        "min.insync.replicas", "0",
        "min.insync.replicas: 0 is below the minimum; expected a whole number from 1 to 2147483647"
      ),
    ])
  func refused(_ name: String, _ value: String, _ expected: String) {
    #expect(TopicConfiguration.validate(name: name, value: value).failure?.sentence == expected)
  }

  @Test("a set of overrides is checked as a whole, against the broker's defaults")
  func overrides() throws {
    #expect(
      TopicConfiguration.validate(overrides: ["retention.ms": " 5 ", "cleanup.policy": "compact"])
        == .success(["retention.ms": "5", "cleanup.policy": "compact"]))
    let bad = TopicConfiguration.validate(overrides: ["retention.ms": "x", "a": "b"])
    #expect(
      bad.failure?.description
        == "unknown topic setting \"a\". retention.ms: \"x\" is not a whole number; expected a number of milliseconds of at "
        + "least -1 (-1 = unlimited)")
    let conflict = TopicConfiguration.validate(
      overrides: ["local.retention.ms": "100"], brokerDefaults: ["retention.ms": "50"])
    #expect(
      conflict.failure?.description
        == "local.retention.ms: 100 is above retention.ms; expected at most 50, or -2 for the same as retention.ms")
    let unlimited = TopicConfiguration.validate(overrides: ["local.retention.bytes": "-1", "retention.bytes": "50"])
    #expect(
      unlimited.failure?.description
        == "local.retention.bytes: -1 is above retention.bytes; expected at most 50, or -2 for the same as retention.bytes"
    )
  }

  @Test("a topic resolves to its own settings over the broker's over the defaults")
  func resolved() {
    let defaults = ResolvedTopicConfiguration()
    #expect(defaults.deletesOldSegments && !defaults.compacts)
    #expect(defaults.retentionMilliseconds == 604_800_000 && defaults.retentionBytes == nil)
    #expect(defaults.localRetentionMilliseconds == 604_800_000 && defaults.localRetentionBytes == nil)
    #expect(defaults.flushMilliseconds == nil && defaults.flushRecordCount == nil)
    #expect(defaults.maxCompactionLagMilliseconds == nil && defaults.timestampBeforeMaxMilliseconds == nil)
    #expect(defaults.segmentBytes == 1 << 30 && defaults.maxMessageBytes == 1_048_588)
    #expect(defaults.compression == .producer && defaults.timestampType == .createTime)
    let resolved = ResolvedTopicConfiguration(
      brokerDefaults: ["retention.ms": "100", "segment.bytes": "2048", "num.partitions": "3"],
      overrides: [
        "retention.ms": "-1", "local.retention.ms": "7", "cleanup.policy": "compact,delete", "flush.messages": "1",
      ])
    #expect(resolved.retentionMilliseconds == nil && resolved.localRetentionMilliseconds == 7)
    #expect(resolved.segmentBytes == 2048 && resolved.compacts && resolved.deletesOldSegments)
    #expect(resolved.flushRecordCount == 1)
  }

  @Test("a topic is described with source and synonyms like Kafka's")
  func describeTopic() throws {
    let entries = TopicConfiguration.describe(
      overrides: ["retention.ms": "5"],
      defaults: TopicDefaults(given: ["retention.ms": "6", "segment.bytes": "2048"]))
    #expect(entries.count == 28)
    let retention = try #require(entries.first { $0.name == "retention.ms" })
    #expect(retention.value == "5" && retention.source == .topic && !retention.isDefault && !retention.isReadOnly)
    #expect(
      retention.synonyms == [
        .init(name: "retention.ms", value: "5", source: .topic),
        .init(name: "log.retention.ms", value: "6", source: .staticBroker),
        .init(name: "log.retention.ms", value: "604800000", source: .default),
      ])
    let segment = try #require(entries.first { $0.name == "segment.bytes" })
    #expect(segment.value == "2048" && segment.source == .staticBroker)
    let policy = try #require(entries.first { $0.name == "cleanup.policy" })
    #expect(policy.value == "delete" && policy.isDefault && policy.type.rawValue == 7)
  }

  @Test("the broker is described with the file's values")
  func describeBroker() throws {
    let configuration = try load(
      """
      node: { id: 4 }
      listen: "[::]:9"
      advertised: b:10
      data_dir: /d
      topics: { num.partitions: 3, retention.ms: 5 }
      coordinators: { group.max.size: 9 }
      network: { idle_timeout: 1m }
      """
    ).configuration
    let described = BrokerSettings(configuration).describe()
    let entries = Dictionary(uniqueKeysWithValues: described.map { ($0.name, $0) })
    #expect(entries["broker.id"]?.value == "4")
    #expect(entries["listeners"]?.value == "PLAINTEXT://[::]:9")
    #expect(entries["advertised.listeners"]?.value == "PLAINTEXT://b:10")
    #expect(entries["log.dirs"]?.value == "/d")
    #expect(entries["num.partitions"]?.value == "3" && entries["num.partitions"]?.source == .staticBroker)
    #expect(entries["log.retention.ms"]?.value == "5")
    #expect(entries["group.max.size"]?.value == "9")
    #expect(entries["connections.max.idle.ms"]?.value == "60000")
    #expect(entries["delete.topic.enable"]?.isDefault == true)
    #expect(entries["inter.broker.protocol.version"]?.value == "4.0-IV3")
    #expect(entries["log.retention.ms"]?.source == .staticBroker)
  }
}
