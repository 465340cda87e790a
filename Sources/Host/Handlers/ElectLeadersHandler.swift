import KafkaProtocol

/// Elections, as one broker answers them: it leads every partition, so none is needed. v1 adds the kind of election.
///
/// Null asks for all partitions that need one: there are none, as in Kafka, which leaves the others out.
enum ElectLeadersHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...2

  static func handle(_ request: ElectLeadersRequest, _ context: RequestContext) {
    var response = ElectLeadersResponse()
    guard request.electionType == 0 || request.electionType == 1 else {
      response.errorCode = .invalidRequest
      return context.respond(response)
    }
    response.replicaElectionResults = (request.topicPartitions ?? []).map { wanted in
      let topic = context.broker.topics.topic(wanted.topic)
      var result = ElectLeadersResponse.ReplicaElectionResult()
      result.topic = wanted.topic
      result.partitionResult = wanted.partitions.map { number in
        var partition = ElectLeadersResponse.PartitionResult()
        partition.partitionId = number
        partition.errorCode = topic?.partition(number) == nil ? .unknownTopicOrPartition : .electionNotNeeded
        partition.errorMessage = partition.errorCode.sentence
        return partition
      }
      return result
    }
    context.respond(response)
  }
}
