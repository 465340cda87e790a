import Configuration
import KafkaProtocol

/// Replaces all settings of topics. v2 is flexible. The broker's own settings cannot be changed while it runs.
enum AlterConfigsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 0...2

  static func handle(_ request: AlterConfigsRequest, _ context: RequestContext) {
    context.waitForAnswer()
    let alteration = ConfigurationAlteration(
      resources: request.resources.map { ConfigurationResource(type: $0.resourceType, name: $0.resourceName) },
      validateOnly: request.validateOnly, broker: context.broker)
    ControllerTurns<_, AlterConfigsResponse.AlterConfigsResourceResponse>(
      request.resources, on: context.broker.topics.controller
    ) { resource, answer in
      answer(alter(resource, alteration))
    } completion: { results in
      var response = AlterConfigsResponse()
      response.responses = results
      context.respond(response)
    }.begin()
  }

  private static func alter(
    _ resource: AlterConfigsRequest.AlterConfigsResource, _ alteration: ConfigurationAlteration
  ) -> AlterConfigsResponse.AlterConfigsResourceResponse {
    var result = AlterConfigsResponse.AlterConfigsResourceResponse()
    result.resourceType = resource.resourceType
    result.resourceName = resource.resourceName
    result.errorMessage = nil
    do throws(AppendRefusal) {
      try alteration.alter(
        ConfigurationResource(type: resource.resourceType, name: resource.resourceName),
        names: resource.configs.map(\.name)
      ) { (_, defaults) throws(AppendRefusal) in
        try ConfigurationChange.replace(with: resource.configs.map { ($0.name, $0.value) }, brokerDefaults: defaults)
      }
    } catch {
      result.errorCode = error.code
      result.errorMessage = error.message
    }
    return result
  }
}

/// What a configuration request names.
struct ConfigurationResource: Hashable, Sendable {
  /// 2 is topic, 4 is broker.
  var type: Int8
  var name: String
}

/// The part that AlterConfigs and IncrementalAlterConfigs share. On the controller thread.
struct ConfigurationAlteration: Sendable {
  private let repeated: Set<ConfigurationResource>
  private let validateOnly: Bool
  private let broker: Broker

  init(resources: [ConfigurationResource], validateOnly: Bool, broker: Broker) {
    repeated = Set(Dictionary(grouping: resources) { $0 }.filter { $0.value.count > 1 }.keys)
    self.validateOnly = validateOnly
    self.broker = broker
  }

  /// Checks one resource's change and makes it. `change` gets the topic's own settings and the broker's defaults and
  /// returns the settings to store.
  func alter(
    _ resource: ConfigurationResource, names: [String],
    _ change: ([String: String], [String: String]) throws(AppendRefusal) -> [String: String]
  ) throws(AppendRefusal) {
    guard !repeated.contains(resource) else {
      throw AppendRefusal(code: .invalidRequest, message: "Each resource may appear only once.")
    }
    switch resource.type {
    case 2:
      if let complaint = TopicName.complaint(resource.name) {
        throw AppendRefusal(code: .invalidTopicException, message: complaint)
      }
      guard let topic = broker.topics.topic(resource.name) else {
        throw AppendRefusal(code: .unknownTopicOrPartition, message: "This server does not host this topic-partition.")
      }
      let settings = try change(topic.overrides, broker.configuration.topics.given)
      guard !validateOnly, settings != topic.overrides else { return }
      try broker.topics.configure(topic, settings)
      broker.logger.info(
        "Changed a topic's settings", metadata: ["topic": "\(topic.name)", "settings": "\(settings)"])
    case 4:
      guard resource.name.isEmpty || resource.name == String(broker.nodeID) else {
        throw AppendRefusal(
          code: .invalidRequest,
          message: "Unexpected broker id, expected \(broker.nodeID) or empty string, but received \(resource.name)")
      }
      try ConfigurationChange.refuseBrokerChange(names)
    default:
      throw AppendRefusal(
        code: .invalidRequest,
        message: "Resource type \(resource.type) has no settings here; 2 is topic, 4 is broker.")
    }
  }
}
