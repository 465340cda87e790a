import KafkaProtocol

/// Deletes groups without members, and their offsets; answered when that is durable. v2 is flexible.
enum DeleteGroupsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...2

  static func handle(_ request: DeleteGroupsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    context.broker.groups.run { groups in
      // On the coordinator's loop, as all of this is.
      let results = UncheckedBox<[String: ErrorCode]>([:])
      let names = Set(request.groupsNames)
      guard !names.isEmpty else { return context.respond(DeleteGroupsResponse()) }
      for name in names {
        groups.delete(name) { refusal in
          results.value[name] = refusal?.code ?? ErrorCode.none
          if results.value.count == names.count { respond(request, results.value, context) }
        }
      }
    }
  }

  private static func respond(_ request: DeleteGroupsRequest, _ codes: [String: ErrorCode], _ context: RequestContext) {
    var response = DeleteGroupsResponse()
    response.results = request.groupsNames.map { name in
      var result = DeleteGroupsResponse.DeletableGroupResult()
      result.groupId = name
      result.errorCode = codes[name] ?? .unknownServerError
      return result
    }
    context.respond(response)
  }
}
