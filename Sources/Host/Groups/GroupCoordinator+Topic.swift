import KafkaProtocol
import Logging

/// The offsets topic: created when it is needed, read at start. On the loop unless a comment says otherwise.
extension GroupCoordinator {
  /// Calls `body` when the offsets topic exists, now or later: with false when it could not be created.
  func whenTopicExists(_ body: @escaping (Bool) -> Void) {
    if topicPhase == .present { return body(true) }
    awaitingTopic.append(body)
    guard topicPhase == .absent else { return }
    topicPhase = .creating
    topics.controller.run { [self] in
      // Somebody else may be creating it at this moment.
      topics.whenCreated(OffsetsTopic.name) { [self] in
        createTopic { topic in self.run { $0.topicCreated(topic) } }
      }
    }
  }

  /// On the controller's thread.
  private func createTopic(_ completion: @escaping @Sendable (Topic?) -> Void) {
    if let topic = topics.topic(OffsetsTopic.name) { return completion(topic) }
    let count = settings.offsetsTopicPartitionCount
    topics.create(OffsetsTopic.name, partitions: count, overrides: OffsetsTopic.settings) { [logger] outcome in
      switch outcome {
      case .success(let topic):
        logger.info("Created the offsets topic", metadata: ["partitions": "\(count)"])
        completion(topic)
      case .failure(let refusal):
        logger.error("The offsets topic could not be created", metadata: ["error": "\(refusal.message)"])
        completion(nil)
      }
    }
  }

  private func topicCreated(_ topic: Topic?) {
    if let topic {
      // Nobody could write to it before us.
      serve(topic, phase: .ready)
    } else {
      topicPhase = .absent
    }
    let waiting = awaitingTopic
    awaitingTopic.removeAll()
    for body in waiting { body(topic != nil) }
  }

  private func serve(_ topic: Topic, phase: GroupLog.Phase) {
    logs = topic.partitions.map { log in
      GroupLog(log: log, phase: phase, now: { WallClock.milliseconds }) { [self] body in run { _ in body() } }
    }
    topicPhase = .present
  }

  // MARK: - Loading

  /// Reads every partition of an existing topic, some at a time.
  func beginLoading() {
    guard let topic = topics.topic(OffsetsTopic.name) else { return }
    serve(topic, phase: .loading)
    for first in 0..<min(GroupLimits.parallelLoads, logs.count) { load(first, step: GroupLimits.parallelLoads) }
  }

  /// Reads partition `number` and then every `step`-th after it.
  private func load(_ number: Int, step: Int) {
    guard number < logs.count else { return }
    let log = logs[number].log
    blockingPool.run { [self] in
      do {
        let loaded = try LoadedGroups.read(log)
        run { coordinator in
          coordinator.install(loaded, from: number)
          coordinator.load(number + step, step: step)
        }
      } catch {
        let reason = "\(error)"
        run { coordinator in
          coordinator.loadFailed(number, reason)
          coordinator.load(number + step, step: step)
        }
      }
    }
  }

  private func loadFailed(_ number: Int, _ reason: String) {
    logs[number].phase = .unreadable
    logger.error(
      "Groups could not be read; it is tried again", metadata: ["partition": "\(number)", "error": "\(reason)"])
    loop.scheduleTask(in: .nanoseconds(GroupLimits.loadRetryDelay.nanoseconds)) { [self] in
      // A step beyond the last partition: this one only.
      run { $0.load(number, step: $0.logs.count) }
    }
  }

  private func install(_ loaded: LoadedGroups, from number: Int) {
    let log = logs[number]
    let now = self.now
    for (id, stored) in loaded.groups {
      let machine =
        stored.snapshot.map { GroupStateMachine(settings: machineSettings, restoring: $0, at: now) }
        ?? GroupStateMachine(settings: machineSettings, at: now)
      let group = Group(id: id, log: log, machine: machine)
      group.isStored = stored.snapshot != nil
      for (place, offset) in stored.offsets { group.offsets.restore(place, offset) }
      groups[id] = group
      settle(group)
    }
    log.phase = .ready
    if loaded.malformedCount > 0 {
      logger.error(
        "Records of the offsets topic cannot be read and were passed over",
        metadata: ["partition": "\(number)", "records": "\(loaded.malformedCount)"])
    }
    guard !logs.contains(where: { $0.phase == .loading }) else { return }
    logger.info("Groups are loaded", metadata: ["groups": "\(groups.count)"])
  }
}
