import KafkaProtocol

/// The cluster as one broker is. v1 adds the endpoint type; there are no controller endpoints to list.
enum DescribeClusterHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...1

  static func handle(_ request: DescribeClusterRequest, _ context: RequestContext) {
    let broker = context.broker
    var response = DescribeClusterResponse()
    response.endpointType = request.endpointType
    guard request.endpointType == 1 else {
      response.errorCode = request.endpointType == 2 ? .mismatchedEndpointType : .unsupportedEndpointType
      response.errorMessage = "This listener serves brokers (endpoint type 1)."
      return context.respond(response)
    }
    response.clusterId = broker.clusterID
    response.controllerId = broker.nodeID
    var node = DescribeClusterResponse.DescribeClusterBroker()
    node.brokerId = broker.nodeID
    node.host = broker.advertised.host
    node.port = Int32(broker.advertised.port)
    response.brokers = [node]
    if request.includeClusterAuthorizedOperations {
      response.clusterAuthorizedOperations = AuthorizedOperations.cluster
    }
    context.respond(response)
  }
}
