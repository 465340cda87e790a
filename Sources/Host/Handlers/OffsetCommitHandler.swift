import KafkaProtocol

/// Commits offsets; answered when they are durable. Members send their generation, tools -1.
///
/// v2–v4 carry a retention of their own, v6 adds the leader epoch, v7 static members, v8 is flexible, v9 changes
/// nothing for classic groups.
enum OffsetCommitHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 2...9

  static func handle(_ request: OffsetCommitRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let defects = defects(request, context.broker)
    let commit = commit(request, without: defects, context)
    guard !commit.offsets.isEmpty || defects.values.contains(.offsetMetadataTooLarge) else {
      return context.respond(response(request, nil, defects))
    }
    context.broker.groups.run { groups in
      groups.commit(commit) { context.respond(response(request, $0, defects)) }
    }
  }

  /// What is wrong with single partitions.
  private static func defects(_ request: OffsetCommitRequest, _ broker: Broker) -> [TopicPartitionName: GroupRefusal] {
    var defects: [TopicPartitionName: GroupRefusal] = [:]
    let metadataMax = broker.configuration.coordinators.offsetMetadataBytesMax
    for topic in request.topics {
      let served = broker.topics.topic(topic.name)
      for partition in topic.partitions {
        let place = TopicPartitionName(topic: topic.name, partition: partition.partitionIndex)
        if served?.partition(partition.partitionIndex) == nil {
          defects[place] = .unknownTopicOrPartition
        } else if (partition.committedMetadata?.utf8.count ?? 0) > metadataMax {
          defects[place] = .offsetMetadataTooLarge
        }
      }
    }
    return defects
  }

  private static func commit(
    _ request: OffsetCommitRequest, without defects: [TopicPartitionName: GroupRefusal], _ context: RequestContext
  ) -> GroupCoordinator.Commit {
    let now = WallClock.milliseconds
    let retention = context.version <= 4 && request.retentionTimeMs >= 0 ? request.retentionTimeMs : nil
    let expiry = retention.map { now.addingReportingOverflow($0) }.map { $0.overflow ? .max : $0.partialValue }
    var offsets: [(TopicPartitionName, CommittedOffset)] = []
    for topic in request.topics {
      for partition in topic.partitions {
        let place = TopicPartitionName(topic: topic.name, partition: partition.partitionIndex)
        guard defects[place] == nil else { continue }
        offsets.append(
          (
            place,
            CommittedOffset(
              offset: partition.committedOffset, leaderEpoch: partition.committedLeaderEpoch,
              metadata: partition.committedMetadata ?? "", timestamp: now, expiry: expiry)
          ))
      }
    }
    return GroupCoordinator.Commit(
      group: request.groupId, member: MemberName(id: request.memberId, instanceID: request.groupInstanceId),
      generation: request.generationIdOrMemberEpoch, offsets: offsets)
  }

  /// An unknown partition is that whatever the group says; otherwise the group's refusal covers everything.
  private static func response(
    _ request: OffsetCommitRequest, _ refusal: GroupRefusal?, _ defects: [TopicPartitionName: GroupRefusal]
  ) -> OffsetCommitResponse {
    var response = OffsetCommitResponse()
    response.topics = request.topics.map { topic in
      var result = OffsetCommitResponse.OffsetCommitResponseTopic()
      result.name = topic.name
      result.partitions = topic.partitions.map { partition in
        let defect = defects[TopicPartitionName(topic: topic.name, partition: partition.partitionIndex)]
        var entry = OffsetCommitResponse.OffsetCommitResponsePartition()
        entry.partitionIndex = partition.partitionIndex
        let verdict = defect == .unknownTopicOrPartition ? defect : refusal ?? defect
        entry.errorCode = verdict?.code ?? .none
        return entry
      }
      return result
    }
    return response
  }
}
