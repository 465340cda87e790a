/// A compaction strategy whose settings were checked against its descriptor.
public struct ResolvedCompaction: Sendable, Hashable {
  public let name: String
  /// Every key that has a value; sizes are decimal bytes, durations decimal milliseconds, booleans true and false.
  public let settings: [TierSetting]
}

/// Checks `compaction:` against the strategy that it names. Pure: loads nothing, creates nothing.
public struct CompactionValidator {
  let compaction: Configuration.Compaction
  let origins: ConfigurationOrigins

  public init(_ loaded: LoadedConfiguration) {
    compaction = loaded.configuration.compaction
    origins = loaded.origins
  }

  /// `keys` are what the strategy declares, or why there is none. Throws every problem that was found.
  public func validate(
    _ keys: Result<[PluginConfigKey], DescriptorFailure>
  ) throws(ConfigurationError) -> ResolvedCompaction {
    var collector = DiagnosticCollector()
    var settings: [TierSetting] = []
    switch keys {
    case .success(let keys):
      let reader = PluginSettingsReader(
        owner: compaction.strategy, path: "compaction.config", ownerPath: "compaction.strategy",
        written: compaction.config, keys: keys, origins: origins)
      settings = reader.resolve(&collector).settings
    case .failure(let failure): collector.report(diagnostic(failure))
    }
    _ = try collector.finish(source: origins.source)
    return ResolvedCompaction(name: compaction.strategy, settings: settings)
  }

  private func diagnostic(_ failure: DescriptorFailure) -> ConfigurationDiagnostic {
    let (field, word): (String, String?) =
      switch failure.subject {
      case .product: ("strategy", compaction.strategy)
      case .library: compaction.library == nil ? ("plugin", compaction.plugin) : ("library", nil)
      }
    return origins.diagnostic(
      "compaction.\(field)",
      ValueProblem(
        failure.message, expected: failure.expected,
        suggestion: word.flatMap { Suggestion.closest(to: $0, among: failure.candidates) }))
  }
}
