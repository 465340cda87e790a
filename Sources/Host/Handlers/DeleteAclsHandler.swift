import KafkaProtocol

/// There is no authoriser: SECURITY_DISABLED for each filter. v2 is flexible, v3 knows user resources.
enum DeleteAclsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...3

  static func handle(_ request: DeleteAclsRequest, _ context: RequestContext) {
    var response = DeleteAclsResponse()
    response.filterResults = request.filters.map { _ in
      var result = DeleteAclsResponse.DeleteAclsFilterResult()
      result.errorCode = .securityDisabled
      result.errorMessage = DescribeAclsHandler.explanation
      return result
    }
    context.respond(response)
  }
}
