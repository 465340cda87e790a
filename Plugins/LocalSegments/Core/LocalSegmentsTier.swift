import SegmentFormat
import Synchronization
import TierKit

/// The tier: a directory of partitions, each a directory of segments in Kafka's layout.
///
/// Thread-safe as `tier.h` asks. `registry` is held for memory operations only.
public final class LocalSegmentsTier: Tier {
  private struct Registry {
    /// Directories by identity: open, closed and stray ones.
    var names: [PartitionID: String] = [:]
    /// Why a directory in use is refused, by its name.
    var unreadable: [String: String] = [:]
    var open: [PartitionID: PartitionLog] = [:]
    /// Closed, flushed, and not yet durable in everything that a clean start trusts.
    var unsettled: [PartitionID: PartitionLog] = [:]
    var lock: OpenFile?
    var checkpoints: Checkpoints?
    var wasClean = false
    /// False once a partition could not be closed cleanly.
    var isClean = true
  }

  private let context: TierContext
  private let directory: DataDirectory
  private let workers: WorkerPool
  private let registry = Guarded(Registry())
  private let lastCheckpoint = Atomic<Int64>(0)
  private let isCheckpointing = Atomic<Bool>(false)

  public convenience init(host: HostServices, options: TierOptions) throws(TierError) {
    try self.init(
      fileSystem: PosixFileSystem(), host: host, configuration: Configuration(options),
      dataDirectory: options.dataDirectory)
  }

  package init(
    fileSystem: any FileSystem, host: HostServices, configuration: Configuration, dataDirectory: String
  ) throws(TierError) {
    guard dataDirectory.hasPrefix("/") else {
      throw TierError(.invalidConfiguration, "data directory: expected an absolute path, got \"\(dataDirectory)\"")
    }
    context = TierContext(fileSystem, host, configuration, dataDirectory: dataDirectory)
    directory = DataDirectory(path: dataDirectory, fileSystem: fileSystem, host: host)
    workers = WorkerPool(threadCount: configuration.flushThreads)
  }

  public static let description = TierDescription(
    id: "chronik.local-segments", name: "LocalSegments", version: "1.0.0",
    summary: "The durable log on local disk: segments, indexes and checkpoints in Kafka's own layout.",
    abilities: [.append, .durable, .seal, .read, .rewrite], keys: Configuration.keys)

  // MARK: life

  public func start() throws(TierError) {
    let lock = try directory.lock()
    let found = try directory.scan()
    // The commit log is emptied while the marker still says that nothing in it counts.
    try replayCommitLog(found, isVoid: try directory.hasCleanShutdownMarker())
    let wasClean = try directory.takeCleanShutdownMarker()
    // A killed process may have left names that only the page cache knows; what is built on them must last.
    if !wasClean { try naming("sync", directory.path) { () throws(Errno) in try syncNames() } }
    let checkpoints = Checkpoints(directory)
    registry.withLock { registry in
      registry.lock = lock
      registry.wasClean = wasClean
      registry.checkpoints = checkpoints
      for partition in found.partitions { registry.names[partition.id] = partition.name }
      registry.unreadable = found.unreadable
    }
    lastCheckpoint.store(context.host.monotonicNanoseconds, ordering: .relaxed)
  }

  private func syncNames() throws(Errno) { try context.fileSystem.syncDirectory(directory.path) }

  private func replayCommitLog(_ found: DataDirectory.Contents, isVoid: Bool) throws(TierError) {
    let log = context.commitLog
    let replay = CommitLogReplay(
      directory: directory, workers: workers, buffers: context.buffers, fileByteCount: log.fileByteCount,
      partitions: found.partitions, unreadable: Array(found.unreadable.keys))
    log.begin(try replay.run(isVoid: isVoid, keepsFiles: context.configuration.usesCommitLog))
  }

  public func stop() {
    let (logs, wasStarted) = registry.withLock { ($0.open.values.map { $0 }, $0.lock != nil) }
    workers.run(logs.count) { close(logs[$0]) }
    context.commitLog.checkpoint(includingCurrent: true)
    settle(registry.withLock { Array($0.unsettled.values) })
    let isEmpty = context.commitLog.stop()
    workers.stop()
    if wasStarted, isEmpty, registry.withLock({ $0.isClean }) {
      do throws(TierError) { try directory.writeCleanShutdownMarker() } catch {
        context.host.log(.warning, "The stop is not recorded as clean.", [("error", error.message)])
      }
    }
    context.descriptors.removeAll()
    registry.withLock { registry in
      registry.unsettled = [:]
      registry.lock = nil
    }
  }

  /// Ends as a killed process would, for benchmarks and tests: nothing is flushed or written, the lock is released.
  package func stopWithoutFlush() {
    context.commitLog.abandon()
    workers.stop()
    registry.withLock { registry in
      registry.open = [:]
      registry.unsettled = [:]
      registry.lock = nil
    }
    context.descriptors.removeAll()
  }

  // MARK: partitions

  public func openPartition(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> any TierPartition {
    try open(id, settings: settings, initialOffset: initialOffset)
  }

  package func open(
    _ id: PartitionID, settings: PartitionSettings, initialOffset: Int64
  ) throws(TierError) -> PartitionLog {
    let (checkpoints, isOpen, wasClean, unsettled) = registry.withLock {
      ($0.checkpoints, $0.open[id] != nil, $0.wasClean, $0.unsettled[id])
    }
    guard let checkpoints else { throw TierError(.permanent, "the tier is not started") }
    guard !isOpen, initialOffset >= 0 else {
      throw TierError(.permanent, "\(id.topic)-\(id.partition) is already open")
    }
    // Opened before in this run: what recovery goes by is brought up to date first.
    if let unsettled {
      settle([unsettled])
      if registry.withLock({ $0.unsettled[id] != nil }) {
        throw TierError(
          .permanent, "\(id.topic)-\(id.partition): what it held before is not on disk; restart to recover it")
      }
    }
    let name = try directoryName(id)
    let recovery = Recovery(
      id: id, directory: directory.file(name), context: context, settings: settings, known: checkpoints.known(id),
      wasClean: wasClean)
    let outcome = try recovery.run(initialOffset: initialOffset)
    // Opened before in this run: what recovery found is in the files, durably, and older entries must not change it.
    try context.commitLog.release(id, below: .max)
    let log = PartitionLog(
      id, directory: directory.file(name), state: outcome.state, indexing: outcome.indexing, settings: settings,
      context: context, checkpoints: checkpoints)
    log.owner = self
    log.resolveNewestTimestamp()
    registry.withLock { $0.open[id] = log }
    return log
  }

  /// The directory of a partition, created when there is none. One that another topic of the same name left is set
  /// aside.
  private func directoryName(_ id: PartitionID) throws(TierError) -> String {
    if let known = registry.withLock({ $0.names[id] }) { return known }
    let name = PartitionDirectoryName.format(topic: id.topic, partition: id.partition)
    try checkReadable(name)
    let holder = registry.withLock { $0.names.first { $0.value == name }?.key }
    if let holder {
      if holder.topicID.allSatisfy({ $0 == 0 }) {
        // Written before directories named their topic.
        try directory.writeMetadata(id, name)
        registry.withLock { $0.names[holder] = nil }
      } else {
        let aside = try directory.setAside(
          DataDirectory.Found(id: holder, name: name), suffix: PartitionDirectoryName.straySuffix)
        context.host.log(
          .warning, "A directory belongs to another topic of the same name and was set aside.",
          [("directory", name), ("new_name", aside)])
        displace(holder, to: aside)
        try registry.withLock({ $0.checkpoints })?.forget(holder)
        try directory.createPartitionDirectory(id, name)
      }
    } else {
      // A deletion that a crash interrupted may have left the checkpoints of a partition with this name.
      try registry.withLock({ $0.checkpoints })?.forget(id)
      try directory.createPartitionDirectory(id, name)
    }
    registry.withLock { $0.names[id] = name }
    return name
  }

  /// `holder` has lost its directory to another partition of its name. Checkpoints go by names: whether it is open still,
  /// or only not settled, none is written for it from here on.
  private func displace(_ holder: PartitionID, to name: String) {
    let (open, unsettled) = registry.withLock { registry in
      registry.names[holder] = name
      return (registry.open[holder], registry.unsettled.removeValue(forKey: holder))
    }
    for log in [open, unsettled].compactMap({ $0 }) { log.published.withLock { $0.isDisplaced = true } }
    unsettled?.letGoOfFiles()
  }

  /// Refuses a directory of which nobody can say whose it is.
  private func checkReadable(_ name: String) throws(TierError) {
    guard let reason = registry.withLock({ $0.unreadable[name] }) else { return }
    throw TierError(
      .corrupt, "\(directory.file(name)): \(reason); restore the file or remove the directory, then restart")
  }

  /// What can wait until the tier stops, or the partition is opened again, is left to `settle`.
  func close(_ log: PartitionLog) {
    let isFinished = log.finish()
    // A checkpoint that began before means nothing any more: the partition may be deleted and made again beside it.
    let isDisplaced = log.published.withLock { state in
      state.releases += 1
      return state.isDisplaced
    }
    if !isFinished || isDisplaced { log.letGoOfFiles() }
    registry.withLock { registry in
      registry.open[log.id] = nil
      if isDisplaced { return }
      if isFinished { registry.unsettled[log.id] = log } else { registry.isClean = false }
    }
  }

  /// Makes durable, in parallel, what a clean start trusts of closed partitions, and writes their checkpoints at once.
  /// Blocks.
  private func settle(_ logs: [PartitionLog]) {
    guard !logs.isEmpty, let checkpoints = registry.withLock({ $0.checkpoints }) else { return }
    let found = Settlement(workers: workers, isClosing: true).run(logs)
    let changes = zip(logs, found).compactMap { log, checkpoint in checkpoint.map { (log: log, checkpoint: $0) } }
    var isSaved = true
    do throws(TierError) { try checkpoints.save(changes) } catch {
      isSaved = false
      context.host.log(.warning, "A checkpoint could not be written.", [("error", error.message)])
    }
    registry.withLock { registry in
      // One that could not be settled is tried again when the tier stops.
      for (log, checkpoint) in zip(logs, found) where checkpoint != nil && registry.unsettled[log.id] === log {
        registry.unsettled[log.id] = nil
      }
      if !isSaved || changes.count < logs.count { registry.isClean = false }
    }
  }

  public func deletePartition(_ id: PartitionID) throws(TierError) {
    let (name, isOpen, checkpoints) = registry.withLock { ($0.names[id], $0.open[id] != nil, $0.checkpoints) }
    if isOpen { throw TierError(.permanent, "\(id.topic)-\(id.partition) is open and cannot be deleted") }
    guard let name else {
      return try checkReadable(PartitionDirectoryName.format(topic: id.topic, partition: id.partition))
    }
    // An open descriptor would keep the disk space of a file whose name is gone.
    registry.withLock { $0.unsettled.removeValue(forKey: id) }?.letGoOfFiles()
    // Another partition with this identity must not get the entries of this one.
    try context.commitLog.forget(id)
    let isStray = name.hasSuffix(PartitionDirectoryName.straySuffix)
    let aside = try directory.setAsideIfThere(
      DataDirectory.Found(id: id, name: name), suffix: PartitionDirectoryName.deletedSuffix)
    registry.withLock { $0.names[id] = nil }
    // The files first: on a full disk they may be what makes room for the checkpoints. A crash between leaves those, which
    // the next partition of the name has forgotten before it is made.
    if let aside { try directory.removePartitionDirectory(aside) }
    if !isStray { try checkpoints?.forget(id) }
  }

  public func listPartitions() throws(TierError) -> [PartitionID] { registry.withLock { Array($0.names.keys) } }

  // MARK: flushing

  public func flush(_ partitions: [any TierPartition]) -> [Result<Int64, TierError>] {
    // The host hands back what openPartition returned.
    flush(logs: partitions.map { unsafeDowncast($0 as AnyObject, to: PartitionLog.self) })
  }

  package func flush(logs: [PartitionLog]) -> [Result<Int64, TierError>] {
    let begin = context.host.monotonicNanoseconds
    let flush = GroupFlush(
      workers: workers, commitLog: context.commitLog, loggedPartitionsMin: context.configuration.loggedPartitionsMin,
      loggedByteCountMax: context.configuration.loggedByteCountMax)
    let results = flush.run(logs)
    let end = context.host.monotonicNanoseconds
    context.host.observe("flush_seconds", seconds: Double(end - begin) / 1e9)
    checkpointIfDue(now: end)
    return results
  }

  private func checkpointIfDue(now: Int64) {
    let interval = context.configuration.checkpointInterval * 1_000_000
    guard now - lastCheckpoint.load(ordering: .relaxed) >= interval,
      !isCheckpointing.exchange(true, ordering: .acquiring)
    else { return }
    lastCheckpoint.store(now, ordering: .relaxed)
    let isAccepted = context.host.runBlocking { [self] in
      checkpoint()
      isCheckpointing.store(false, ordering: .releasing)
    }
    // A busy pool is asked again after the next flush that finds the interval over.
    if !isAccepted { isCheckpointing.store(false, ordering: .releasing) }
  }

  /// Writes the recovery points of all open partitions. Blocks.
  package func checkpoint() {
    context.commitLog.checkpoint(includingCurrent: true)
    let (logs, checkpoints) = registry.withLock { ($0.open.values.map { $0 }, $0.checkpoints) }
    // On this thread alone: flushes use the others. One that cannot be prepared keeps its old checkpoint.
    let found = Settlement(workers: WorkerPool(threadCount: 0), isClosing: false).run(logs)
    let changes = zip(logs, found).compactMap { log, checkpoint in checkpoint.map { (log: log, checkpoint: $0) } }
    do throws(TierError) { try checkpoints?.save(changes) } catch {
      context.host.log(.warning, "A checkpoint could not be written.", [("error", error.message)])
    }
  }
}
