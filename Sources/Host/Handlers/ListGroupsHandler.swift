import KafkaProtocol

/// Lists groups, those with nothing but offsets too. v3 is flexible, v4 filters by state and tells it, v5 does the same
/// with the type: every group here is a classic one.
enum ListGroupsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...5

  static func handle(_ request: ListGroupsRequest, _ context: RequestContext) {
    context.broker.groups.run { groups in
      var response = ListGroupsResponse()
      do throws(GroupRefusal) {
        // A state that does not exist is no group's state.
        let wanted = Set(request.statesFilter.compactMap(GroupState.init(filter:)))
        let allTypes = request.typesFilter.isEmpty || request.typesFilter.contains { $0.lowercased() == type }
        let listed = try groups.list().filter {
          allTypes && (request.statesFilter.isEmpty || wanted.contains($0.state))
        }
        response.groups = listed.map(entry)
      } catch {
        response.errorCode = error.code
      }
      context.respond(response)
    }
  }

  private static let type = "classic"

  private static func entry(_ listing: GroupCoordinator.Listing) -> ListGroupsResponse.ListedGroup {
    var entry = ListGroupsResponse.ListedGroup()
    entry.groupId = listing.id
    entry.protocolType = listing.protocolType
    entry.groupState = listing.state.rawValue
    entry.groupType = type
    return entry
  }
}
