import Configuration
import KafkaProtocol

/// The part that AlterConfigs and IncrementalAlterConfigs share: each resource is checked and changed in a turn of its
/// own on the controller thread, and refused by itself.
struct ConfigurationAlteration: Sendable {
  struct Order: Sendable {
    var resource: ConfigurationResource
    var change: ConfigurationChange
  }

  private let repeated: Set<ConfigurationResource>
  private let validateOnly: Bool
  private let broker: Broker

  /// Carries out `orders` while the connection's later requests wait; `completion` gets the results in the order of
  /// `orders`, on the controller thread. On the event loop.
  static func begin<Result: ConfigurationResult>(
    _ orders: [Order], validateOnly: Bool, _ context: RequestContext,
    completion: @escaping @Sendable ([Result]) -> Void
  ) {
    context.waitForAnswer()
    let counts = Dictionary(orders.map { ($0.resource, 1) }, uniquingKeysWith: +)
    let alteration = ConfigurationAlteration(
      repeated: Set(counts.filter { $0.value > 1 }.keys), validateOnly: validateOnly, broker: context.broker)
    ControllerTurns<_, AppendRefusal?>(orders, on: context.broker.topics.controller) { order, answer in
      alteration.alter(order.resource, order.change, answer)
    } completion: { refusals in
      completion(zip(orders, refusals).map { Result($0.resource, $1) })
    }.begin()
  }

  private func alter(
    _ resource: ConfigurationResource, _ change: ConfigurationChange,
    _ answer: @escaping @Sendable (AppendRefusal?) -> Void
  ) {
    do throws(AppendRefusal) {
      guard !repeated.contains(resource) else {
        throw AppendRefusal(code: .invalidRequest, message: "Each resource may appear only once.")
      }
      switch try resource.kind() {
      case .topic: try alterTopic(try resource.topic(of: broker), change)
      case .broker:
        return try alterBroker(try resource.namesBroker(broker.nodeID) ? .broker : .cluster, change, answer)
      case .brokerLogger:
        try resource.checkNamesBroker(broker.nodeID)
        try alterLogger(change)
      }
      answer(nil)
    } catch {
      answer(error)
    }
  }

  private func alterTopic(_ topic: Topic, _ change: ConfigurationChange) throws(AppendRefusal) {
    let table = ConfigurationTable.topic(defaults: broker.settings.current.topicDefaults.values)
    let settings = try change.applied(to: topic.overrides, in: table)
    guard !validateOnly, settings != topic.overrides else { return }
    try broker.topics.configure(topic, settings)
    broker.logger.info(
      "Changed a topic's settings", metadata: ["topic": "\(topic.name)", "settings": "\(settings)"])
  }

  private func alterBroker(
    _ scope: DynamicScope, _ change: ConfigurationChange, _ answer: @escaping @Sendable (AppendRefusal?) -> Void
  ) throws(AppendRefusal) {
    let current = broker.settings.current
    var dynamic = current.dynamic
    dynamic[scope] = try change.applied(to: dynamic[scope], in: .broker(current, scope))
    guard !validateOnly else { return answer(nil) }
    broker.adopt(dynamic, answer)
  }

  private func alterLogger(_ change: ConfigurationChange) throws(AppendRefusal) {
    guard !change.replacesAll else {
      throw AppendRefusal(
        code: .invalidRequest, message: "Loggers are changed by IncrementalAlterConfigs alone, as in Apache Kafka.")
    }
    guard let level = try LoggerLevels.change(change) else { return }
    guard !validateOnly else { return }
    broker.logLevel.level = level
    broker.logger.info("Changed the level of the log", metadata: ["level": "\(level)"])
  }
}

/// What both responses say of a resource.
protocol ConfigurationResult: SendableMetatype {
  var resourceType: Int8 { get set }
  var resourceName: String { get set }
  var errorCode: ErrorCode { get set }
  var errorMessage: String? { get set }
  init()
}

extension ConfigurationResult {
  fileprivate init(_ resource: ConfigurationResource, _ refusal: AppendRefusal?) {
    self.init()
    resourceType = resource.type
    resourceName = resource.name
    errorCode = refusal?.code ?? .none
    errorMessage = refusal?.boundedMessage
  }
}

extension AlterConfigsResponse.AlterConfigsResourceResponse: ConfigurationResult {}
extension IncrementalAlterConfigsResponse.AlterConfigsResourceResponse: ConfigurationResult {}
