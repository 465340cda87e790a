import KafkaProtocol

/// Partitions on their way to other brokers: with one broker there are none.
enum ListPartitionReassignmentsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...0

  static func handle(_ request: ListPartitionReassignmentsRequest, _ context: RequestContext) {
    var response = ListPartitionReassignmentsResponse()
    response.errorMessage = nil
    context.respond(response)
  }
}
