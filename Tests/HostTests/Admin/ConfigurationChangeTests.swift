import KafkaProtocol
import Testing

@testable import Host

@Suite("Changing a topic's settings")
struct ConfigurationChangeTests {
  private func change(
    _ steps: [(String, ConfigurationChange.Operation, String?)], of overrides: [String: String] = [:],
    defaults: [String: String] = [:]
  ) throws(AppendRefusal) -> [String: String] {
    try ConfigurationChange.apply(
      steps.map { .init(name: $0.0, operation: $0.1.rawValue, value: $0.2) }, to: overrides, brokerDefaults: defaults)
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
      refusal { _ = try change([("retention.ms", .set, "1"), ("retention.ms", .delete, nil)]) }?.code == .invalidRequest)
    #expect(refusal { _ = try change([("retention.ms", .set, nil)]) }?.code == .invalidRequest)
    #expect(
      refusal {
        _ = try ConfigurationChange.apply(
          [.init(name: "retention.ms", operation: 4, value: "1")], to: [:], brokerDefaults: [:])
      }?.code == .invalidRequest)
  }

  @Test("AlterConfigs leaves nothing of what was set before")
  func replace() throws {
    #expect(
      try ConfigurationChange.replace(with: [("retention.ms", "77")], brokerDefaults: [:]) == ["retention.ms": "77"])
    #expect(try ConfigurationChange.replace(with: [], brokerDefaults: [:]) == [:])
  }

  @Test("a broker setting is refused with the place where it is written")
  func broker() {
    #expect(refusal { try ConfigurationChange.refuseBrokerChange(["num.partitions"]) }?.code == .invalidRequest)
    #expect(refusal { try ConfigurationChange.refuseBrokerChange(["log.retention.ms"]) }?.message.contains("retention.ms") == true)
    #expect(refusal { try ConfigurationChange.refuseBrokerChange(["no.such"]) }?.code == .invalidConfig)
    #expect(refusal { try ConfigurationChange.refuseBrokerChange([]) } == nil)
  }
}
