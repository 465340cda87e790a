import KafkaProtocol

/// Committed offsets of a group; -1 where there is none, also for groups and topics that do not exist.
///
/// v2 takes null for all topics and has an error of its own, v6 is flexible, v7 asks for stable offsets (there are no
/// transactions yet, so all are), v8 asks for several groups, v9 adds a member that classic groups do not check. A
/// partition that is named several times for a group is answered once, and so is a group asked for whole.
enum OffsetFetchHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...9

  static func handle(_ request: OffsetFetchRequest, _ context: RequestContext) {
    context.broker.groups.run { groups in
      context.respond(
        context.version >= 8 ? response(request, groups) : singleResponse(request, groups, version: context.version))
    }
  }

  private static func response(_ request: OffsetFetchRequest, _ groups: GroupCoordinator) -> OffsetFetchResponse {
    var response = OffsetFetchResponse()
    var whole: Set<String> = []
    let wanted = request.groups.filter { $0.topics != nil || whole.insert($0.groupId).inserted }
    var seen: [String: Set<TopicPartitionName>] = [:]
    response.groups = wanted.map { group in
      var result = OffsetFetchResponse.OffsetFetchResponseGroup()
      result.groupId = group.groupId
      do throws(GroupRefusal) {
        let wanted = group.topics?.map { ($0.name, $0.partitionIndexes) }
        let committed = try groups.offsets(of: group.groupId)
        result.topics = select(wanted, from: committed, &seen[group.groupId, default: []]).map { name, entries in
          var topic = OffsetFetchResponse.OffsetFetchResponseTopics()
          topic.name = name
          topic.partitions = entries.map { partition($0.partition, $0.offset) }
          return topic
        }
      } catch {
        result.errorCode = error.code
      }
      return result
    }
    return response
  }

  private static func singleResponse(
    _ request: OffsetFetchRequest, _ groups: GroupCoordinator, version: Int16
  ) -> OffsetFetchResponse {
    var response = OffsetFetchResponse()
    let wanted = request.topics?.map { ($0.name, $0.partitionIndexes) }
    var committed: [TopicPartitionName: CommittedOffset] = [:]
    var code = ErrorCode.none
    do throws(GroupRefusal) {
      committed = try groups.offsets(of: request.groupId)
    } catch {
      code = error.code
      response.errorCode = error.code
      // v2 and later say it once, at the top; v1 has only the partitions to say it.
      if version >= 2 { return response }
    }
    var seen: Set<TopicPartitionName> = []
    response.topics = select(wanted, from: committed, &seen).map { name, entries in
      var topic = OffsetFetchResponse.OffsetFetchResponseTopic()
      topic.name = name
      topic.partitions = entries.map { entry in
        let found = partition(entry.partition, entry.offset)
        var result = OffsetFetchResponse.OffsetFetchResponsePartition()
        result.partitionIndex = found.partitionIndex
        result.committedOffset = found.committedOffset
        result.committedLeaderEpoch = found.committedLeaderEpoch
        result.metadata = found.metadata
        result.errorCode = code
        return result
      }
      return topic
    }
    return response
  }

  private typealias Entry = (partition: Int32, offset: CommittedOffset?)

  /// The wanted partitions that were not seen before, in the order of the request, or all, in the order of their names.
  private static func select(
    _ wanted: [(String, [Int32])]?, from committed: [TopicPartitionName: CommittedOffset],
    _ seen: inout Set<TopicPartitionName>
  ) -> [(String, [Entry])] {
    if let wanted {
      return wanted.map { name, partitions in
        let places = partitions.map { TopicPartitionName(topic: name, partition: $0) }
        return (name, places.filter { seen.insert($0).inserted }.map { ($0.partition, committed[$0]) })
      }
    }
    return Dictionary(grouping: committed.keys, by: \.topic).sorted { $0.key < $1.key }.map { name, places in
      (name, places.sorted().map { ($0.partition, committed[$0]) })
    }
  }

  private static func partition(
    _ number: Int32, _ offset: CommittedOffset?
  ) -> OffsetFetchResponse.OffsetFetchResponsePartitions {
    var result = OffsetFetchResponse.OffsetFetchResponsePartitions()
    result.partitionIndex = number
    result.committedOffset = offset?.offset ?? -1
    result.committedLeaderEpoch = offset?.leaderEpoch ?? -1
    result.metadata = offset?.metadata ?? ""
    return result
  }
}
