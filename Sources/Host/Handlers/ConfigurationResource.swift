extension AppendRefusal {
  /// The message as a response carries it. It repeats names that a client chose, and a string of the older versions has
  /// no room for more than 32767 bytes: a response that cannot be encoded would end the connection.
  var boundedMessage: String {
    let scalars = message.unicodeScalars
    guard scalars.count > Self.messageScalarsMax else { return message }
    return String(String.UnicodeScalarView(scalars.prefix(Self.messageScalarsMax))) + "…"
  }

  /// Four bytes each at the most; enough for a person.
  private static let messageScalarsMax = 4096
}

/// What a request about settings names.
struct ConfigurationResource: Hashable, Sendable {
  /// Kafka's numbers of the kinds that have settings here.
  enum Kind: Int8 {
    case topic = 2
    case broker = 4
    case brokerLogger = 8
  }

  /// As it is on the wire.
  var type: Int8
  var name: String

  func kind() throws(AppendRefusal) -> Kind {
    guard let kind = Kind(rawValue: type) else {
      throw AppendRefusal(
        code: .invalidRequest,
        message: "Resource type \(type) has no settings here; 2 is topic, 4 is broker, 8 is broker logger.")
    }
    return kind
  }

  /// The topic of this name.
  func topic(of broker: Broker) throws(AppendRefusal) -> Topic {
    if let complaint = TopicName.complaint(name) {
      throw AppendRefusal(code: .invalidTopicException, message: complaint)
    }
    guard let topic = broker.topics.topic(name) else {
      throw AppendRefusal(code: .unknownTopicOrPartition, message: "This server does not host this topic-partition.")
    }
    return topic
  }

  /// Whether the name is that of this broker: false for the empty name, which stands for all brokers. Other brokers are
  /// refused.
  func namesBroker(_ nodeID: Int32) throws(AppendRefusal) -> Bool {
    if name.isEmpty { return false }
    // Only as it is written: a request could name one broker in a million ways (01, 001, …), each answered at length.
    guard let id = Int32(name), String(id) == name else {
      throw AppendRefusal(code: .invalidRequest, message: "Node id must be an integer, but it is: \(name)")
    }
    guard id == nodeID else {
      throw AppendRefusal(
        code: .invalidRequest,
        message: "Unexpected broker id, expected \(nodeID) or empty string, but received \(name)")
    }
    return true
  }

  /// Loggers belong to one broker, so that the empty name is refused.
  func checkNamesBroker(_ nodeID: Int32) throws(AppendRefusal) {
    guard try namesBroker(nodeID) else {
      throw AppendRefusal(code: .invalidRequest, message: "Broker id must not be empty")
    }
  }
}
