/// Decides whether a declared chain can work, from the descriptors of its plugins. Pure: loads nothing, creates
/// nothing.
public struct ChainValidator {
  let chain: [TierSpec]
  let isVolatile: Bool
  let origins: ConfigurationOrigins

  public init(chain: [TierSpec], isVolatile: Bool, origins: ConfigurationOrigins) {
    self.chain = chain
    self.isVolatile = isVolatile
    self.origins = origins
  }

  public init(_ loaded: LoadedConfiguration) {
    self.init(
      chain: loaded.configuration.chain, isVolatile: loaded.configuration.isVolatile, origins: loaded.origins)
  }

  /// Checks names, descriptors, settings and, when every descriptor is there, the order of the tiers.
  ///
  /// Throws every problem that was found, in the order of the file.
  public func validate(_ source: some TierDescriptorSource) throws(ConfigurationError) -> ResolvedChain {
    var collector = DiagnosticCollector()
    if chain.isEmpty {
      collector.report(origins.diagnostic("chain", ValueProblem("the chain is empty", expected: "at least one tier")))
    }
    checkNames(&collector)
    var tiers: [ResolvedTier] = []
    for (index, spec) in chain.enumerated() {
      switch source.descriptor(for: spec) {
      case .success(let descriptor):
        tiers.append(resolve(spec, index, descriptor, above: tiers, source, &collector))
      case .failure(let failure): collector.report(diagnostic(failure, spec: spec, index: index))
      }
    }
    var commit: Int?
    if tiers.count == chain.count, !chain.isEmpty {
      commit = TierOrder(tiers: tiers, isVolatile: isVolatile, origins: origins).check(&collector)
    }
    let warnings = try collector.finish(source: origins.source)
    guard let commit else { preconditionFailure("a chain without errors has a commit tier") }
    return ResolvedChain(tiers: tiers, commitTierIndex: commit, warnings: warnings)
  }

  private func resolve(
    _ spec: TierSpec, _ index: Int, _ descriptor: TierDescriptor, above: [ResolvedTier],
    _ source: some TierDescriptorSource, _ collector: inout DiagnosticCollector
  ) -> ResolvedTier {
    let reader = PluginSettingsReader(
      owner: spec.instanceName, path: "chain[\(index)].config", ownerPath: "chain[\(index)].tier",
      written: spec.config, keys: descriptor.configKeys, origins: origins)
    let (settings, given) = reader.resolve(&collector)
    let store = StoreResolver(chain: chain, origins: origins).resolve(
      index, descriptor, above: above, source, &collector)
    return ResolvedTier(spec: spec, descriptor: descriptor, settings: settings, givenKeys: given, store: store)
  }

  private func checkNames(_ collector: inout DiagnosticCollector) {
    var first: [String: Int] = [:]
    for (index, spec) in chain.enumerated() {
      let name = spec.instanceName
      guard let earlier = first[name] else {
        first[name] = index
        continue
      }
      let place = origins.value("chain[\(earlier)].\(chain[earlier].name == nil ? "tier" : "name")")
      let line = place.map { " (line \($0.line))" } ?? ""
      collector.report(
        origins.diagnostic(
          "chain[\(index)].\(spec.name == nil ? "tier" : "name")",
          ValueProblem(
            "two tiers are called \(name.quoted)\(line)", expected: "a different name: for each instance",
            suggestion: "name: \(freeName(name))")))
    }
  }

  private func freeName(_ name: String) -> String {
    let taken = Set(chain.map(\.instanceName))
    var number = 2
    while taken.contains("\(name)-\(number)") { number += 1 }
    return "\(name)-\(number)"
  }

  private func diagnostic(_ failure: DescriptorFailure, spec: TierSpec, index: Int) -> ConfigurationDiagnostic {
    let (field, word): (String, String?) =
      switch failure.subject {
      case .product: (spec.product == nil ? "tier" : "product", spec.product ?? spec.tier)
      case .library: spec.library == nil ? ("tier", spec.tier) : ("library", nil)
      }
    let suggestion = word.flatMap { Suggestion.closest(to: $0, among: failure.candidates) }
    return origins.diagnostic(
      "chain[\(index)].\(field)",
      ValueProblem(failure.message, expected: failure.expected, suggestion: suggestion))
  }
}
