/// Every setting of the configuration file, in the order of the manual.
public enum ConfigurationSchema {
  /// A key at the top of the file that holds others.
  public struct Section: Sendable {
    public let name: String
    /// What the manual says before the first setting.
    public let introduction: String
  }

  public static let settings: [Setting] =
    identity + storage + chain + store + offload + compaction + network + http + log

  static let byPath = Dictionary(uniqueKeysWithValues: settings.map { ($0.path, $0) })

  /// The Kafka settings that a section accepts under Kafka's own names, in alphabetical order; empty for other
  /// sections.
  public static func kafkaSettings(in section: String) -> [KafkaConfigDefinition] {
    switch section {
    case "topics": BrokerConfiguration.settable(in: "topics") + TopicConfiguration.definitions
    case "coordinators": BrokerConfiguration.settable(in: "coordinators")
    default: []
    }
  }

  static let kafkaByName: [String: [String: KafkaConfigDefinition]] = Dictionary(
    uniqueKeysWithValues: ["topics", "coordinators"].map { section in
      (section, Dictionary(uniqueKeysWithValues: kafkaSettings(in: section).map { ($0.name, $0) }))
    })

  public static func setting(_ path: String) -> Setting? { byPath[path] }

  /// The keys at the top of the file, in the order of the manual.
  static let topKeys: [String] = {
    var keys: [String] = []
    for setting in settings {
      let first = String(setting.path.prefix { $0 != "." && $0 != "[" })
      if first == "network", !keys.contains("topics") { keys += ["topics", "coordinators"] }
      if !keys.contains(first) { keys.append(first) }
    }
    return keys
  }()

  /// The tiers of a file that does not declare a chain.
  public static let defaultChain = [
    TierSpec(tier: "MemoryBuffer"), TierSpec(tier: "LocalSegments"), TierSpec(tier: "ArchiveIndex"),
    TierSpec(tier: "ArchiveIndex", product: "Fallback", name: "Fallback"),
  ]
  /// Which of them keeps its data in an object store.
  static let defaultStoreIndex = 2

  static let defaultPluginPath = ["$BIN"]

  public static let sections: [Section] = [
    Section(name: "node", introduction: "This broker among others."),
    Section(name: "cluster", introduction: "What this broker belongs to."),
    Section(
      name: "durability",
      introduction: "When an acknowledged record is on disk. acks=all always waits for what is chosen here."),
    Section(
      name: "plugins",
      introduction:
        "Where the shared libraries come from. A library is only loaded when the chain or compaction names it."),
    Section(
      name: "chain",
      introduction: """
        The storage, from the hottest tier to the coldest. Batches are committed to the first tier that appends and is \
        durable; tiers above it are caches, tiers below it take over finished segments, and a tier that only reads \
        comes last. Reads ask the tiers in this order. Each entry names a plugin; "chronik plugins list -v" lists \
        what a library offers, its abilities and its settings. Without this key the chain is the one below.
        """),
    Section(
      name: "offload",
      introduction: """
        Copying finished segments to the tier below that takes them, in the background. When the local copy goes is \
        the topics' local.retention.ms and local.retention.bytes. Compacted topics stay where they are.
        """),
    Section(
      name: "compaction",
      introduction: """
        Taking obsolete records out of compacted topics, in the background. The strategy is a plugin: it says which \
        records stay, and the broker rewrites the segments in the commit tier.
        """),
    Section(
      name: "topics",
      introduction: """
        Defaults for topics, under Kafka's own names. A topic's own settings (CreateTopics, AlterConfigs) weigh more, \
        and so does what clients set for the broker while it runs (kafka-configs --entity-type brokers). \
        Kafka's plain numbers are accepted (retention.ms: 604800000), and so are units (retention.ms: 7d, \
        segment.bytes: 1GiB).
        """),
    Section(
      name: "coordinators",
      introduction: "Consumer groups and transactions, under Kafka's own names."),
    Section(name: "network", introduction: "Connections and what they may occupy."),
    Section(name: "fetch", introduction: "What consumers may ask for."),
    Section(
      name: "http",
      introduction: """
        The HTTP port: search, health, topics and the state of the archive, answered in JSON. It asks nobody who they \
        are, so it listens on this machine alone unless you say otherwise. There, requests must name this machine in \
        their Host header, so that a web page cannot reach it through a name of its own.
        """),
    Section(name: "log", introduction: "The broker's own log, written to standard error."),
  ]
}
