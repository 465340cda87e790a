import Configuration
import DequeModule
import KafkaProtocol
import Logging
import NIOConcurrencyHelpers
import PluginLoader
import TierAPI

/// All topics of the broker: what the catalogue lists, opened in the tier chain.
///
/// Look-ups may be made from any thread and do not block. Changes run one at a time on the `controller` thread, where
/// they may block; a change is durable in the catalogue before it is visible.
final class Topics: Sendable {
  private let chain: TierChain
  private let environment: PartitionLog.Environment
  let settings: LiveBrokerSettings
  let logger: Logger
  /// Runs changes; one thread.
  let controller: BlockingPool
  private let blockingPool: BlockingPool
  /// Touched on the controller thread only, once ``openAll()`` has returned.
  let catalogue: UncheckedBox<TopicCatalogue>
  /// Partitions of topics that are being created or are growing, and who is told the end, by topic id. Touched on the
  /// controller thread only.
  let openings = UncheckedBox(OpeningQueue<PartitionLog>())
  let openingEnds = UncheckedBox([String: @Sendable (OpeningQueue<PartitionLog>.Ended) -> Void]())
  /// Topics that are being created: the catalogue has them, nobody sees them yet. By name, with those who wait for the
  /// end. Touched on the controller thread only.
  let creating = UncheckedBox([String: [@Sendable () -> Void]]())
  /// A turn of opening is under way or will come. Touched on the controller thread only.
  let isOpening = UncheckedBox(false)
  /// Deleted topics whose data is still to go, oldest first, each with its next partition. Touched on the controller
  /// thread only.
  private let removals = UncheckedBox(Deque<(record: TopicRecord, partition: Int32)>())
  /// Those that failed and are to be tried again. Touched on the controller thread only.
  private let failedRemovals = UncheckedBox<[TopicRecord]>([])
  /// From `closeAll` on, what is left to remove is the next start's. Touched on the controller thread only.
  let isClosing = UncheckedBox(false)
  private let served = NIOLockedValueBox(Served())

  private struct Served {
    var byName: [String: Topic] = [:]
    var byID: [KafkaUUID: Topic] = [:]
  }

  init(
    catalogue: TopicCatalogue, chain: TierChain, environment: PartitionLog.Environment,
    settings: LiveBrokerSettings, controller: BlockingPool, logger: Logger
  ) {
    self.catalogue = UncheckedBox(catalogue)
    self.chain = chain
    self.environment = environment
    self.settings = settings
    self.controller = controller
    blockingPool = environment.blockingPool
    self.logger = logger
    if catalogue.cutByteCount > 0 {
      logger.warning(
        "The last line of the catalogue is not whole and was cut off; if it was not being written, a topic is missing",
        metadata: [
          "bytes": "\(catalogue.cutByteCount)", "kept": "\(catalogue.cutNotKept == nil ? "topics.journal.cut" : "nowhere")",
        ].merging(catalogue.cutNotKept.map { ["line": "\($0)"] } ?? [:]) { $1 })
    }
  }

  // MARK: - Look-ups

  func topic(_ name: String) -> Topic? { served.withLockedValue { $0.byName[name] } }
  func topic(_ id: KafkaUUID) -> Topic? { served.withLockedValue { $0.byID[id] } }
  func firstName(where predicate: (String) -> Bool) -> String? {
    served.withLockedValue { $0.byName.keys.first(where: predicate) }
  }
  /// Sorted by name.
  var all: [Topic] { served.withLockedValue { Array($0.byName.values) }.sorted { $0.name < $1.name } }
  /// The largest producer id that any partition knows; -1 without any.
  var largestProducerID: Int64 { all.flatMap(\.partitions).map(\.largestProducerID).max() ?? -1 }

  /// Partitions that take no more writes because their storage failed.
  var failedPartitionCount: Int { all.flatMap(\.partitions).count { $0.hasFailed } }

  var partitionCount: Int { served.withLockedValue { $0.byName.values.reduce(0) { $0 + $1.partitions.count } } }

  // MARK: - Changes, on the controller thread

  /// Opens every topic of the catalogue, several partitions at a time, and begins to finish deletions that a crash
  /// interrupted.
  /// Blocks.
  func openAll() throws {
    let records = catalogue.value.topics.values.sorted { $0.name < $1.name }
    let live = records.filter { !$0.deleting }
    let jobs = live.flatMap { record in (0..<record.partitions).map { (record, $0) } }
    let opened = try Parallel.map(jobs, threads: 4) { [self] job in
      try open(job.0, partition: job.1)
    }
    var next = 0
    for record in live {
      let count = Int(record.partitions)
      serve(record, logs: Array(opened[next..<next + count]))
      next += count
    }
    UnknownTopic.report(chain.tiers, known: catalogue.value.knownIDs, logger)
    // A store that does not answer now must not keep the broker from starting.
    controller.run { [self] in
      for record in records where record.deleting { scheduleRemoval(record) }
    }
  }

  /// Replaces a topic's settings; they were validated.
  func configure(_ topic: Topic, _ overrides: [String: String]) throws(AppendRefusal) {
    var record = try record(of: topic)
    record.config = overrides
    do {
      try catalogue.value.put(record)
      try topic.configure(overrides, resolve(overrides))
    } catch {
      throw AppendRefusal(code: .kafkaStorageError, message: "\(error)")
    }
  }

  /// Deletes a topic: promised durably and invisible when this returns; the data goes in the background from every
  /// tier, again and again until each has said that nothing is left, also after a crash. Only what the catalogue marks
  /// as deleted is removed: what else a tier may hold, on a store that others share, is none of this broker's business.
  func delete(_ topic: Topic) throws(AppendRefusal) {
    var record = try record(of: topic)
    record.deleting = true
    do throws(TopicCatalogue.Failure) {
      try catalogue.value.put(record)
    } catch {
      throw AppendRefusal(code: .kafkaStorageError, message: "\(error)")
    }
    served.withLockedValue { state in
      state.byName[topic.name] = nil
      state.byID[topic.id] = nil
    }
    logger.info("Deleting a topic", metadata: ["topic": "\(topic.name)", "id": "\(topic.id)"])
    let promised = record
    closeThen(topic.partitions + cancelGrowth(of: record)) { [self] in
      controller.run { self.scheduleRemoval(promised) }
    }
  }

  /// Closes every partition and writes what the next start wants to know; changes are refused from now on. Blocks until
  /// the last call into the tiers has returned.
  func closeAll() {
    let done = ConditionLock(value: 0)
    controller.run { [self] in
      isClosing.value = true
      // Half a topic is the next start's to open; the catalogue has it.
      let half = openings.value.cancelAll().flatMap(\.opened)
      let logs = all.flatMap(\.partitions) + half
      closeThen(logs) { [self] in
        PartitionLog.saveSnapshotsAtClose(logs)
        controller.run {
          self.catalogue.value.close()
          done.lock()
          done.unlock(withValue: 1)
        }
      }
    }
    done.lock(whenValue: 1)
    done.unlock()
  }

  // MARK: - For the changes in the other file

  /// What the catalogue says of a topic that is served.
  func record(of topic: Topic) throws(AppendRefusal) -> TopicRecord {
    try checkOpen()
    guard let record = catalogue.value.topics[topic.id.description] else {
      throw AppendRefusal(code: .unknownTopicOrPartition, message: "This server does not host this topic.")
    }
    return record
  }

  func checkOpen() throws(AppendRefusal) {
    if isClosing.value { throw AppendRefusal(code: .brokerNotAvailable, message: "The broker is stopping.") }
  }

  func closeThen(
    _ logs: [PartitionLog], _ completion: @escaping @Sendable () -> Void
  ) {
    guard !logs.isEmpty else { return completion() }
    let left = NIOLockedValueBox(logs.count)
    for log in logs {
      log.close { [blockingPool] in
        // The last caller may be an event loop; closing a tier may block.
        blockingPool.run {
          log.chain.close()
          let isLast = left.withLockedValue { left in
            left -= 1
            return left == 0
          }
          if isLast { completion() }
        }
      }
    }
  }

  /// One partition at a time, each a turn of its own on the controller thread: hundreds of deleted topics keep nobody
  /// waiting for longer than one partition.
  func scheduleRemoval(_ record: TopicRecord) {
    removals.value.append((record, 0))
    if removals.value.count == 1 { controller.run { self.removeNextPartition() } }
  }

  private func removeNextPartition() {
    guard !isClosing.value else { return }
    let (record, partition) = removals.value[0]
    do {
      if partition < record.partitions { try removeData(record, partition: partition) }
      if partition + 1 < record.partitions {
        removals.value[0].partition += 1
      } else {
        removals.value.removeFirst()
        try catalogue.value.remove(id: record.id)
      }
    } catch {
      if removals.value.first?.record.id == record.id { removals.value.removeFirst() }
      noteRemovalFailure(record, error)
    }
    if !removals.value.isEmpty { controller.run { self.removeNextPartition() } }
  }

  /// Takes up deletions that failed. Any thread; does not block.
  func retryRemovals() {
    controller.run { [self] in
      let waiting = failedRemovals.value
      failedRemovals.value.removeAll()
      for record in waiting { scheduleRemoval(record) }
    }
  }

  private func removeData(_ record: TopicRecord, partition: Int32) throws {
    guard let id = KafkaUUID(record.id) else { return }
    let identity = PartitionIdentity(topic: record.name, topicID: (id.high, id.low), partition: partition)
    try chain.delete(identity)
    try environment.snapshots?.remove(identity)
  }

  private func noteRemovalFailure(_ record: TopicRecord, _ error: any Error) {
    failedRemovals.value.append(record)
    logger.error(
      "A topic's data could not be deleted; it is tried again within a minute and at the next start",
      metadata: ["topic": "\(record.name)", "error": "\(error)"])
  }

  func resolve(_ overrides: [String: String]) -> ResolvedTopicConfiguration {
    ResolvedTopicConfiguration(brokerDefaults: settings.current.topicDefaults.values, overrides: overrides)
  }

  func open(_ record: TopicRecord, partition: Int32) throws -> PartitionLog {
    guard let id = KafkaUUID(record.id) else {
      throw TierFailure(.corrupt, origin: "topics.journal", message: "\(record.id) is not a topic id")
    }
    let configuration = resolve(record.config)
    let identity = PartitionIdentity(topic: record.name, topicID: (id.high, id.low), partition: partition)
    let tiers = try chain.open(identity, settings: chronik_partition_settings(configuration))
    let log = PartitionLog(
      identity: identity, chain: tiers, validator: AppendValidator(configuration), environment: environment)
    do {
      log.restore(try environment.snapshots?.load(identity))
    } catch {
      tiers.close()
      throw error
    }
    return log
  }

  @discardableResult
  func serve(_ record: TopicRecord, logs: [PartitionLog]) -> Topic {
    guard let id = KafkaUUID(record.id) else { preconditionFailure("open() has checked the id") }
    let topic = Topic(
      name: record.name, id: id, partitions: logs, overrides: record.config, configuration: resolve(record.config))
    served.withLockedValue { state in
      state.byName[record.name] = topic
      state.byID[id] = topic
    }
    return topic
  }
}

/// A value that one thread at a time uses, by construction; the comment at the place of use says which.
final class UncheckedBox<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}
