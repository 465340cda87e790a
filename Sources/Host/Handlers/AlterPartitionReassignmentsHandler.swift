import KafkaProtocol

/// Moves of partitions, as one broker answers them: each is where it is asked to be, or cannot go there.
enum AlterPartitionReassignmentsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...1

  static func handle(_ request: AlterPartitionReassignmentsRequest, _ context: RequestContext) {
    var response = AlterPartitionReassignmentsResponse()
    response.allowReplicationFactorChange = request.allowReplicationFactorChange
    response.errorMessage = nil
    response.responses = request.topics.map { wanted in
      let topic = context.broker.topics.topic(wanted.name)
      var result = AlterPartitionReassignmentsResponse.ReassignableTopicResponse()
      result.name = wanted.name
      result.partitions = wanted.partitions.map { wanted in
        var partition = AlterPartitionReassignmentsResponse.ReassignablePartitionResponse()
        partition.partitionIndex = wanted.partitionIndex
        let exists = topic?.partition(wanted.partitionIndex) != nil
        let refusal = exists ? check(wanted.replicas, nodeID: context.broker.nodeID) : unknown
        partition.errorCode = refusal?.code ?? .none
        partition.errorMessage = refusal?.message
        return partition
      }
      return result
    }
    context.respond(response)
  }

  private static let unknown = AppendRefusal(
    code: .unknownTopicOrPartition, message: "This server does not host this topic-partition.")

  /// Kafka's rules for one partition, with one broker. Pure.
  static func check(_ replicas: [Int32]?, nodeID: Int32) -> AppendRefusal? {
    guard let replicas else {
      return AppendRefusal(code: .noReassignmentInProgress, message: ErrorCode.noReassignmentInProgress.sentence)
    }
    if replicas.isEmpty {
      return AppendRefusal(
        code: .invalidReplicaAssignment, message: "The manual partition assignment includes an empty replica list.")
    }
    if let other = replicas.first(where: { $0 != nodeID }) {
      return AppendRefusal(
        code: .invalidReplicaAssignment,
        message: "The manual partition assignment includes broker \(other), but no such broker is registered.")
    }
    if replicas.count > 1 {
      return AppendRefusal(
        code: .invalidReplicaAssignment,
        message: "The manual partition assignment includes the broker \(nodeID) more than once.")
    }
    return nil
  }
}
