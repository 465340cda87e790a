/// How far a setting of the broker reaches that clients change while it runs.
public enum DynamicScope: Sendable, Hashable, CaseIterable {
  /// This broker's own: the resource is named after its id.
  case broker
  /// The default of every broker of the cluster: the resource has no name.
  case cluster

  public var source: KafkaConfigSource {
    switch self {
    case .broker: .dynamicBroker
    case .cluster: .dynamicDefaultBroker
    }
  }
}

/// What clients set for the broker while it ran, under Kafka's broker names, in normal form.
public struct DynamicBrokerSettings: Sendable, Hashable, Codable {
  public var broker: [String: String]
  public var cluster: [String: String]

  public init(broker: [String: String] = [:], cluster: [String: String] = [:]) {
    self.broker = broker
    self.cluster = cluster
  }

  public subscript(scope: DynamicScope) -> [String: String] {
    get {
      switch scope {
      case .broker: broker
      case .cluster: cluster
      }
    }
    set {
      switch scope {
      case .broker: broker = newValue
      case .cluster: cluster = newValue
      }
    }
  }

  /// Scopes with the one that weighs most in front.
  static let order: [DynamicScope] = [.broker, .cluster]

  /// What of these settings this release can use, and the names of the others in alphabetical order: another release
  /// may have known names that this one does not. A known name with a value that is not accepted is a failure, because
  /// the default in its place could delete what the value keeps.
  public func usable() -> Result<(kept: DynamicBrokerSettings, dropped: [String]), BrokerChangeProblem> {
    var kept = DynamicBrokerSettings()
    var dropped: Set<String> = []
    for scope in DynamicScope.allCases {
      for (name, value) in self[scope].sorted(by: { $0.key < $1.key }) {
        switch BrokerConfiguration.check([name: value], in: scope) {
        case .success(let settings): kept[scope].merge(settings) { $1 }
        case .failure(.invalid(let problems)) where BrokerConfiguration.definition(named: name) != nil:
          return .failure(.invalid(problems))
        case .failure: dropped.insert(name)
        }
      }
    }
    return .success((kept, dropped.sorted()))
  }
}
