import Configuration
import KafkaProtocol
import Logging

/// Settings of topics, of this broker, of all brokers of the cluster and of loggers, with their source, synonyms and
/// documentation. No names of settings, be it null or an empty list, stand for all of them. What is asked for twice is
/// answered once.
enum DescribeConfigsHandler: RequestHandler {
  static let versions: ClosedRange<Int16> = 1...4

  static func handle(_ request: DescribeConfigsRequest, _ context: RequestContext) {
    var response = DescribeConfigsResponse()
    // Each resource is looked at once, however many sets of names are asked of it.
    var known: [ConfigurationResource: Entries] = [:]
    response.results = request.resources.withoutRepetitions(of: Wanted.init).map { resource in
      let wanted = Wanted(resource)
      let found =
        known[wanted.resource]
        ?? Entries { () throws(AppendRefusal) in try self.entries(wanted.resource, request, context.broker) }
      known[wanted.resource] = found
      return describe(resource, wanted, found)
    }
    context.respond(response)
  }

  private struct Wanted: Hashable {
    var resource: ConfigurationResource
    /// Empty: all.
    var names: [String]

    init(_ resource: DescribeConfigsRequest.DescribeConfigsResource) {
      self.resource = ConfigurationResource(type: resource.resourceType, name: resource.resourceName)
      names = resource.configurationKeys ?? []
    }
  }

  private typealias Entries = Result<[DescribeConfigsResponse.DescribeConfigsResourceResult], AppendRefusal>

  private static func describe(
    _ resource: DescribeConfigsRequest.DescribeConfigsResource, _ wanted: Wanted, _ found: Entries
  ) -> DescribeConfigsResponse.DescribeConfigsResult {
    var result = DescribeConfigsResponse.DescribeConfigsResult()
    result.resourceType = resource.resourceType
    result.resourceName = resource.resourceName
    result.errorMessage = nil
    switch found {
    case .success(let entries):
      let names = Set(wanted.names)
      result.configs = names.isEmpty ? entries : entries.filter { names.contains($0.name) }
    case .failure(let refusal):
      result.errorCode = refusal.code
      result.errorMessage = refusal.boundedMessage
    }
    return result
  }

  private static func entries(
    _ resource: ConfigurationResource, _ request: DescribeConfigsRequest, _ broker: Broker
  ) throws(AppendRefusal) -> [DescribeConfigsResponse.DescribeConfigsResourceResult] {
    let settings = broker.settings.current
    let entries: [KafkaConfigEntry]
    switch try resource.kind() {
    case .topic:
      entries = TopicConfiguration.describe(
        overrides: try resource.topic(of: broker).overrides, defaults: settings.topicDefaults)
    case .broker:
      entries = try resource.namesBroker(broker.nodeID) ? settings.describe() : settings.describeClusterDefaults()
    case .brokerLogger:
      try resource.checkNamesBroker(broker.nodeID)
      return [logger(broker.logLevel.level)]
    }
    return entries.map { self.entry($0, request) }
  }

  private static func entry(
    _ entry: KafkaConfigEntry, _ request: DescribeConfigsRequest
  ) -> DescribeConfigsResponse.DescribeConfigsResourceResult {
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

  /// Kafka says nothing of a logger's type, synonyms and documentation.
  private static func logger(_ level: Logger.Level) -> DescribeConfigsResponse.DescribeConfigsResourceResult {
    var config = DescribeConfigsResponse.DescribeConfigsResourceResult()
    config.name = LoggerLevels.root
    config.value = LoggerLevels.name(of: level)
    config.configSource = KafkaConfigSource.dynamicBrokerLogger.rawValue
    config.synonyms = []
    config.documentation = nil
    return config
  }

  private static func synonym(_ entry: KafkaConfigEntry.Synonym) -> DescribeConfigsResponse.DescribeConfigsSynonym {
    var synonym = DescribeConfigsResponse.DescribeConfigsSynonym()
    synonym.name = entry.name
    synonym.value = entry.value
    synonym.source = entry.source.rawValue
    return synonym
  }
}
