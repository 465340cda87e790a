import Configuration
import KafkaProtocol
import Logging
import NIOCore
import NIOPosix

/// The shell around the groups: finds a group's partition of the offsets topic, runs the transition, performs its
/// actions, keeps the timers.
///
/// Everything happens on one event loop of its own, which never blocks: there is no lock, and what one client asks for
/// first is done first. Handlers come over with ``run(_:)``; answers go back through closures that may be called from
/// here. Creating the topic and reading it run elsewhere and report back.
///
/// The topic is created when the first client needs it. At start every partition of an existing one is read; until
/// then its groups answer COORDINATOR_LOAD_IN_PROGRESS.
final class GroupCoordinator: @unchecked Sendable {
  /// A group and what the shell keeps beside its state machine. Confined to the loop.
  final class Group: @unchecked Sendable {
    let id: String
    let log: GroupLog
    var machine: GroupStateMachine
    var offsets = GroupOffsets()
    /// The log has, or will have, a record of the group itself.
    var isStored = false
    var timer: (due: Duration, task: Scheduled<Void>)?

    init(id: String, log: GroupLog, machine: GroupStateMachine) {
      self.id = id
      self.log = log
      self.machine = machine
    }

    /// Nothing would be lost if the group were forgotten.
    var isBlank: Bool {
      machine.state == .empty && machine.pending.isEmpty && !isStored && offsets.isEmpty
    }
  }

  enum TopicPhase {
    case absent
    case creating
    case present
  }

  let settings: Configuration.Coordinators
  let topics: Topics
  let blockingPool: BlockingPool
  let logger: Logger
  private let loopGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let loop: any EventLoop

  // Confined to the loop.
  var groups: [String: Group] = [:]
  /// By partition; empty until the topic exists.
  var logs: [GroupLog] = []
  var topicPhase = TopicPhase.absent
  /// Run when the topic exists, or told that it could not be created.
  var awaitingTopic: [(Bool) -> Void] = []
  var joins: [ReplyToken: (JoinAnswer) -> Void] = [:]
  var syncs: [ReplyToken: (SyncAnswer) -> Void] = [:]
  private var tokens: UInt64 = 0
  private var isStopped = false
  private var sweeper: RepeatedTask?

  init(settings: Configuration.Coordinators, topics: Topics, blockingPool: BlockingPool, logger: Logger) {
    self.settings = settings
    self.topics = topics
    self.blockingPool = blockingPool
    self.logger = logger
    loop = loopGroup.next()
  }

  // MARK: - Life

  /// Begins to read the offsets topic, if there is one, and returns. The topics are open.
  func start() {
    run { coordinator in
      coordinator.beginLoading()
      let interval = TimeAmount.nanoseconds(coordinator.settings.offsetsRetentionCheckInterval.nanoseconds)
      coordinator.sweeper = coordinator.loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
        [unowned coordinator] _ in coordinator.sweep()
      }
    }
  }

  /// Does nothing more: what is parked stays unanswered, as the connections are closing. Blocks.
  func stop() {
    do {
      try loop.submit { [self] in
        isStopped = true
        sweeper?.cancel()
        for group in groups.values { group.timer?.task.cancel() }
        joins.removeAll()
        syncs.removeAll()
        awaitingTopic.removeAll()
      }.wait()
    } catch {
      logger.error("The group coordinator did not stop cleanly", metadata: ["error": "\(error)"])
    }
  }

  /// Ends the loop's thread, when nothing can report to it any more. Blocks.
  func shutDown() {
    do { try loopGroup.syncShutdownGracefully() } catch {
      logger.error("The group coordinator's loop did not stop cleanly", metadata: ["error": "\(error)"])
    }
  }

  /// Runs `body` on the coordinator's loop, in the order of the calls of one thread. Any thread; does not block.
  func run(_ body: @escaping @Sendable (GroupCoordinator) -> Void) {
    loop.execute { [self] in
      if !isStopped { body(self) }
    }
  }

  var now: GroupMoment {
    GroupMoment(
      uptime: .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds)), wall: WallClock.milliseconds)
  }

  // MARK: - Groups. On the loop

  /// The log of the group's partition, or nil while there is no offsets topic and therefore no group.
  func log(of group: String) throws(GroupRefusal) -> GroupLog? {
    guard !logs.isEmpty else { return nil }
    let log = logs[Int(OffsetsTopic.partition(of: group, count: Int32(logs.count)))]
    switch log.phase {
    case .ready: return log
    case .loading: throw .loading
    case .unreadable: throw .notAvailable
    }
  }

  /// The group, or nil when there is none.
  func group(_ id: String) throws(GroupRefusal) -> Group? {
    guard try log(of: id) != nil else { return nil }
    return groups[id]
  }

  /// The group, which is made if there is none. The topic exists.
  func groupOrNew(_ id: String) throws(GroupRefusal) -> Group {
    if let group = try group(id) { return group }
    guard let log = try log(of: id), groups.count < GroupLimits.groupsMax else { throw .notAvailable }
    let group = Group(id: id, log: log, machine: GroupStateMachine(settings: machineSettings, at: now))
    groups[id] = group
    return group
  }

  var machineSettings: GroupStateMachine.Settings {
    GroupStateMachine.Settings(initialRebalanceDelay: settings.initialRebalanceDelay, sizeMax: settings.groupSizeMax)
  }

  func makeToken() -> ReplyToken {
    tokens += 1
    return ReplyToken(rawValue: tokens)
  }

  // MARK: - Actions

  /// Does what a transition asked for, and sees to the group's timer.
  func perform(_ actions: [GroupAction], _ group: Group) {
    for action in actions {
      switch action {
      case .answerJoin(let token, let answer): joins.removeValue(forKey: token)?(answer)
      case .answerSync(let token, let answer): syncs.removeValue(forKey: token)?(answer)
      case .store(let snapshot, let purpose): store(snapshot, purpose, group)
      }
    }
    settle(group)
  }

  private func store(_ snapshot: GroupSnapshot, _ purpose: GroupStorePurpose, _ group: Group) {
    let ended: @Sendable (Bool) -> Void = { [self] succeeded in
      perform(group.machine.stored(purpose, succeeded: succeeded, at: now), group)
    }
    do throws(WireError) {
      let record = (key: try GroupRecords.encode(.group(group.id)), value: try GroupRecords.encode(snapshot))
      group.isStored = true
      if group.log.append([record], completion: ended) { return }
    } catch {
      logger.error("A group cannot be encoded", metadata: ["group": "\(group.id)", "error": "\(error)"])
    }
    logger.warning(
      "A group was not stored: it is too large",
      metadata: ["group": "\(group.id)", "members": "\(snapshot.members.count)"])
    loop.execute { ended(false) }
  }

  /// True when nothing is left of a group; then it is forgotten.
  @discardableResult
  func forgetIfBlank(_ group: Group) -> Bool {
    guard group.isBlank else { return false }
    group.timer?.task.cancel()
    group.timer = nil
    if groups[group.id] === group { groups[group.id] = nil }
    return true
  }

  /// After a transition: forgets the group when nothing is left of it, else sees that its timer is early enough.
  func settle(_ group: Group) {
    guard !forgetIfBlank(group) else { return }
    guard let due = group.machine.nextDeadline else {
      group.timer?.task.cancel()
      group.timer = nil
      return
    }
    // Sessions move with every heartbeat; a timer that fires early sets itself anew.
    if let timer = group.timer, timer.due <= due { return }
    group.timer?.task.cancel()
    let task = loop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, due.nanoseconds)))) {
      [weak self, weak group] in
      guard let self, let group else { return }
      self.fire(group, due)
    }
    group.timer = (due, task)
  }

  /// The deadline of `group` has come. A timer that is late was held up with this loop or the whole process, and so was
  /// what members sent in time: that is heard first, or a stalled disk would expel members that live.
  private func fire(_ group: Group, _ due: Duration) {
    guard let grace = GroupLimits.grace(afterDelay: now.uptime - due) else { return expire(group) }
    let task = loop.scheduleTask(in: .nanoseconds(grace.nanoseconds)) { [weak self, weak group] in
      guard let self, let group else { return }
      self.expire(group)
    }
    group.timer = (due, task)
  }

  private func expire(_ group: Group) {
    guard !isStopped else { return }
    group.timer = nil
    perform(group.machine.advance(to: now), group)
  }
}
