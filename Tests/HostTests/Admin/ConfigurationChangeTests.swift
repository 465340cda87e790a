import Configuration
import KafkaProtocol
import Testing

@testable import Host

@Suite("Changing the settings of a resource")
struct ConfigurationChangeTests {
  private func change(
    _ steps: [(String, ConfigurationChange.Operation, String?)], of overrides: [String: String] = [:],
    defaults: [String: String] = [:]
  ) throws(AppendRefusal) -> [String: String] {
    try ConfigurationChange(steps: steps.map { .init(name: $0.0, operation: $0.1.rawValue, value: $0.2) })
      .applied(to: overrides, in: .topic(defaults: defaults))
  }

  private func refusal(_ body: () throws -> Void) -> AppendRefusal? {
    do {
      try body()
      return nil
    } catch {
      return error as? AppendRefusal
    }
  }

  @Test("set adds and replaces, delete removes, the others stay")
  func setAndDelete() throws {
    let changed = try change(
      [("retention.ms", .set, "5000"), ("segment.bytes", .delete, nil)],
      of: ["segment.bytes": "2048", "max.message.bytes": "100"])
    #expect(changed == ["retention.ms": "5000", "max.message.bytes": "100"])
  }

  @Test("append and subtract begin with what is in force")
  func lists() throws {
    #expect(try change([("cleanup.policy", .append, "compact")]) == ["cleanup.policy": "delete,compact"])
    #expect(
      try change([("cleanup.policy", .append, "delete")], defaults: ["cleanup.policy": "compact"])
        == ["cleanup.policy": "compact,delete"])
    #expect(
      try change([("cleanup.policy", .subtract, "delete")], of: ["cleanup.policy": "compact,delete"])
        == ["cleanup.policy": "compact"])
    #expect(try change([("cleanup.policy", .append, "delete")]) == ["cleanup.policy": "delete"])
  }

  @Test("a list that would become empty, an unknown name and a bad value are INVALID_CONFIG")
  func invalid() {
    let cases: [[(String, ConfigurationChange.Operation, String?)]] = [
      [("cleanup.policy", .subtract, "delete")], [("no.such.setting", .set, "1")], [("no.such.setting", .append, "1")],
      [("retention.ms", .set, "-2")], [("retention.ms", .append, "1")],
    ]
    for steps in cases {
      #expect(refusal { _ = try change(steps) }?.code == .invalidConfig, "\(steps)")
    }
    #expect(refusal { _ = try change([("retention.ms", .set, "-2")]) }?.message.contains("at least -1") == true)
  }

  @Test("a name twice, a null value and an unknown operation are INVALID_REQUEST")
  func malformed() {
    #expect(
      refusal { _ = try change([("retention.ms", .set, "1"), ("retention.ms", .delete, nil)]) }?.code == .invalidRequest
    )
    #expect(refusal { _ = try change([("retention.ms", .set, nil)]) }?.code == .invalidRequest)
    #expect(
      refusal {
        _ = try ConfigurationChange(steps: [.init(name: "retention.ms", operation: 4, value: "1")])
          .applied(to: [:], in: .topic(defaults: [:]))
      }?.code == .invalidRequest)
  }

  @Test("AlterConfigs leaves nothing of what was set before")
  func replace() throws {
    let own = ["retention.ms": "5", "segment.bytes": "2048"]
    let one = ConfigurationChange(steps: [.init(name: "retention.ms", operation: 0, value: "77")], replacesAll: true)
    #expect(try one.applied(to: own, in: .topic(defaults: [:])) == ["retention.ms": "77"])
    #expect(try ConfigurationChange(steps: [], replacesAll: true).applied(to: own, in: .topic(defaults: [:])) == [:])
  }

  // MARK: the broker's

  private func broker(_ dynamic: DynamicBrokerSettings = DynamicBrokerSettings()) throws -> BrokerSettings {
    BrokerSettings(try LoadedConfiguration.load(path: nil).configuration, dynamic: dynamic)
  }

  @Test("a list of the broker is appended to what is in force below it")
  func brokerLists() throws {
    let append = ConfigurationChange(steps: [.init(name: "log.cleanup.policy", operation: 2, value: "compact")])
    #expect(
      try append.applied(to: [:], in: .broker(broker(), .broker)) == ["log.cleanup.policy": "delete,compact"])
    let subtract = ConfigurationChange(steps: [.init(name: "log.cleanup.policy", operation: 3, value: "delete")])
    let above = DynamicBrokerSettings(cluster: ["log.cleanup.policy": "compact,delete"])
    #expect(try subtract.applied(to: [:], in: .broker(broker(above), .broker)) == ["log.cleanup.policy": "compact"])
    // A broker's own value is not what the cluster's default begins with.
    let own = DynamicBrokerSettings(broker: ["log.cleanup.policy": "compact"])
    #expect(
      try append.applied(to: [:], in: .broker(broker(own), .cluster)) == ["log.cleanup.policy": "delete,compact"])
    let background = ConfigurationChange(steps: [.init(name: "background.threads", operation: 2, value: "1")])
    #expect(refusal { _ = try background.applied(to: [:], in: .broker(broker(), .broker)) }?.code == .invalidConfig)
  }

  @Test("what cannot be changed is INVALID_REQUEST, what has a wrong value INVALID_CONFIG")
  func brokerRefusals() throws {
    func code(_ name: String, _ value: String, _ scope: DynamicScope = .broker) throws -> ErrorCode? {
      let change = ConfigurationChange(steps: [.init(name: name, operation: 0, value: value)])
      let table = ConfigurationTable.broker(try broker(), scope)
      return refusal { _ = try change.applied(to: [:], in: table) }?.code
    }
    #expect(try code("num.partitions", "3") == .invalidRequest)
    #expect(try code("ssl.keystore.location", "/k") == .invalidRequest)
    #expect(try code("sasl.kerberos.ticket.renew.jitter", "0.1", .cluster) == .invalidRequest)
    #expect(try code("log.retention.ms", "x") == .invalidConfig)
    #expect(try code("no.such", "x") == .invalidConfig)
    #expect(try code("log.retention.ms", "5") == nil)
  }

  @Test("deleting what was never set is fine")
  func brokerDelete() throws {
    let change = ConfigurationChange(steps: [
      .init(name: "log.retention.ms", operation: 1, value: nil),
      .init(name: "log.segment.bytes", operation: 1, value: ""),
    ])
    #expect(try change.applied(to: ["log.retention.ms": "5"], in: .broker(broker(), .cluster)) == [:])
  }

  @Test("a message that repeats a client's names fits into a response")
  func boundedMessage() throws {
    let names = (0..<1000).map { "listener.name.\(String(repeating: "ä", count: 100))\($0).ssl.keystore.location" }
    let change = ConfigurationChange(steps: names.map { .init(name: $0, operation: 0, value: "1") })
    let table = ConfigurationTable.broker(try broker(), .broker)
    let refused = try #require(refusal { _ = try change.applied(to: [:], in: table) })
    #expect(refused.message.utf8.count > 32_767 && refused.boundedMessage.utf8.count < 32_767)
    #expect(refused.message.hasPrefix(refused.boundedMessage.dropLast()))
    #expect(AppendRefusal(code: .invalidRequest, message: "short").boundedMessage == "short")
  }
}
