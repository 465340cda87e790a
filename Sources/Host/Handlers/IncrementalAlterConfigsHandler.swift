import KafkaProtocol

/// Changes single settings of topics, brokers and loggers: set, delete, append to a list, subtract from a list. v1 is
/// flexible.
enum IncrementalAlterConfigsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...1

  static func handle(_ request: IncrementalAlterConfigsRequest, _ context: RequestContext) {
    let orders = request.resources.map { resource in
      ConfigurationAlteration.Order(
        resource: ConfigurationResource(type: resource.resourceType, name: resource.resourceName),
        change: ConfigurationChange(
          steps: resource.configs.map { .init(name: $0.name, operation: $0.configOperation, value: $0.value) }))
    }
    ConfigurationAlteration.begin(orders, validateOnly: request.validateOnly, context) { results in
      var response = IncrementalAlterConfigsResponse()
      response.responses = results
      context.respond(response)
    }
  }
}
