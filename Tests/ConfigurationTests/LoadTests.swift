import Testing

@testable import Configuration

@Suite("Loading a configuration")
struct LoadTests {
  @Test("without a file, the built-in defaults hold")
  func defaults() throws {
    let loaded = try loadDefaults()
    let configuration = loaded.configuration
    #expect(configuration.nodeID == 1)
    #expect(configuration.clusterID == nil)
    #expect(configuration.dataDirectory == "/srv/chronik-data")
    #expect(configuration.listen == Endpoint(host: "127.0.0.1", port: 9092))
    #expect(configuration.advertised == nil)
    #expect(configuration.advertisedEndpoint(boundPort: 40_000) == Endpoint(host: "127.0.0.1", port: 40_000))
    #expect(!configuration.isVolatile)
    #expect(configuration.durability == .init(mode: .fsync, interval: .milliseconds(10)))
    #expect(configuration.plugins == .init(path: ["/opt/chronik/bin"], sha256: [:]))
    #expect(
      configuration.chain == [
        TierSpec(tier: "MemoryBuffer"), TierSpec(tier: "LocalSegments"), TierSpec(tier: "ArchiveIndex"),
        TierSpec(tier: "ArchiveIndex", product: "Fallback", name: "Fallback"),
      ])
    #expect(
      configuration.topics
        == .init(
          createsAutomatically: true, partitionCount: 1, replicationFactor: 1, allowsDeletion: true,
          retentionCheckInterval: .seconds(300), given: [:]))
    #expect(configuration.coordinators.initialRebalanceDelay == .seconds(3))
    #expect(configuration.coordinators.sessionTimeoutMin == .seconds(6))
    #expect(configuration.coordinators.sessionTimeoutMax == .seconds(1800))
    #expect(configuration.coordinators.offsetsRetention == .seconds(7 * 86_400))
    #expect(configuration.coordinators.transactionTimeoutMax == .seconds(900))
    #expect(configuration.network.threads == 2)
    #expect(configuration.network.tcpCongestion == "cubic")
    #expect(configuration.network.maxRequestBytes == 104_857_600)
    #expect(configuration.network.maxConnections == 10_000)
    #expect(configuration.network.idleTimeout == .seconds(600))
    #expect(configuration.fetch == .init(maxBytes: 57_671_680, sessions: 1000))
    #expect(configuration.log == .init(level: .info, format: .text))
    #expect(loaded.warnings.isEmpty)
    #expect(loaded.origins.file == "built-in defaults")
  }

  private static let everySetting = """
    node: { id: 7 }
    cluster: { id: orders }
    data_dir: /var/lib/chronik
    listen: "[::]:19092"
    advertised: broker-7.example.com:9092
    volatile: true
    durability: { mode: interval, interval: 250ms }
    plugins:
      path: [ "$BIN", "$BIN/../lib", ./tiers, /usr/lib/chronik ]
      sha256: { Cold: 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef }
    chain:
      - tier: MemoryBuffer
        name: hot
        config: { capacity: 64MiB, eager: true }
      - tier: Cold
        library: ./tiers/libCold.so
        product: cold-one
    topics:
      auto.create.topics.enable: false
      num.partitions: 12
      retention.ms: 3d
      segment.bytes: 64MiB
      cleanup.policy: [compact, delete]
      min.cleanable.dirty.ratio: 0.25
    coordinators:
      group.initial.rebalance.delay.ms: 0
      offsets.retention.minutes: 60
    network:
      threads: 4
      tcp_congestion: system
      max_request_bytes: 10MiB
      max_connections: 20
      max_inflight_bytes: 1GiB
      max_inflight_requests_per_connection: 5
      idle_timeout: 1h
    fetch: { max_bytes: 1 MB, sessions: 0 }
    log: { level: debug, format: json }
    """

  @Test("every setting of a file arrives typed")
  func everything() throws {
    let configuration = try load(Self.everySetting, file: "conf/chronik.yaml").configuration
    #expect(configuration.nodeID == 7 && configuration.clusterID == "orders" && configuration.isVolatile)
    #expect(configuration.dataDirectory == "/var/lib/chronik")
    #expect(configuration.listen == Endpoint(host: "::", port: 19092))
    #expect(configuration.advertisedEndpoint(boundPort: 1) == Endpoint(host: "broker-7.example.com", port: 9092))
    #expect(configuration.durability == .init(mode: .interval, interval: .milliseconds(250)))
    #expect(
      configuration.plugins.path == [
        "/opt/chronik/bin", "/opt/chronik/bin/../lib", "/srv/conf/tiers", "/usr/lib/chronik",
      ])
    #expect(
      configuration.plugins.sha256 == ["Cold": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"])
    #expect(
      configuration.chain == [
        TierSpec(
          tier: "MemoryBuffer", name: "hot",
          config: [TierSetting(key: "capacity", value: "64MiB"), TierSetting(key: "eager", value: "true")]),
        TierSpec(tier: "Cold", library: "/srv/conf/tiers/libCold.so", product: "cold-one"),
      ])
    #expect(!configuration.topics.createsAutomatically && configuration.topics.partitionCount == 12)
    #expect(
      configuration.topics.given == [
        "auto.create.topics.enable": "false", "num.partitions": "12", "retention.ms": "259200000",
        "segment.bytes": "67108864", "cleanup.policy": "compact,delete", "min.cleanable.dirty.ratio": "0.25",
      ])
    #expect(configuration.coordinators.initialRebalanceDelay == .zero)
    #expect(configuration.coordinators.offsetsRetention == .seconds(3600))
    #expect(
      configuration.network
        == .init(
          threads: 4, tcpCongestion: nil, maxRequestBytes: 10_485_760, maxConnections: 20,
          maxInflightBytes: 1_073_741_824,
          maxInflightRequestsPerConnection: 5, idleTimeout: .seconds(3600),
          stallTimeout: .seconds(30)))
    #expect(configuration.fetch == .init(maxBytes: 1_000_000, sessions: 0))
    #expect(configuration.log == .init(level: .debug, format: .json))
  }

  @Test(
    "an empty file, an empty section and an absent optional value mean the defaults",
    arguments: [
      "", "# nothing\n", "topics:\n", "network: {}\n", "topics: ~\nlog:\n", "cluster: { id: }\n", "advertised: null\n",
      "plugins: { sha256: }\n",
    ])
  func emptiness(_ yaml: String) throws {
    #expect(try load(yaml).configuration == (try loadDefaults().configuration))
  }

  @Test("quotes never change a value")
  func quotes() throws {
    let plain = try load("node: { id: 3 }\nvolatile: true\nlog: { level: warning }\nfetch: { max_bytes: 1MiB }\n")
    let quoted = try load(
      "node: { id: \"3\" }\n'volatile': 'true'\nlog: { level: \"warning\" }\nfetch: { max_bytes: '1MiB' }\n")
    #expect(plain.configuration == quoted.configuration)
  }

  @Test(
    "wrong settings are refused where they stand",
    arguments: [
      (
        "network: { thraeds: 4 }\n",
        "chronik.yaml:1:12: unknown setting \"thraeds\" in network; did you mean \"threads\"?"
      ),
      ("threads: 4\n", "chronik.yaml:1:1: unknown setting \"threads\"; did you mean \"network: { threads: … }\"?"),
      ("node.id: 4\n", "chronik.yaml:1:1: unknown setting \"node.id\"; did you mean \"node: { id: … }\"?"),
      (
        "num.partitions: 4\n",
        "chronik.yaml:1:1: unknown setting \"num.partitions\"; did you mean \"topics: { num.partitions: … }\"?"
      ),
      (
        "topics: { group.max.size: 4 }\n",
        "chronik.yaml:1:11: unknown setting \"group.max.size\" in topics; did you mean \"coordinators: { group.max.size: … }\"?"
      ),
      (
        "topics: { log.retention.ms: 4 }\n",
        "chronik.yaml:1:11: \"log.retention.ms\" has another name here; did you mean \"topics: { retention.ms: … }\"?"
      ),
      (
        "topics: { log.dirs: /x }\n",
        "chronik.yaml:1:11: \"log.dirs\" has another name here; did you mean \"data_dir\"?"
      ),
      (
        "topics: { retention.m: 4 }\n",
        "chronik.yaml:1:11: unknown setting \"retention.m\" in topics; did you mean \"retention.ms\"?"
      ),
      ("log: { colour: 1 }\n", "chronik.yaml:1:8: unknown setting \"colour\" in log; expected level or format"),
      (
        "frobnicate: 1\n",
        "chronik.yaml:1:1: unknown setting \"frobnicate\"; expected node, cluster, data_dir, listen, advertised, volatile, durability, plugins, chain, offload, compaction, topics, coordinators, network, fetch, http or log"
      ),
      ("network: 4\n", "chronik.yaml:1:10: network: found \"4\"; expected a mapping of settings, indented below it"),
      ("- a\n", "chronik.yaml:1:1: the file holds a list; expected settings, one \"key: value\" per line"),
      ("hello\n", "chronik.yaml:1:1: the file holds \"hello\"; expected settings, one \"key: value\" per line"),
      ("listen:\n", "chronik.yaml:1:8: listen: found no value; expected host:port"),
      ("listen: [a]\n", "chronik.yaml:1:9: listen: found a list; expected host:port"),
      (
        "volatile: yes\n",
        "chronik.yaml:1:11: volatile: \"yes\" is not a boolean; expected true or false; did you mean \"true\"?"
      ),
      (
        "durability: { mode: fsnc }\n",
        "chronik.yaml:1:21: durability.mode: \"fsnc\" is not one of the choices; expected fsync, interval or os; did you mean \"fsync\"?"
      ),
      (
        "durability: { interval: 10 }\n",
        "chronik.yaml:1:25: durability.interval: \"10\" has no unit of time; expected a duration from 1ms to 1m, such as 30s; did you mean \"10ms\"?"
      ),
      (
        "network:\n  max_request_bytes: 64M\n",
        "chronik.yaml:2:22: network.max_request_bytes: \"64M\": the unit \"M\" is ambiguous; expected MiB (1024) or MB (1000); did you mean \"64MiB\"?"
      ),
      (
        "network: { threads: many }\n",
        "chronik.yaml:1:21: network.threads: \"many\" is not a whole number; expected auto or a whole number from 1 to 256"
      ),
      (
        "node: { id: -1 }\n",
        "chronik.yaml:1:13: node.id: -1 is below the minimum; expected a whole number from 0 to 2147483647"
      ),
      (
        "cluster: { id: a b }\n",
        "chronik.yaml:1:16: cluster.id: \"a b\" is not a name; expected a name of 1 to 64 letters, digits, dots, underscores and dashes"
      ),
      (
        "data_dir: $HOME/x\n",
        "chronik.yaml:1:11: data_dir: \"$HOME/x\": environment variables are not expanded; expected a path, absolute or relative, or one that starts with \"$BIN\""
      ),
      (
        "data_dir: ~/x\n",
        "chronik.yaml:1:11: data_dir: \"~/x\": \"~\" is not expanded; expected a path, absolute or relative, or one that starts with \"$BIN\""
      ),
      (
        "plugins: { path: ./x }\n",
        "chronik.yaml:1:18: plugins.path: \"./x\" is not a list; expected a list of paths; did you mean \"[ ./x ]\"?"
      ),
      ("plugins: { path: [ a, [b] ] }\n", "chronik.yaml:1:23: plugins.path: found a list; expected a path"),
      (
        "plugins: { sha256: { A: 12 } }\n",
        "chronik.yaml:1:25: plugins.sha256.A: \"12\" is not a SHA-256 digest; expected 64 hexadecimal digits, as sha256sum prints them"
      ),
      (
        "topics: { retention.ms: soon }\n",
        "chronik.yaml:1:25: retention.ms: \"soon\" is not a duration; expected a number of milliseconds of at least -1 (-1 = unlimited), or a duration such as 7d"
      ),
      (
        "topics: { segment.bytes: 500 B }\n",
        "chronik.yaml:1:26: segment.bytes: \"500 B\" is below the minimum; expected a number of bytes from 1024 to 2147483647, or a size such as 64MiB"
      ),
      (
        "topics: { segment.ms: 5 weeks }\n",
        "chronik.yaml:1:23: segment.ms: \"5 weeks\": \"weeks\" is not a unit of time; expected ms, s, m, h or d"
      ),
      (
        "topics: { num.partitions: 0 }\n",
        "chronik.yaml:1:27: num.partitions: 0 is below the minimum; expected a whole number from 1 to 2147483647"
      ),
      (
        "topics: { cleanup.policy: compcat }\n",
        "chronik.yaml:1:27: cleanup.policy: \"compcat\" is not one of the choices; expected a comma-separated list of compact or delete; did you mean \"compact\"?"
      ),
      (
        "topics: { retention.ms: }\n",
        "chronik.yaml:1:25: retention.ms: found no value; expected a number of milliseconds of at least -1 (-1 = unlimited)"
      ),
    ])
  func wrongSettings(_ yaml: String, _ expected: String) {
    #expect(refusals(yaml) == [expected])
  }

  @Test(
    "wrong chain entries are refused where they stand",
    arguments: [
      ("chain:\n", "chronik.yaml:1:7: the chain is empty; expected a list of tiers, each beginning with \"- tier:\""),
      (
        "chain: []\n", "chronik.yaml:1:8: the chain is empty; expected a list of tiers, each beginning with \"- tier:\""
      ),
      (
        "chain: { tier: A }\n",
        "chronik.yaml:1:8: chain: found a mapping; expected a list of tiers, each beginning with \"- tier:\""
      ),
      (
        "chain:\n  - MemoryBuffer\n",
        "chronik.yaml:2:5: found \"MemoryBuffer\"; expected a mapping with the key tier; did you mean \"tier: MemoryBuffer\"?"
      ),
      (
        "chain:\n  - name: a\n",
        "chronik.yaml:2:5: the chain entry has no key \"tier\"; expected tier: <name of the plugin>"
      ),
      (
        "chain:\n  - tier:\n",
        "chronik.yaml:2:10: tier: found no value; expected a name of 1 to 64 letters, digits, dots, underscores and dashes"
      ),
      (
        "chain:\n  - tier: ./libFoo.so\n",
        "chronik.yaml:2:11: tier: \"./libFoo.so\" is a file; expected the plugin's name here and its file, when needed, in library:; did you mean \"Foo\"?"
      ),
      (
        "chain:\n  - tier: A\n    capacity: 1MiB\n",
        "chronik.yaml:3:5: a chain entry has no key \"capacity\"; expected tier, library, product, name, config or store; a plugin's own settings belong under config"
      ),
      (
        "chain:\n  - tier: A\n    config: [1]\n",
        "chronik.yaml:3:13: config: found a list; expected a mapping of the settings that the plugin declares"
      ),
      (
        "chain:\n  - tier: A\n    config: { a: { b: 1 } }\n",
        "chronik.yaml:3:18: a: found a mapping; expected one value"
      ),
      ("chain:\n  - tier: A\n    config: { a: }\n", "chronik.yaml:3:18: a: found no value; expected one value"),
      (
        "chain:\n  - tier: A\n    name: a b\n",
        "chronik.yaml:3:11: name: \"a b\" is not a name; expected a name of 1 to 64 letters, digits, dots, underscores and dashes"
      ),
    ])
  func wrongChain(_ yaml: String, _ expected: String) {
    #expect(refusals(yaml) == [expected])
  }

  @Test("a chain has at most 16 tiers")
  func chainLength() throws {
    let entries = (1...17).map { "  - tier: T\($0)\n" }
    _ = try load("chain:\n" + entries.prefix(16).joined())
    #expect(
      refusals("chain:\n" + entries.joined()) == ["chronik.yaml:18:5: the chain has 17 tiers; expected at most 16"])
  }

  @Test(
    "settings that contradict each other are refused",
    arguments: [
      (
        "listen: 0.0.0.0:9092\n",
        "chronik.yaml:1:9: listen: \"0.0.0.0:9092\" means every interface, so clients cannot be told where to connect; expected advertised: host:port beside it, with a name or address that clients reach"
      ),
      (
        "listen: \"[::]:9092\"\n",
        "chronik.yaml:1:9: listen: \"[::]:9092\" means every interface, so clients cannot be told where to connect; expected advertised: host:port beside it, with a name or address that clients reach"
      ),
      (
        "advertised: 0.0.0.0:9092\n",
        "chronik.yaml:1:13: advertised: \"0.0.0.0:9092\" means every interface, and no client can connect to that; expected a name or address that clients reach, such as broker-1.example.com:9092"
      ),
      (
        "network: { max_inflight_bytes: 64MiB }\n",
        "chronik.yaml:1:32: network.max_inflight_bytes (64MiB) is below network.max_request_bytes (100MiB), so the largest request could never be read; expected room for at least one request"
      ),
      (
        "network: { max_request_bytes: 1GiB }\n",
        "chronik.yaml:1:31: network.max_inflight_bytes (512MiB) is below network.max_request_bytes (1GiB), so the largest request could never be read; expected room for at least one request"
      ),
      (
        "topics: { max.message.bytes: 200MiB }\n",
        "chronik.yaml:1:30: max.message.bytes (200MiB) is above network.max_request_bytes (100MiB), so such a batch could never arrive; expected max.message.bytes of at most 100MiB"
      ),
      (
        "coordinators: { group.min.session.timeout.ms: 1h }\n",
        "chronik.yaml:1:47: group.min.session.timeout.ms (3600000) is above group.max.session.timeout.ms (1800000), so no consumer could join; expected a minimum below the maximum"
      ),
      (
        "topics: { default.replication.factor: 3 }\n",
        "chronik.yaml:1:39: default.replication.factor: 3 replicas need as many brokers, and this is the only one; expected 1"
      ),
      (
        "topics: { min.insync.replicas: 2 }\n",
        "chronik.yaml:1:32: min.insync.replicas: 2 is above default.replication.factor (1), so acks=all would always fail; expected 1"
      ),
      (
        "topics: { retention.ms: 1h, local.retention.ms: 2h }\n",
        "chronik.yaml:1:49: local.retention.ms: 7200000 is above retention.ms; expected at most 3600000, or -2 for the same as retention.ms"
      ),
      (
        "topics: { min.compaction.lag.ms: 2h, max.compaction.lag.ms: 1h }\n",
        "chronik.yaml:1:34: min.compaction.lag.ms: 7200000 is above max.compaction.lag.ms; expected at most 3600000"
      ),
    ])
  func contradictions(_ yaml: String, _ expected: String) {
    #expect(refusals(yaml) == [expected])
  }

  @Test("a pin for a library that the chain does not use is worth a warning")
  func misspelledPin() throws {
    let digest = String(repeating: "0", count: 64)
    let loaded = try load("plugins:\n  sha256:\n    LocalSegmets: \(digest)\n    MemoryBuffer: \(digest)\n")
    #expect(
      loaded.warnings.map(\.description) == [
        "chronik.yaml:3:5: warning: plugins.sha256: no tier of the chain comes from a library \"LocalSegmets\", "
          + "so this pin protects nothing; did you mean \"LocalSegments\"?"
      ])
  }

  @Test("the command line replaces the file's settings, and its paths start at the working directory")
  func overrides() throws {
    let loaded = try load(
      "data_dir: /var/lib/x\nlisten: 0.0.0.0:9092\n", file: "/etc/chronik.yaml",
      overrides: CommandLineOverrides(dataDirectory: "./here", listen: "127.0.0.1:0"))
    #expect(loaded.configuration.dataDirectory == "/srv/here")
    #expect(loaded.configuration.listen == Endpoint(host: "127.0.0.1", port: 0))
    let defaults = try loadDefaults(CommandLineOverrides(listen: "0.0.0.0:1", advertised: "a:1"))
    #expect(defaults.configuration.advertised == Endpoint(host: "a", port: 1))
  }

  @Test(
    "errors of the command line name the option",
    arguments: [
      (
        CommandLineOverrides(listen: "nowhere"),
        "--listen: \"nowhere\" has no port; expected host:port, with IPv6 in brackets, such as 127.0.0.1:9092 or [::1]:9092; did you mean \"nowhere:9092\"?"
      ),
      (
        CommandLineOverrides(listen: "0.0.0.0:9092"),
        "--listen: \"0.0.0.0:9092\" means every interface, so clients cannot be told where to connect; expected advertised: host:port beside it, with a name or address that clients reach"
      ),
      (
        CommandLineOverrides(dataDirectory: ""),
        "--data-dir: the path is empty; expected a path, absolute or relative, or one that starts with \"$BIN\""
      ),
      (
        CommandLineOverrides(advertised: "a:0"),
        "--advertised: port 0 is not a port that a client can connect to; expected host:port, with IPv6 in brackets, such as 127.0.0.1:9092 or [::1]:9092"
      ),
    ])
  func wrongOverrides(_ overrides: CommandLineOverrides, _ expected: String) {
    #expect(refusals("", overrides: overrides) == [expected])
  }

  @Test("a file that cannot be read is named with the system's reason")
  func unreadable() {
    let missing = refusals { () throws(ConfigurationError) in
      _ = try LoadedConfiguration.load(path: "/nonexistent/chronik.yaml", environment: testEnvironment)
    }
    #expect(missing == ["/nonexistent/chronik.yaml: cannot be read: No such file or directory"])
    let directory = refusals { () throws(ConfigurationError) in
      _ = try LoadedConfiguration.load(path: "/proc", environment: testEnvironment)
    }
    #expect(directory == ["/proc: cannot be read: Is a directory"])
    let endless = refusals { () throws(ConfigurationError) in
      _ = try LoadedConfiguration.load(path: "/dev/zero", environment: testEnvironment)
    }
    #expect(endless == ["/dev/zero: the file is larger than 1MiB; expected a configuration of at most 1MiB"])
  }

  @Test("the running process knows where it is")
  func currentEnvironment() {
    let environment = ConfigurationEnvironment.current()
    #expect(environment.binaryDirectory.hasPrefix("/") && environment.workingDirectory.hasPrefix("/"))
    #expect(environment.processorCount >= 1)
  }

  @Test("the HTTP port is on this machine by default, elsewhere when the file or the option says so, and can be off")
  func http() throws {
    #expect(try loadDefaults().configuration.http.listen == Endpoint(host: "127.0.0.1", port: 9643))
    let given = try load("http: { listen: 0.0.0.0:80, max_body_bytes: 2KiB, search_timeout: 1s }").configuration.http
    #expect(given.listen == Endpoint(host: "0.0.0.0", port: 80))
    #expect(given.maxBodyBytes == 2048 && given.searchTimeout == .seconds(1))
    #expect(try load("http: { listen: off }").configuration.http.listen == nil)
    let overridden = try load("http: { listen: 0.0.0.0:80 }", overrides: CommandLineOverrides(httpListen: "off"))
    #expect(overridden.configuration.http.listen == nil)
  }

  @Test("the HTTP port cannot be Kafka's")
  func httpOnKafkasPort() {
    #expect(
      refusals("http: { listen: 127.0.0.1:9092 }") == [
        "chronik.yaml:1:17: http.listen: \"127.0.0.1:9092\" is the port that Kafka's clients use; expected another port, or off"
      ])
    #expect(refusals("http: { listen: none }").count == 1)
  }
}
