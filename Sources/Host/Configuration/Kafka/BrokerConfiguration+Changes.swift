/// What clients may change while the broker runs.
extension BrokerConfiguration {
  /// Checks settings, one by one, that clients want in `scope`; returns them in normal form.
  static func check(
    _ settings: [String: String], in scope: DynamicScope
  ) -> Result<[String: String], BrokerChangeProblem> {
    var fixed: [BrokerChangeProblem.Reason] = []
    var brokerOnly: [String] = []
    var invalid: [ValueProblem] = []
    var checked: [String: String] = [:]
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
      if let reason = whyNot(name) {
        fixed.append(BrokerChangeProblem.Reason(name: name, sentence: reason))
      } else if let row = definition(named: name) {
        if scope == .cluster, row.scope == .broker { brokerOnly.append(name) }
        switch row.definition.normalize(value) {
        case .success(let text): checked[name] = text
        case .failure(let problem): invalid.append(problem.named(name))
        }
      } else {
        invalid.append(unknown(name))
      }
    }
    if !fixed.isEmpty { return .failure(.notDynamic(fixed)) }
    if !brokerOnly.isEmpty { return .failure(.brokerOnly(brokerOnly)) }
    return invalid.isEmpty ? .success(checked) : .failure(.invalid(invalid))
  }

  /// Why a name that we or Kafka know cannot be changed, and what can be done; nil when it can, or is unknown.
  private static func whyNot(_ name: String) -> String? {
    guard let row = definition(named: name) else { return absence(of: name) }
    guard row.scope == nil else { return nil }
    switch row.origin {
    case .section(let section): return "write it in the section \(section) of the configuration file and restart"
    case .setting(let path, _): return "it is \(path) in the configuration file; change it there and restart"
    case .topic(let topic): return "write \(topic) in the section topics of the configuration file and restart"
    case .fixed, .stored: return "it has one value"
    }
  }

  /// Settings that Kafka changes while it runs and that concern what is not here. They are refused, because whoever
  /// sets them relies on what they do: protection by TLS, SASL or a limit, or a class that is loaded.
  private static func absence(of name: String) -> String? {
    var base = Substring(name)
    if name.hasPrefix("listener.name.") {
      // listener.name.{listener}.{setting}
      base = name.dropFirst("listener.name.".count).drop { $0 != "." }.dropFirst()
    }
    if base.hasPrefix("ssl.") { return "there is no TLS on this broker, so it would protect nothing" }
    if base.hasPrefix("sasl.") || base == "principal.builder.class" || base == "connections.max.reauth.ms" {
      return "there is no SASL on this broker, so it would protect nothing"
    }
    if base != Substring(name) || name == "listener.security.protocol.map" {
      return "there is one listener, without names; see listen in the configuration file"
    }
    switch name {
    case "max.connection.creation.rate", "max.connections.per.ip", "max.connections.per.ip.overrides":
      return "there is no such limit here; max.connections bounds all connections together"
    case "metric.reporters", "config.providers": return "this broker loads no Java classes"
    default: return nil
    }
  }

  private static func unknown(_ name: String) -> ValueProblem {
    if let synonym = TopicConfiguration.definition(named: name)?.brokerSynonym {
      return ValueProblem("\(name.quoted) is the topic's name for a setting of the broker", suggestion: synonym)
    }
    return ValueProblem(
      "unknown broker setting \(name.quoted)",
      suggestion: Suggestion.closest(to: name, among: definitions.map(\.name)))
  }
}
