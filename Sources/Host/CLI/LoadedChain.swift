import ArgumentParser
import Configuration

/// A configuration whose chain was checked against the descriptors of its plugins. Passed from the command to the
/// service's thread and used by one of them at a time.
struct LoadedChain: @unchecked Sendable {
  let loaded: LoadedConfiguration
  let chain: ResolvedChain
  /// Nil when compaction is turned off or the commit tier cannot rewrite.
  let compaction: ResolvedCompaction?
  let plugins: TierLibrary

  var isDurable: Bool { chain.commitTier.descriptor.abilities.contains(.durable) }

  /// Loads and checks everything, or prints every problem and exits with 78.
  static func load(_ path: String?, _ overrides: CommandLineOverrides = CommandLineOverrides()) throws -> LoadedChain {
    do throws(ConfigurationError) {
      let loaded = try LoadedConfiguration.load(path: path, overrides: overrides)
      let plugins = TierLibrary(loaded.configuration.plugins)
      let chain = try ChainValidator(loaded).validate(plugins)
      let settings = loaded.configuration.compaction
      let isCompacting = settings.isEnabled && chain.commitTier.descriptor.abilities.contains(.rewrite)
      let compaction =
        isCompacting ? try CompactionValidator(loaded).validate(plugins.strategyKeys(for: settings)) : nil
      for warning in loaded.warnings + chain.warnings {
        Terminal.complain(warning.rendered(source: loaded.origins.source, colour: Terminal.errorUsesColour))
      }
      return LoadedChain(loaded: loaded, chain: chain, compaction: compaction, plugins: plugins)
    } catch {
      Terminal.complain(error.rendered(colour: Terminal.errorUsesColour))
      throw ChronikExit.configuration
    }
  }
}
