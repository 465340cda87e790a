import Configuration
import KafkaProtocol
import Logging
import PluginLoader

/// Creating topics and adding partitions: promised in the catalogue at once, opened in turns (``OpeningQueue``), visible
/// when all of it is there. On the controller thread.
extension Topics {
  /// Whether a topic of this name is there or on its way.
  func isTaken(_ name: String) -> Bool { topic(name) != nil || creating.value[name] != nil }

  /// A topic, there or on its way, whose name differs only in '.' and '_', which metric names cannot tell apart.
  func collision(with name: String) -> String? {
    func folded(_ name: String) -> String { String(name.map { $0 == "." ? "_" : $0 }) }
    guard name.contains(where: { $0 == "." || $0 == "_" }) else { return nil }
    let key = folded(name)
    func collides(_ other: String) -> Bool { other != name && folded(other) == key }
    return creating.value.keys.first(where: collides) ?? firstName(where: collides)
  }

  /// Calls `body` when no topic of this name is on its way: now, or when it has come to its end, whichever that is.
  func whenCreated(_ name: String, _ body: @escaping @Sendable () -> Void) {
    if creating.value[name]?.append(body) == nil { body() }
  }

  /// Creates a topic. `completion` is called once, on the controller thread, at once or in a later turn, with what the
  /// client is told if there is no topic. The name was checked.
  func create(
    _ name: String, partitions: Int32, overrides: [String: String],
    completion: @escaping @Sendable (Result<Topic, AppendRefusal>) -> Void
  ) {
    let record = TopicRecord(
      name: name, id: KafkaUUID.random().description, partitions: partitions, config: overrides, deleting: false)
    do throws(AppendRefusal) {
      try checkOpen()
      guard !isTaken(name) else {
        throw AppendRefusal(code: .topicAlreadyExists, message: "Topic '\(name)' already exists.")
      }
      try checkRoom(for: Int(partitions))
      // The catalogue first: after a crash in between, the next start opens what it lists, and no tier keeps data of a
      // topic that nobody knows.
      try promise(record)
    } catch {
      return completion(.failure(error))
    }
    creating.value[name] = []
    let since = settings.current
    open(record, 0..<partitions) { [self] ended in
      let result = created(ended, since)
      let waiting = creating.value.removeValue(forKey: name) ?? []
      completion(result)
      for body in waiting { body() }
    }
  }

  /// `since`: the broker's settings when the first partition may have been opened.
  private func created(
    _ ended: OpeningQueue<PartitionLog>.Ended, _ since: BrokerSettings
  ) -> Result<Topic, AppendRefusal> {
    let record = ended.record
    guard let error = ended.failure else {
      let topic = serve(record, logs: ended.opened)
      if settings.current !== since, let failure = configureAgain(topic) {
        logger.error(
          "A topic was created with defaults that have changed meanwhile",
          metadata: ["topic": "\(topic.name)", "error": "\(failure)"])
      }
      return .success(topic)
    }
    logger.error("A topic could not be created", metadata: ["topic": "\(record.name)", "error": "\(error)"])
    takeBack(record, opened: ended.opened)
    return .failure(AppendRefusal(code: .kafkaStorageError, message: "\(error)"))
  }

  /// Removes what there is of a topic whose creation failed, as if it had been deleted: no start may take it for a topic.
  private func takeBack(_ record: TopicRecord, opened: [PartitionLog]) {
    var record = record
    record.deleting = true
    do throws(TopicCatalogue.Failure) {
      try catalogue.value.put(record)
    } catch {
      logger.warning(
        "A topic that could not be created is not marked as deleted; a restart before it is removed shows it",
        metadata: ["topic": "\(record.name)", "error": "\(error)"])
    }
    let gone = record
    closeThen(opened) { [self] in
      controller.run { self.scheduleRemoval(gone) }
    }
  }

  /// Adds partitions up to `count`, which is above the present one; `completion` as in ``create``, with nil when they are
  /// there.
  func grow(_ topic: Topic, to count: Int32, completion: @escaping @Sendable (AppendRefusal?) -> Void) {
    let first = Int32(topic.partitions.count)
    var record: TopicRecord
    do throws(AppendRefusal) {
      record = try self.record(of: topic)
      guard !openings.value.contains(record.id) else {
        throw AppendRefusal(
          code: .reassignmentInProgress, message: "Partitions are being added to topic '\(topic.name)' already.")
      }
      try checkRoom(for: Int(count - first))
      // More than the topic has were promised before, when adding them has failed.
      record.partitions = max(record.partitions, count)
      try promise(record)
    } catch {
      return completion(error)
    }
    let overrides = record.config
    let since = settings.current
    open(record, first..<count) { [self] ended in completion(grown(topic, ended, overrides, since)) }
  }

  private func grown(
    _ topic: Topic, _ ended: OpeningQueue<PartitionLog>.Ended, _ overrides: [String: String], _ since: BrokerSettings
  ) -> AppendRefusal? {
    if let error = ended.failure {
      // The catalogue lists them now, so the next start opens them; until then the topic stays as it was.
      closeThen(ended.opened) {}
      return AppendRefusal(code: .kafkaStorageError, message: "\(error)")
    }
    topic.add(ended.opened)
    // The new ones do not know what was changed while they were opened.
    guard topic.overrides != overrides || settings.current !== since else { return nil }
    return configureAgain(topic).map { AppendRefusal(code: .kafkaStorageError, message: "\($0)") }
  }

  /// Tells every partition what holds for its topic now. Returns what failed.
  private func configureAgain(_ topic: Topic) -> TierFailure? {
    do throws(TierFailure) {
      try topic.configure(topic.overrides, resolve(topic.overrides))
      return nil
    } catch {
      return error
    }
  }

  /// Topics take over the broker's defaults as they are now, a few at a time. `completion` is called once, on the
  /// controller thread, with the first failure. Any thread; does not block.
  func adoptDefaults(_ completion: @escaping @Sendable (TierFailure?) -> Void) {
    ControllerTurns<Topic, TierFailure?>(all, on: controller) { [self] topic, answer in
      let isCurrent = resolve(topic.overrides) == topic.configuration
      answer(isCurrent ? nil : configureAgain(topic))
    } completion: { failures in
      completion(failures.compactMap { $0 }.first)
    }.begin()
  }

  /// A topic that is deleted grows no more. Returns the logs that were opened for it and are not its own yet.
  func cancelGrowth(of record: TopicRecord) -> [PartitionLog] {
    guard var ended = openings.value.cancel(record.id) else { return [] }
    let logs = ended.opened
    ended.opened = []
    ended.failure = TierFailure(.permanent, origin: "topics", message: "the topic was deleted meanwhile")
    openingEnds.value.removeValue(forKey: record.id)?(ended)
    return logs
  }

  // MARK: - The catalogue and the turns

  private func checkRoom(for count: Int) throws(AppendRefusal) {
    let present = catalogue.value.livePartitionCount
    guard count <= TopicLimits.partitionCountMax - present else {
      throw AppendRefusal(
        code: .policyViolation,
        message: "\(count) more partitions are too many: this broker has \(present) and takes "
          + "\(TopicLimits.partitionCountMax).")
    }
  }

  private func promise(_ record: TopicRecord) throws(AppendRefusal) {
    do throws(TopicCatalogue.Failure) {
      try catalogue.value.put(record)
    } catch {
      logger.error("A topic could not be recorded", metadata: ["topic": "\(record.name)", "error": "\(error)"])
      throw AppendRefusal(code: .kafkaStorageError, message: "\(error)")
    }
  }

  private func open(
    _ record: TopicRecord, _ numbers: Range<Int32>,
    completion: @escaping @Sendable (OpeningQueue<PartitionLog>.Ended) -> Void
  ) {
    openings.value.add(record, numbers)
    openingEnds.value[record.id] = completion
    takeTurn()
  }

  private func takeTurn() {
    guard !isOpening.value, !openings.value.isEmpty else { return }
    isOpening.value = true
    controller.run { self.openSome() }
  }

  private func openSome() {
    isOpening.value = false
    guard !isClosing.value else { return }
    let places = openings.value.take(TopicLimits.openingsPerTurn)
    let results: [Result<PartitionLog, any Error>]
    do {
      results = try Parallel.map(places, threads: TopicLimits.parallelOpenings) { [self] place in
        Result { try open(place.record, partition: place.number) }
      }
    } catch {
      preconditionFailure("results are no errors: \(error)")
    }
    for ended in openings.value.put(Array(zip(places, results)).map { (place: $0, opened: $1) }) {
      openingEnds.value.removeValue(forKey: ended.record.id)?(ended)
    }
    takeTurn()
  }
}
