extension ConfigurationSchema {
  private static let second: Int64 = 1000
  private static let hour: Int64 = 3_600_000
  private static let mebibyte: Int64 = 1 << 20
  private static let gibibyte: Int64 = 1 << 30

  static let identity: [Setting] = [
    Setting(
      "node.id", .integer(0...Int64(Int32.max)), default: "1", "The broker's id in the Kafka protocol.",
      "Clients see it as the leader and the only replica of every partition, so keep it over restarts."),
    Setting(
      "cluster.id", .identifier, example: "orders-production", "The cluster's id in the Kafka protocol.",
      "When absent, an id is generated at the first start and kept in the data directory."),
    Setting(
      "data_dir", .path, default: "./chronik-data", "Where the broker and its tiers keep their files.",
      "A relative path starts at the directory of this file, or at the working directory when there is no file. "
        + "Use a local disk: the answer to a producer waits for its flush. Option: --data-dir."),
    Setting(
      "listen", .endpoint(allowsPortZero: true), default: "127.0.0.1:9092", "Where the broker accepts connections.",
      "IPv6 stands in brackets; 0.0.0.0 and [::] listen on every interface and need advertised below; "
        + "port 0 takes any free port. Option: --listen."),
    Setting(
      "advertised", .endpoint(allowsPortZero: false), example: "broker-1.example.com:9092",
      "What clients are told to connect to.",
      "When absent, the address of listen. Set it when clients reach the broker by another name: containers, NAT, "
        + "several interfaces. Option: --advertised."),
  ]

  static let storage: [Setting] = [
    Setting(
      "volatile", .boolean, default: "false", "Accept a chain that loses its records with the process.",
      "A chain without a durable tier is refused unless this is true, so that nobody loses records by a typing error."),
    Setting(
      "durability.mode", .choice(Configuration.Durability.Mode.allCases.map(\.rawValue)), default: "fsync",
      "When appended batches are flushed.",
      "fsync flushes every group of batches before it is acknowledged. interval flushes every durability.interval, and "
        + "acks=all waits for it. os leaves it to the operating system: the fastest, and acknowledged records are lost "
        + "with the power."),
    Setting(
      "durability.interval", .duration(1...60 * second), default: "10ms",
      "The time between flushes in the mode interval.",
      "It bounds the latency of acks=all from below. The other modes ignore it."),
    Setting(
      "plugins.path", .paths, default: "[\"$BIN\"]", "Directories searched in this order for lib<tier>.so.",
      "\"$BIN\" is the directory of the executable; relative paths start at the directory of this file. Environment "
        + "variables and \"~\" are not expanded."),
    Setting(
      "plugins.sha256", .digests, example: "{ LocalSegments: \(String(repeating: "0123456789abcdef", count: 4)) }",
      "Digests that libraries must have, by library name without lib and .so.",
      "A pinned library with another digest is not loaded. Libraries without a pin are not checked."),
  ]

  static let chain: [Setting] = [
    Setting(
      "chain[].tier", .identifier, example: "MemoryBuffer", isRequired: true, "The plugin, found as lib<tier>.so.",
      "It is also the instance's name unless name says otherwise."),
    Setting(
      "chain[].library", .path, example: "./plugins/libMemoryBuffer.so",
      "The library's file, when it is not on plugins.path.",
      "A relative path starts at the directory of this file."),
    Setting(
      "chain[].product", .identifier, example: "MemoryBuffer", "Which tier of a library that offers several.",
      "When absent, the only one, or the one called like tier."),
    Setting(
      "chain[].name", .identifier, example: "hot", "The instance's name in logs, and of its directory in data_dir.",
      "Unique in the chain; needed when a plugin is used twice. A tier with a new name "
        + "does not find what it kept under "
        + "the old one."),
    Setting(
      "chain[].config", .pluginSettings, example: "{ capacity: 64MiB }", "The plugin's own settings.",
      "Each plugin declares its keys, their units and defaults; unknown keys and wrong values are refused at start."),
    Setting(
      "chain[].store", .store, example: "{ type: s3, config: { bucket: chronik, region: eu-central-1 } }",
      "The object store of a tier with the ability store.",
      "When absent, the store file of the tier's own library; a tier that only reads "
        + "shares the store of the tier above "
        + "it. Changing it does not move what the old one holds."),
  ]

  /// The keys below `chain[].store`.
  static let store: [Setting] = [
    Setting(
      "chain[].store.type", .identifier, default: StoreSpec.defaultType, "Which kind of store, such as file or s3.",
      "\"chronik plugins list\" names those that a library offers."),
    Setting(
      "chain[].store.plugin", .identifier, example: "ArchiveIndex",
      "The library of the store, found as lib<plugin>.so.",
      "When absent, the tier's own library."),
    Setting(
      "chain[].store.library", .path, example: "./plugins/libArchiveIndex.so",
      "The file of the store's library, when it is not on plugins.path.",
      "A relative path starts at the directory of this file."),
    Setting(
      "chain[].store.config", .pluginSettings, example: "{ }", "The store's own settings.",
      "Each store declares its keys, their units and defaults. Secrets are never printed; better than here they stand "
        + "in the environment or in a file. README, \"The archive on S3\", has whole examples."),
  ]

  static let offload: [Setting] = [
    Setting(
      "offload.enabled", .boolean, default: "true", "Copy finished segments to the tier below that takes them.",
      "Without such a tier nothing happens. false leaves everything where it is, for "
        + "the time of a migration or repair; "
        + "what was copied stays readable."),
    Setting(
      "offload.interval", .duration(100...hour), default: "30s", "How often is looked for finished segments.",
      "It bounds the time between the end of a segment and its copy."),
    Setting(
      "offload.trigger_bytes", .size(mebibyte...(1024 * gibibyte)), default: "256MiB",
      "Copying begins at once when so much waits.", "A burst is then copied while the next one arrives."),
    Setting(
      "offload.unit_bytes", .size((64 * 1024)...gibibyte), default: "64MiB", "The most that is copied in one piece.",
      "A longer segment is copied in several pieces, and short ones together. Each piece is built in memory, so memory "
        + "grows with it, and a piece that is cut short begins anew."),
    Setting(
      "offload.bandwidth", .size(0...(1024 * gibibyte)), default: "0", "The most bytes copied in a second.",
      "0 is no limit. Copying never waits in a producer's way, but it shares processors, disks and the network."),
    Setting(
      "offload.concurrency", .integer(1...64), default: "1", "Partitions that are copied at the same time.",
      "Each takes a processor while it builds, and memory for one piece."),
  ]

  static let compaction: [Setting] = [
    Setting(
      "compaction.enabled", .boolean, default: "true", "Compact topics whose cleanup.policy contains compact.",
      "Without it such topics, __consumer_offsets among them, grow for ever. It needs a commit tier that can rewrite."),
    Setting(
      "compaction.plugin", .identifier, default: "Compaction", "The plugin, found as lib<plugin>.so.",
      "\"chronik plugins list -v\" lists the strategies that a library offers, and their settings."),
    Setting(
      "compaction.library", .path, example: "./plugins/libCompaction.so",
      "The library's file, when it is not on plugins.path.", "A relative path starts at the directory of this file."),
    Setting(
      "compaction.strategy", .identifier, default: "Key", "Which strategy of the library.",
      "Key keeps the newest record of every key, as Kafka does."),
    Setting(
      "compaction.interval", .duration(100...(24 * hour)), default: "15s",
      "The time between two looks at the partitions.",
      "Whether one is worth compacting then follows from its topic: "
        + "min.cleanable.dirty.ratio, min.compaction.lag.ms and "
        + "max.compaction.lag.ms."),
    Setting(
      "compaction.max_bytes_per_second", .size(65_536...(1024 * gibibyte)), default: "64MiB",
      "What compaction may read and write, together.",
      "It runs on one thread beside everything else; the limit keeps it from taking the disk away from producers."),
    Setting(
      "compaction.config", .pluginSettings, example: "{ dedupe_buffer: 128MiB }", "The strategy's own settings.",
      "Each strategy declares its keys, their units and defaults; unknown keys and wrong values are refused at start."),
  ]

  static let network: [Setting] = [
    Setting(
      "network.threads", .integerOrAuto(1...256), default: "auto", "Event loops that serve connections.",
      "auto is one per processor. Leave a processor free when tiers compress or index on the same machine."),
    Setting(
      "network.tcp_congestion", .identifier, default: "cubic", "The congestion control of client connections.",
      "Some systems default to bbr, which halves the throughput of fast local networks. "
        + "system keeps the kernel's choice; "
        + "sysctl net.ipv4.tcp_available_congestion_control lists the others."),
    Setting(
      "network.max_request_bytes", .size(1024...gibibyte), default: "100MiB", "The largest request.",
      "A longer frame closes its connection before memory is reserved for it. Bytes that "
        + "are not Kafka's look like a huge "
        + "frame."),
    Setting(
      "network.max_connections", .integer(1...1_000_000), default: "10000", "Connections open at the same time.",
      "Each takes a file descriptor; raise the process's limit (ulimit -n) along with it. More are closed at once."),
    Setting(
      "network.max_inflight_bytes", .size(mebibyte...(1024 * gibibyte)), default: "512MiB",
      "Request bytes that were read and not yet answered, over all connections.",
      "Above it, connections are not read until answers have left. It bounds the memory "
        + "of slow disks and stores and must "
        + "hold at least one request of network.max_request_bytes."),
    Setting(
      "network.max_inflight_requests_per_connection", .integer(1...10_000), default: "128",
      "Requests of one connection that wait for their answer.",
      "Answers leave in the order of the requests, so one slow request holds back those behind it."),
    Setting(
      "network.idle_timeout", .duration(second...(7 * 24 * hour)), default: "10m",
      "When a connection without requests is closed.",
      "The default lies above the clients' connections.max.idle.ms (9 minutes by "
        + "default), so that clients close first. "
        + "Bytes that are not a whole request do not keep it open."),
    Setting(
      "network.stall_timeout", .duration(second...hour), default: "30s",
      "When a connection is closed whose request has begun and does not go on.",
      "A request must arrive in whole, or at least 64 KiB of it, in this time. Time in "
        + "which the broker itself does not "
        + "read does not count."),
    Setting(
      "fetch.max_bytes", .size(1024...gibibyte), default: "55MiB", "The most bytes of one Fetch response.",
      "A client may ask for less. The first batch is always sent whole, so that a large one cannot block a consumer."),
    Setting(
      "fetch.sessions", .integer(0...1_000_000), default: "1000", "Fetch sessions kept over all clients.",
      "A session lets a consumer of many partitions ask only for changes. 0 turns sessions off; clients cope."),
  ]

  static let log: [Setting] = [
    Setting(
      "log.level", .choice(Configuration.Log.Level.allCases.map(\.rawValue)), default: "info",
      "The least severe line that is written.",
      "info has only rare events of the broker's life; nothing is logged per request."),
    Setting(
      "log.format", .choice(Configuration.Log.Format.allCases.map(\.rawValue)), default: "text", "The form of a line.",
      "json is one object per line, for log collectors."),
  ]
}
