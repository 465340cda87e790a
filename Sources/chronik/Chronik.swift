import ArgumentParser
import Host
import LogTools

/// The command line: `chronik <subcommand>`.
@main
struct Chronik: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chronik",
    abstract: "A Kafka-compatible broker whose storage is a chain of plugins.",
    discussion: """
      Start with `chronik serve`: without a file it serves 127.0.0.1:9092 on
      embedded defaults, with data in ./chronik-data. `chronik config show`
      prints the settings in force, `chronik config manual` explains them.

      Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.
      """,
    version: "chronik 0.1.0 (plugin ABI 1.0)",
    subcommands: [
      ServeCommand.self, SearchCommand.self, ConfigCommand.self, PluginsCommand.self, ArchiveCommand.self,
      CompactionCommand.self, LogCommand.self,
    ])
}
