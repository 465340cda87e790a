import KafkaProtocol
import Logging

/// Committing, fetching, deleting and expiring offsets. On the loop.
extension GroupCoordinator {
  struct Commit: Sendable {
    var group: String
    var member: MemberName
    /// -1 from a client that is no member.
    var generation: Int32
    var offsets: [(TopicPartitionName, CommittedOffset)]
  }

  /// Checks and stores a commit; `answer` gets nil when all its offsets are durable.
  func commit(_ commit: Commit, answer: @escaping (GroupRefusal?) -> Void) {
    whenTopicExists { [self] exists in
      do throws(GroupRefusal) {
        guard exists else { throw .notAvailable }
        if commit.generation >= 0, try group(commit.group) == nil { throw .illegalGeneration }
        let group = try groupOrNew(commit.group)
        defer { forgetIfBlank(group) }
        try group.machine.checkCommit(commit.member, generation: commit.generation, at: now)
        guard !commit.offsets.isEmpty else { return answer(nil) }
        try store(commit, group, answer)
      } catch {
        answer(error)
      }
    }
  }

  private func store(
    _ commit: Commit, _ group: Group, _ answer: @escaping (GroupRefusal?) -> Void
  ) throws(GroupRefusal) {
    var records: [GroupLog.Record] = []
    do throws(WireError) {
      for (place, offset) in commit.offsets {
        records.append(
          (try GroupRecords.encode(.offset(group: group.id, place)), try GroupRecords.encode(offset)))
      }
    } catch {
      throw .commitTooLarge
    }
    let taken = group.log.append(records) { [self] succeeded in
      group.offsets.finish(commit.offsets, succeeded: succeeded)
      answer(succeeded ? nil : .notAvailable)
      forgetIfBlank(group)
    }
    guard taken else { throw .commitTooLarge }
    group.offsets.begin(commit.offsets.lazy.map(\.0))
  }

  /// Committed offsets of a group, empty when there is none.
  func offsets(of group: String) throws(GroupRefusal) -> [TopicPartitionName: CommittedOffset] {
    try self.group(group)?.offsets.committed ?? [:]
  }

  // MARK: - Deleting

  /// Deletes offsets, except of topics that members subscribe to; `answer` gets the refusal of each place that has one.
  func deleteOffsets(
    _ id: String, _ places: [TopicPartitionName],
    answer: @escaping (Result<[TopicPartitionName: GroupRefusal], GroupRefusal>) -> Void
  ) {
    do throws(GroupRefusal) {
      if id.isEmpty { throw .invalidGroupID }
      guard let group = try self.group(id), group.machine.state != .dead else { throw .groupNotFound }
      if group.machine.state != .empty, !group.machine.isConsumerGroup { throw .groupNotEmpty }
      var refused: [TopicPartitionName: GroupRefusal] = [:]
      for place in places where group.machine.isSubscribed(to: place.topic) { refused[place] = .subscribed }
      let deletable = Set(places).subtracting(refused.keys).intersection(group.offsets.places)
      let result = refused
      bury(deletable, of: group, andGroup: false) { succeeded in
        answer(succeeded ? .success(result) : .failure(.notAvailable))
      }
    } catch {
      answer(.failure(error))
    }
  }

  /// Deletes a group without members and all its offsets.
  func delete(_ id: String, answer: @escaping (GroupRefusal?) -> Void) {
    do throws(GroupRefusal) {
      guard let group = try self.group(id) else { throw .groupNotFound }
      try group.machine.beginDeletion(at: now)
      bury(group.offsets.places, of: group, andGroup: true) { answer($0 ? nil : .notAvailable) }
    } catch {
      answer(error)
    }
  }

  /// Every group forgets a topic that was deleted, so that one of the same name starts without offsets.
  func topicDeleted(_ topic: String) {
    for group in groups.values where group.machine.state != .dead {
      let places = group.offsets.places.filter { $0.topic == topic }
      if !places.isEmpty { bury(places, of: group, andGroup: false) { _ in } }
    }
  }

  /// Stores tombstones, then forgets: `places`, and the group itself, which is Dead, if asked to.
  private func bury(
    _ places: Set<TopicPartitionName>, of group: Group, andGroup: Bool, completion: @escaping (Bool) -> Void
  ) {
    let ended: (Bool) -> Void = { [self] succeeded in
      if succeeded { group.offsets.remove(places) }
      if andGroup {
        group.machine.cancelDeletion(at: now)
        if succeeded { group.isStored = false }
      }
      completion(succeeded)
      settle(group)
    }
    var records: [GroupLog.Record] = []
    do throws(WireError) {
      for place in places.sorted() { records.append((try GroupRecords.encode(.offset(group: group.id, place)), nil)) }
      if andGroup, group.isStored { records.append((try GroupRecords.encode(.group(group.id)), nil)) }
    } catch {
      preconditionFailure("a key that was stored before: \(error)")
    }
    if records.isEmpty { return ended(true) }
    if !group.log.append(records, completion: ended) { ended(false) }
  }

  // MARK: - Expiry

  /// Deletes what has expired, and groups of which nothing is left.
  func sweep() {
    let now = self.now
    let retention = settings.offsetsRetention.milliseconds
    var offsetCount = 0
    var groupCount = 0
    for group in Array(groups.values) {
      let expired = group.offsets.expired(in: group.machine, at: now.wall, retention: retention)
      let nothingLeft =
        group.machine.state == .empty && group.machine.pending.isEmpty && group.offsets.inFlight.isEmpty
        && expired.count == group.offsets.committed.count
      guard nothingLeft || !expired.isEmpty else { continue }
      if nothingLeft {
        do throws(GroupRefusal) { try group.machine.beginDeletion(at: now) } catch { continue }
        groupCount += 1
      }
      offsetCount += expired.count
      bury(Set(expired), of: group, andGroup: nothingLeft) { _ in }
    }
    guard offsetCount + groupCount > 0 else { return }
    logger.info(
      "Removing expired offsets", metadata: ["offsets": "\(offsetCount)", "groups": "\(groupCount)"])
  }
}
