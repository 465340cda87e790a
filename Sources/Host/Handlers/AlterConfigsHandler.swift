import KafkaProtocol

/// Replaces all settings that clients have given topics and brokers. v2 is flexible.
enum AlterConfigsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...2

  static func handle(_ request: AlterConfigsRequest, _ context: RequestContext) {
    let orders = request.resources.map { resource in
      ConfigurationAlteration.Order(
        resource: ConfigurationResource(type: resource.resourceType, name: resource.resourceName),
        change: ConfigurationChange(
          steps: resource.configs.map {
            .init(name: $0.name, operation: ConfigurationChange.Operation.set.rawValue, value: $0.value)
          }, replacesAll: true))
    }
    ConfigurationAlteration.begin(orders, validateOnly: request.validateOnly, context) { results in
      var response = AlterConfigsResponse()
      response.responses = results
      context.respond(response)
    }
  }
}
