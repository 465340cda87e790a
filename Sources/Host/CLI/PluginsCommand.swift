public import ArgumentParser
import Configuration
import PluginLoader
import TierContract

/// `chronik plugins …`: what there is to put into a chain.
public struct PluginsCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "plugins", abstract: "List and check plugins.", subcommands: [List.self, Check.self])

  public init() {}

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run the tier contract suite against a library, out of process.",
      discussion: """
        Prints one line for each rule: kept ✓, broken ✗ with what was seen,
        or not applicable –. A crash or a hang of the plugin is reported as
        the rule that caused it, and the other rules still run.

        OPTIONS OF THE SUITE:
          --product NAME        The tier, when the library offers several.
          --setting KEY=VALUE   A setting of the tier, as in YAML; repeatable.
          --rule ID|GROUP       Only this rule, or this group of rules (the
                                part before the dot); repeatable.
          --seed NUMBER         Repeats the run that printed this seed.
          --scratch DIRECTORY   Where the tiers keep their files; it must exist
                                and is kept. Default: a new one that is removed.
          --deadline SECONDS    After which a rule counts as hung; default 60.
          --json                One JSON object instead of text.

        Examples:
          chronik plugins check ./libRing.so
          chronik plugins check ./libRing.so --setting capacity=1MiB \\
            --rule read --seed 42

        Exit codes: 0 every rule holds, 1 a rule is broken, 2 the library
        cannot be used (the reason is said), 64 wrong usage.
        """)
    @Argument(parsing: .captureForPassthrough, help: "The library (FILE.so) and the options above.")
    var words: [String] = []

    func run() throws {
      if words.contains("--help") || words.contains("-h") { throw CleanExit.helpRequest(self) }
      throw ExitCode(ContractCommand.run(words, respawn: .thisProgram(prefix: ["plugins", "check"])))
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the plugins on plugins.path: tiers, stores, strategies, abilities, settings. Nothing is started.",
      discussion: """
        Examples:
          chronik plugins list
          chronik plugins list -v --config chronik.yaml

        Exit codes: 0 done, 1 a library cannot be used or there is none,
        78 wrong configuration, 64 wrong usage.
        """)
    @OptionGroup var options: ConfigurationOptions
    @Flag(name: .shortAndLong, help: "Print the settings of each, too.") var verbose = false

    func run() throws {
      let settings: Configuration
      do throws(ConfigurationError) {
        settings = try LoadedConfiguration.load(path: options.config).configuration
      } catch {
        Terminal.complain(error.rendered(colour: Terminal.errorUsesColour))
        throw ChronikExit.configuration
      }
      var loader = PluginLoader(searchPath: settings.plugins.path)
      let found = loader.discover()
      guard !found.isEmpty else {
        Terminal.complain("no plugins on plugins.path (\(settings.plugins.path.joined(separator: ", ")))")
        throw ExitCode.failure
      }
      var rows = [["PLUGIN", "KIND", "VERSION", "ABI", "ABILITIES", "LIBRARY", "WHAT IT IS"]]
      var details: [String] = []
      var problems: [String] = []
      for (path, result) in found {
        switch result {
        case .failure(let error): problems.append("\(error)")
        case .success(let plugin):
          for product in plugin.products {
            let descriptor = TierDescriptor(product.descriptor)
            rows.append([
              descriptor.name, "tier", descriptor.version, plugin.abi, "\(descriptor.abilities)", path,
              descriptor.summary,
            ])
            details += settingLines(descriptor.name, descriptor.configKeys)
          }
          for product in plugin.stores {
            let descriptor = StoreDescriptor(product.descriptor)
            rows.append([descriptor.name, "store", descriptor.version, plugin.abi, "-", path, descriptor.summary])
            details += settingLines("store \(descriptor.name)", descriptor.configKeys)
          }
          for product in plugin.strategies {
            let descriptor = product.descriptor
            rows.append([descriptor.name, "strategy", descriptor.version, plugin.abi, "-", path, descriptor.summary])
            details += settingLines("strategy \(descriptor.name)", descriptor.keys.map { PluginConfigKey($0) })
          }
        }
      }
      Terminal.say(Terminal.table(rows))
      if verbose, !details.isEmpty { Terminal.say("\n" + details.joined(separator: "\n")) }
      for problem in problems { Terminal.complain(problem) }
      if !problems.isEmpty { throw ExitCode.failure }
    }

    private func settingLines(_ owner: String, _ keys: [PluginConfigKey]) -> [String] {
      keys.map { key in
        "\(owner).\(key.name)  (default "
          + "\(key.defaultValue ?? (key.required ? "none, required" : "none")))  \(key.summary)"
      }
    }
  }
}
