import KafkaProtocol

/// Moves the starts of logs up, over all tiers. The answer means that the new start is durable. v2 is flexible.
enum DeleteRecordsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...2

  static func handle(_ request: DeleteRecordsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    context.broker.maintenance.run {
      var response = DeleteRecordsResponse()
      response.topics = request.topics.map { topic in
        var result = DeleteRecordsResponse.DeleteRecordsTopicResult()
        result.name = topic.name
        let served = context.broker.topics.topic(topic.name)
        result.partitions = topic.partitions.map { delete($0, served, context.broker) }
        return result
      }
      context.respond(response)
    }
  }

  private static func delete(
    _ request: DeleteRecordsRequest.DeleteRecordsPartition, _ topic: Topic?, _ broker: Broker
  ) -> DeleteRecordsResponse.DeleteRecordsPartitionResult {
    var result = DeleteRecordsResponse.DeleteRecordsPartitionResult()
    result.partitionIndex = request.partitionIndex
    result.lowWatermark = -1
    guard let topic, let log = topic.partition(request.partitionIndex) else {
      result.errorCode = .unknownTopicOrPartition
      return result
    }
    if let code = refusal(topic) {
      result.errorCode = code
      return result
    }
    let highWatermark = log.offsets.highWatermark
    let offset = request.offset == -1 ? highWatermark : request.offset
    guard offset >= 0, offset <= highWatermark else {
      result.errorCode = .offsetOutOfRange
      return result
    }
    do throws(DataDirectory.Failure) {
      let before = log.offsets.logStartOffset
      try log.advanceStart(to: offset)
      result.lowWatermark = log.offsets.logStartOffset
      guard result.lowWatermark > before else { return result }
      broker.logger.info(
        "A client deleted records",
        metadata: log.logMetadata.merging(["from": "\(before)", "start": "\(result.lowWatermark)"]) { $1 })
    } catch {
      broker.logger.error(
        "Records could not be deleted", metadata: log.logMetadata.merging(["error": "\(error)"]) { $1 })
      result.errorCode = .kafkaStorageError
    }
    return result
  }

  /// Compaction alone decides what goes from a topic that is only compacted.
  private static func refusal(_ topic: Topic) -> ErrorCode? {
    if topic.isInternal { return .invalidTopicException }
    let configuration = topic.configuration
    return configuration.compacts && !configuration.deletesOldSegments ? .policyViolation : nil
  }
}
