import KafkaProtocol

/// There is no authoriser: SECURITY_DISABLED for each rule. v2 is flexible, v3 knows user resources.
enum CreateAclsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...3

  static func handle(_ request: CreateAclsRequest, _ context: RequestContext) {
    var response = CreateAclsResponse()
    response.results = request.creations.map { _ in
      var result = CreateAclsResponse.AclCreationResult()
      result.errorCode = .securityDisabled
      result.errorMessage = DescribeAclsHandler.explanation
      return result
    }
    context.respond(response)
  }
}
