import KafkaProtocol

/// There is no authoriser: SECURITY_DISABLED, as Kafka without one. v2 is flexible, v3 knows user resources.
enum DescribeAclsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...3
  static let explanation = "No authorizer is configured on this broker."

  static func handle(_ request: DescribeAclsRequest, _ context: RequestContext) {
    var response = DescribeAclsResponse()
    response.errorCode = .securityDisabled
    response.errorMessage = explanation
    context.respond(response)
  }
}
