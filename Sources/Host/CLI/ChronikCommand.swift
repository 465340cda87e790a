public import ArgumentParser

/// The command line: `chronik <subcommand>`.
public struct ChronikCommand: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "chronik",
    abstract: "A Kafka-compatible broker whose storage is a chain of plugins.",
    discussion: """
      Start with `chronik serve`: without a file it serves 127.0.0.1:9092 on embedded defaults, with data in
      ./chronik-data. `chronik config show` prints the settings in force, and chronik.yaml in the source tree explains
      every one of them.

      Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.
      """,
    version: "chronik 0.1.0 (plugin ABI 1.0)",
    subcommands: [ServeCommand.self, ConfigCommand.self, PluginsCommand.self],
    defaultSubcommand: nil)

  public init() {}
}

/// Options that several commands share.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    name: .long, help: ArgumentHelp("The configuration file. Without it the embedded defaults are used.", valueName: "file"))
  var config: String?
}

/// Exit codes beyond 0 and 1, after sysexits.h.
enum ChronikExit {
  /// The configuration is wrong (EX_CONFIG).
  static let configuration = ExitCode(78)
}
