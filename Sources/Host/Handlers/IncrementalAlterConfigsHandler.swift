import KafkaProtocol

/// Changes single settings of topics: set, delete, append to a list, subtract from a list. v1 is flexible. The broker's
/// own settings cannot be changed while it runs.
enum IncrementalAlterConfigsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...1

  static func handle(_ request: IncrementalAlterConfigsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let alteration = ConfigurationAlteration(
      resources: request.resources.map { ConfigurationResource(type: $0.resourceType, name: $0.resourceName) },
      validateOnly: request.validateOnly, broker: context.broker)
    ControllerTurns<_, IncrementalAlterConfigsResponse.AlterConfigsResourceResponse>(
      request.resources, on: context.broker.topics.controller
    ) { resource, answer in
      answer(alter(resource, alteration))
    } completion: { results in
      var response = IncrementalAlterConfigsResponse()
      response.responses = results
      context.respond(response)
    }.begin()
  }

  private static func alter(
    _ resource: IncrementalAlterConfigsRequest.AlterConfigsResource, _ alteration: ConfigurationAlteration
  ) -> IncrementalAlterConfigsResponse.AlterConfigsResourceResponse {
    var result = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse()
    result.resourceType = resource.resourceType
    result.resourceName = resource.resourceName
    result.errorMessage = nil
    do throws(AppendRefusal) {
      try alteration.alter(
        ConfigurationResource(type: resource.resourceType, name: resource.resourceName),
        names: resource.configs.map(\.name)
      ) { (current, defaults) throws(AppendRefusal) in
        let steps = resource.configs.map {
          ConfigurationChange.Step(name: $0.name, operation: $0.configOperation, value: $0.value)
        }
        return try ConfigurationChange.apply(steps, to: current, brokerDefaults: defaults)
      }
    } catch {
      result.errorCode = error.code
      result.errorMessage = error.message
    }
    return result
  }
}
