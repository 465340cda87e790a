import Configuration
import KafkaProtocol

/// Settings of topics (resource type 2) and of this broker (4), with their source, synonyms and documentation.
enum DescribeConfigsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...4

  static func handle(_ request: DescribeConfigsRequest, _ context: RequestContext) {
    var response = DescribeConfigsResponse()
    response.results = request.resources.map { describe($0, request, context.broker) }
    context.respond(response)
  }

  private static func describe(
    _ resource: DescribeConfigsRequest.DescribeConfigsResource, _ request: DescribeConfigsRequest, _ broker: Broker
  ) -> DescribeConfigsResponse.DescribeConfigsResult {
    var result = DescribeConfigsResponse.DescribeConfigsResult()
    result.resourceType = resource.resourceType
    result.resourceName = resource.resourceName
    result.errorMessage = nil
    let entries: [KafkaConfigEntry]
    do throws(AppendRefusal) {
      entries = try self.entries(resource, broker)
    } catch {
      result.errorCode = error.code
      result.errorMessage = error.message
      return result
    }
    let wanted = resource.configurationKeys.map { Set($0) }
    result.configs = entries.filter { wanted?.contains($0.name) ?? true }.map { entry in
      var config = DescribeConfigsResponse.DescribeConfigsResourceResult()
      config.name = entry.name
      config.value = entry.isSensitive ? nil : entry.value
      config.readOnly = entry.isReadOnly
      config.configSource = entry.source.rawValue
      config.isSensitive = entry.isSensitive
      config.configType = entry.type.rawValue
      config.documentation = request.includeDocumentation ? entry.documentation : nil
      config.synonyms = request.includeSynonyms ? entry.synonyms.map(synonym) : []
      return config
    }
    return result
  }

  private static func entries(
    _ resource: DescribeConfigsRequest.DescribeConfigsResource, _ broker: Broker
  ) throws(AppendRefusal) -> [KafkaConfigEntry] {
    switch resource.resourceType {
    case 2:
      if let complaint = TopicName.complaint(resource.resourceName) {
        throw AppendRefusal(code: .invalidTopicException, message: complaint)
      }
      guard let topic = broker.topics.topic(resource.resourceName) else {
        throw AppendRefusal(code: .unknownTopicOrPartition, message: "This server does not host this topic-partition.")
      }
      return TopicConfiguration.describe(
        overrides: topic.overrides, brokerDefaults: broker.configuration.topics.given)
    case 4:
      guard resource.resourceName.isEmpty || resource.resourceName == String(broker.nodeID) else {
        throw AppendRefusal(
          code: .invalidRequest,
          message: "Unexpected broker id, expected \(broker.nodeID) or empty string, but received \(resource.resourceName)")
      }
      return BrokerConfiguration.describe(broker.configuration)
    default:
      throw AppendRefusal(
        code: .invalidRequest, message: "Resource type \(resource.resourceType) has no settings here; 2 is topic, 4 is broker.")
    }
  }

  private static func synonym(_ entry: KafkaConfigEntry.Synonym) -> DescribeConfigsResponse.DescribeConfigsSynonym {
    var synonym = DescribeConfigsResponse.DescribeConfigsSynonym()
    synonym.name = entry.name
    synonym.value = entry.value
    synonym.source = entry.source.rawValue
    return synonym
  }
}
