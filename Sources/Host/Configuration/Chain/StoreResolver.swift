/// Decides which object store each tier of a chain gets.
struct StoreResolver {
  let chain: [TierSpec]
  let origins: ConfigurationOrigins

  /// Nil for a tier that keeps nothing in a store, and when a problem was reported.
  func resolve(
    _ index: Int, _ descriptor: TierDescriptor, above: [ResolvedTier], _ source: some TierDescriptorSource,
    _ collector: inout DiagnosticCollector
  ) -> TierStore? {
    let tier = chain[index]
    guard descriptor.abilities.contains(.store) else {
      if tier.store != nil {
        collector.report(
          origins.diagnostic(
            "chain[\(index)].store",
            ValueProblem(
              "\(tier.instanceName) keeps nothing in an object store, so it cannot be given one",
              expected: "no store: here"), at: .key))
      }
      return nil
    }
    // A tier that only reads has nothing of its own to keep: it looks after what the tier above it wrote.
    if tier.store == nil, !descriptor.abilities.contains(.import),
      let holder = above.lastIndex(where: { $0.descriptor.abilities.contains(.store) })
    {
      return .shared(with: holder)
    }
    let spec = tier.store ?? StoreSpec()
    switch source.storeDescriptor(for: spec, of: tier) {
    case .failure(let failure):
      collector.report(diagnostic(failure, spec, index))
      return nil
    case .success(let store):
      let written = "chain[\(index)].store"
      let reader = PluginSettingsReader(
        owner: "the store \(store.name) of \(tier.instanceName)", path: "\(written).config",
        ownerPath: nearest("\(written).type", written, "chain[\(index)].tier"), written: spec.config,
        keys: store.configKeys, origins: origins)
      return .own(ResolvedStore(spec: spec, descriptor: store, settings: reader.resolve(&collector).settings))
    }
  }

  private func diagnostic(_ failure: DescriptorFailure, _ spec: StoreSpec, _ index: Int) -> ConfigurationDiagnostic {
    let base = "chain[\(index)].store"
    let (place, word): (String, String?) =
      switch failure.subject {
      case .product: ("\(base).type", spec.type)
      case .library: spec.library == nil ? ("\(base).plugin", spec.plugin) : ("\(base).library", nil)
      }
    let suggestion = word.flatMap { Suggestion.closest(to: $0, among: failure.candidates) }
    return origins.diagnostic(
      nearest(place, base, "chain[\(index)].tier"),
      ValueProblem(failure.message, expected: failure.expected, suggestion: suggestion))
  }

  /// The first of these places that the file has.
  private func nearest(_ places: String...) -> String {
    places.first { origins.isGiven($0) } ?? places[places.count - 1]
  }
}
