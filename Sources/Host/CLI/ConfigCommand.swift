public import ArgumentParser
import Configuration

/// `chronik config …`: what the settings are and whether a file is right.
public struct ConfigCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check, show and explain the configuration.",
    subcommands: [Check.self, Show.self, Manual.self])

  public init() {}

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a configuration, its chain and its plugins without starting anything.",
      discussion: """
        Every problem is printed with file:line:column, what was expected and,
        where one is near, a suggestion. Plugins are loaded, but nothing is
        started and no file is written; --config FILE means the same as FILE.

        Example:
          chronik config check chronik.yaml

        Exit codes: 0 a broker would accept it, 78 it would not, 64 wrong
        usage.
        """)
    @Argument(help: "The configuration file; without it the embedded defaults are checked.")
    var file: String?
    @OptionGroup var options: ConfigurationOptions

    func validate() throws {
      if file != nil, options.config != nil { throw ValidationError("give the file once: as FILE or with --config") }
    }

    func run() throws {
      let checked = try LoadedChain.load(file ?? options.config)
      let chain = checked.chain.tiers.map(\.instanceName).joined(separator: " → ")
      Terminal.say("\(file ?? options.config ?? "embedded defaults"): ok, chain \(chain)")
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print every setting in force and where it comes from.",
      discussion: """
        Settings under topics and coordinators are printed when the file has
        them; chronik config manual has their defaults. Secrets are masked.

        Examples:
          chronik config show --config chronik.yaml
          chronik config show --json | jq '.settings[] | select(.origin != "default")'

        Exit codes: 0 done, 78 the configuration is wrong, 64 wrong usage.
        """)
    @OptionGroup var options: ConfigurationOptions
    @Flag(name: .long, help: "Print JSON instead of a table: sizes in bytes, durations in milliseconds.") var json =
      false

    func run() throws {
      let checked = try LoadedChain.load(options.config)
      let report = ConfigurationReport(checked.loaded, chain: checked.chain)
      Terminal.say(json ? report.json() : report.table())
    }
  }

  struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the manual of every setting.",
      discussion: """
        It is a configuration itself, with every default: chronik.yaml.

        Example:
          chronik config manual > chronik.yaml
        """)
    func run() { Terminal.say(ConfigurationManual.manual()) }
  }
}
