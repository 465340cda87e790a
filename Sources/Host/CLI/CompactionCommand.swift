public import ArgumentParser
import Configuration

/// `chronik compaction …`: what the background service does, by hand, on a data directory that no broker uses.
public struct CompactionCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "compaction", abstract: "Plan or run compaction while the broker is stopped.",
    discussion: """
      Both open the data directory as a broker would, recovery included, and
      refuse one that is in use. A running broker compacts by itself.

      Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.
      """,
    subcommands: [Plan.self, Run.self])

  public init() {}

  struct Options: ParsableArguments {
    @OptionGroup var configuration: ConfigurationOptions
    @Option(name: .long, help: ArgumentHelp("Where the broker keeps its data.", valueName: "dir"))
    var dataDir: String?
    @Flag(name: .long, help: "Whatever can be compacted, not only what is worth it.")
    var force = false

    /// Opens everything but the listener, runs `body` and closes it again.
    func withService(_ body: (CompactionService, Topics) -> Void) throws {
      let checked = try LoadedChain.load(configuration.config, CommandLineOverrides(dataDirectory: dataDir))
      let settings = checked.loaded.configuration
      do {
        try DataDirectory.expectUsed(settings.dataDirectory)
        let level = LogLevelSwitch(settings.log.level)
        let broker = try Broker(
          settings, chain: checked.chain, compaction: checked.compaction, plugins: checked.plugins,
          logger: LogOutput.logger(settings.log.format, level: level), logLevel: level)
        defer { broker.stop() }
        try broker.open()
        guard let service = broker.compaction else {
          Terminal.complain("compaction is turned off, or the commit tier cannot rewrite")
          throw ExitCode.failure
        }
        body(service, broker.topics)
      } catch let exit as ExitCode {
        throw exit
      } catch {
        Terminal.complain("chronik: \(error)")
        throw ExitCode.failure
      }
    }
  }

  struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print what would be done to each compacted partition, and why.")
    @OptionGroup var options: Options

    func run() throws {
      try options.withService { service, topics in
        var rows = [["PARTITION", "REWRITE", "BYTES", "REASON"]]
        for topic in topics.all where topic.configuration.compacts {
          for log in topic.partitions {
            guard let (_, plan) = service.plan(log, topic.configuration, isForced: options.force) else { continue }
            let segments = plan.groups.reduce(0) { $0 + $1.segments.count }
            rows.append([
              "\(log.identity.topic)-\(log.identity.partition)",
              plan.groups.isEmpty ? "nothing" : "\(segments) segments → \(plan.groups.count)",
              "\(plan.groups.reduce(0) { $0 + $1.byteCount })", plan.reason,
            ])
          }
        }
        Terminal.say(rows.count > 1 ? Terminal.table(rows) : "no topic is compacted")
      }
    }
  }

  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compact what is worth it, with one log line for each partition.")
    @OptionGroup var options: Options

    func run() throws {
      var hasFailed = false
      try options.withService { service, topics in
        guard topics.all.contains(where: { $0.configuration.compacts }) else {
          return Terminal.say("no topic is compacted")
        }
        service.lookAround(isForced: options.force)
        hasFailed = service.hasFailures
      }
      if hasFailed { throw ExitCode.failure }
    }
  }
}
