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
        Every problem is printed with file:line:column, what was expected and, where one is near, a suggestion. Exit
        code 0 when the broker would start with it, 78 when not.
        """)
    @Argument(help: "The configuration file; without it the embedded defaults are checked.")
    var file: String?
    @OptionGroup var options: ConfigurationOptions

    func run() throws {
      let checked = try LoadedChain.load(file ?? options.config)
      let chain = checked.chain.tiers.map(\.instanceName).joined(separator: " → ")
      Terminal.say("\(file ?? options.config ?? "embedded defaults"): ok, chain \(chain)")
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print every setting in force and where it comes from.")
    @OptionGroup var options: ConfigurationOptions
    @Flag(name: .long, help: "Print JSON instead of a table.") var json = false

    func run() throws {
      let checked = try LoadedChain.load(options.config)
      let report = ConfigurationReport(checked.loaded, chain: checked.chain)
      Terminal.say(json ? report.json() : report.table())
    }
  }

  struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the manual of every setting.")
    func run() { Terminal.say(ConfigurationManual.manual()) }
  }
}
