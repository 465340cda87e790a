import CHostSupport
import Configuration
import KafkaProtocol
import Logging
import NIOCore
import NIOPosix
import PluginLoader

/// The composition root: builds the parts from a configuration, starts them in order and stops them in reverse.
final class Broker: @unchecked Sendable {
  let configuration: Configuration
  /// What holds now: `configuration`, under what clients have changed while the broker ran.
  let settings: LiveBrokerSettings
  let logger: Logger
  /// The level of `logger` and of all its copies.
  let logLevel: LogLevelSwitch
  let handlers = HandlerTable()
  let inFlight: InFlightBudget
  let fetchSessions: FetchSessionCache
  let blockingPool: BlockingPool
  /// Threads that may wait for a network; none of them is needed to serve what is on this machine.
  let coldPool: BlockingPool
  /// Looks at produced records where that takes long. Apart from the others: no disk read or append waits behind a
  /// bomb.
  let decodingPool: BlockingPool
  let coldReads: ColdReads
  let chain: TierChain
  let topics: Topics
  let groups: GroupCoordinator
  let producerIDs: ProducerIDs
  let maintenance: LogMaintenance
  private let offload: OffloadService
  /// Nil when it is turned off or the commit tier cannot rewrite.
  let compaction: CompactionService?
  let clusterID: String
  /// What clients are told to connect to. Set by ``start()`` before the first connection is accepted.
  private(set) var advertised: Endpoint

  private let directory: DataDirectory
  let descriptorLimit: DescriptorLimit
  private let controller: BlockingPool
  private let groupCommit: GroupCommit?
  private let eventLoops: MultiThreadedEventLoopGroup
  private var listener: Listener?
  private var http: HTTPPort?
  /// Where the HTTP port listens; nil when it is off. Set by ``start()``.
  private(set) var httpEndpoint: Endpoint?
  private var isStarted = false
  /// Partitions whose storage had failed when the broker stopped.
  private(set) var failedPartitionCount = 0

  var nodeID: Int32 { configuration.nodeID }

  /// Threads that may wait for disks; more than cores, because they wait.
  private static let blockingThreads = 8
  private static let coldThreads = 16
  /// Few, because each may hold a zstd window (128 MiB) or a block of snappy (`AppendValidator.decodedByteCountMax`).
  private static let decodingThreads = 2

  /// Opens the data directory and creates the tiers; nothing is served yet.
  init(
    _ configuration: Configuration, chain resolved: ResolvedChain, compaction strategy: ResolvedCompaction?,
    plugins: TierLibrary, logger: Logger, logLevel: LogLevelSwitch
  ) throws {
    chostsupport_keep_large_buffers(64 << 20, 64 << 20)
    descriptorLimit = .raise()
    self.configuration = configuration
    self.logger = logger
    self.logLevel = logLevel
    advertised = configuration.advertisedEndpoint(boundPort: configuration.listen.port)
    directory = try DataDirectory(
      path: configuration.dataDirectory, nodeID: configuration.nodeID, clusterID: configuration.clusterID)
    clusterID = directory.clusterID
    let settings = try LiveBrokerSettings(configuration, logger: logger)
    self.settings = settings
    inFlight = InFlightBudget(byteCountMax: configuration.network.maxInflightBytes)
    fetchSessions = FetchSessionCache(capacity: configuration.fetch.sessions)
    let pool = BlockingPool(threads: Self.blockingThreads)
    blockingPool = pool
    coldPool = BlockingPool(name: "cold", threads: Self.coldThreads)
    decodingPool = BlockingPool(name: "decoding", threads: Self.decodingThreads)
    coldReads = ColdReads(pool: coldPool)
    controller = BlockingPool(name: "controller", threads: 1)
    eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: configuration.network.threads)
    chain = try TierChain(
      resolved, plugins: plugins, dataDirectory: configuration.dataDirectory, logger: logger, blockingPool: pool)
    groupCommit = Self.makeGroupCommit(configuration.durability, chain, logger)
    producerIDs = try ProducerIDs(directory: configuration.dataDirectory)
    let clock: @Sendable () -> Int64 = { WallClock.milliseconds }
    topics = Topics(
      catalogue: try TopicCatalogue(directory: configuration.dataDirectory), chain: chain,
      environment: PartitionLog.Environment(
        blockingPool: pool, groupCommit: groupCommit, logger: logger, clock: clock,
        leaderEpoch: try Self.nextLeaderEpoch(configuration.dataDirectory),
        snapshots: chain.isDurable
          ? try PartitionSnapshotStore(dataDirectory: configuration.dataDirectory, logger: logger) : nil,
        producerIDExpiration: { settings.current.producerIDExpiration.wholeMilliseconds }),
      settings: settings, controller: controller, logger: logger)
    groups = GroupCoordinator(
      settings: configuration.coordinators, topics: topics, blockingPool: pool, logger: logger)
    maintenance = LogMaintenance(
      topics: topics, retentionInterval: configuration.topics.retentionCheckInterval, clock: clock)
    offload = Self.makeOffload(settings, chain, topics, logger, clock)
    compaction = try strategy.map { [topics] strategy in
      let handle = try CompactionHandle(
        try plugins.strategy(for: configuration.compaction), name: strategy.name,
        settings: strategy.settings.map { ($0.key, $0.value) },
        host: TierHost(instance: strategy.name, logger: logger, blockingPool: pool))
      return CompactionService(
        topics: topics, strategy: handle, settings: settings,
        dataDirectory: configuration.dataDirectory, clock: clock, logger: logger)
    }
  }

  private static func makeOffload(
    _ settings: LiveBrokerSettings, _ chain: TierChain, _ topics: Topics, _ logger: Logger,
    _ clock: @escaping @Sendable () -> Int64
  ) -> OffloadService {
    OffloadService(
      settings.current.configuration.offload, bytesPerSecond: { settings.current.offloadBytesPerSecondMax },
      tiers: chain.tiers, logger: logger, clock: clock) {
      topics.all.map { ($0.partitions, $0.configuration) }
    }
  }

  /// The leader epoch of this start, durably above that of every earlier one; 0 for the first. Blocks.
  private static func nextLeaderEpoch(_ directory: String) throws(DataDirectory.Failure) -> Int32 {
    var counter = try DurableCounter(path: "\(directory)/leader-epoch", initial: -1)
    try counter.set(counter.value + 1)
    return Int32(clamping: counter.value)
  }

  private static func makeGroupCommit(
    _ durability: Configuration.Durability, _ chain: TierChain, _ logger: Logger
  ) -> GroupCommit? {
    guard chain.isDurable else { return nil }
    switch durability.mode {
    case .fsync: return GroupCommit(tier: chain.commitTier, interval: .zero, logger: logger)
    case .interval: return GroupCommit(tier: chain.commitTier, interval: durability.interval, logger: logger)
    case .os: return nil
    }
  }

  /// Recovers everything and serves nobody. Blocks. Ended by ``stop()``.
  func open() throws {
    try chain.start()
    isStarted = true
    groupCommit?.start()
    try topics.openAll()
  }

  /// Recovers everything and begins to serve. Blocks. Returns the endpoint that is bound.
  func start() throws -> Endpoint {
    try open()
    groups.start()
    try producerIDs.recover(above: topics.largestProducerID)
    maintenance.start(on: eventLoops.next())
    offload.start()
    try startHTTP()
    compaction?.start()
    warnOfMissingDescriptors()
    let listener = Listener(
      broker: self, group: eventLoops, network: configuration.network
    ) { [settings, descriptorLimit] in
      min(settings.current.connectionCountMax, descriptorLimit.connectionsMax)
    }
    self.listener = listener
    // The port is known before the first connection can ask for it only if it is fixed; see Listener.start.
    let port: UInt16
    do {
      port = try listener.start(configuration.listen) { [self] port in
        advertised = configuration.advertisedEndpoint(boundPort: port)
      }
    } catch {
      throw ListenFailure(.kafka, configuration.listen, error)
    }
    return Endpoint(host: configuration.listen.host, port: port)
  }

  /// Searching and the HTTP port; before the listener, so that a taken port ends the start before a client connects.
  private func startHTTP() throws {
    guard let wanted = configuration.http.listen else { return }
    let search = try SearchService(
      topics: topics, chain: chain,
      limits: SearchService.Limits(
        running: configuration.http.maxSearches, queued: configuration.http.maxQueuedSearches,
        timeout: configuration.http.searchTimeout), logger: logger)
    let responder = HTTPResponder(
      topics: topics, search: search, archive: ArchiveExport(chain: chain, logger: logger),
      settings: configuration.http, listen: wanted, clock: { WallClock.milliseconds })
    let http = HTTPPort(responder, settings: configuration.http, logger: logger)
    self.http = http
    httpEndpoint = Endpoint(host: wanted.host, port: try http.start(wanted))
  }

  /// Stops serving, lets what is under way end, makes everything durable and closes the tiers. Blocks. Does nothing
  /// when the tiers never started.
  func stop() {
    guard isStarted else { return }
    http?.stop()
    listener?.stop()
    groups.stop()
    offload.stop()
    compaction?.stop()
    maintenance.stop()
    // Before the logs it appends to.
    decodingPool.stop()
    // Nobody waits for them any more, and closing a partition waits for them.
    chain.endReads()
    topics.closeAll()
    groupCommit?.stop()
    failedPartitionCount = topics.failedPartitionCount
    controller.stop()
    coldPool.stop()
    blockingPool.stop()
    groups.shutDown()
    // Last of the threads: all others hand their results to an event loop.
    do { try eventLoops.syncShutdownGracefully() } catch {
      logger.error("The event loops did not stop cleanly", metadata: ["error": "\(error)"])
    }
    chain.stop()
    directory.unlock()
  }
}
