public import ArgumentParser
import Configuration
import PluginLoader

/// `chronik archive …`: looking after an archive while its broker is stopped.
public struct ArchiveCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "archive", abstract: "Look after an archive and its index. The broker must be stopped.",
    discussion: """
      Each command needs the configuration that the broker runs with (the
      chain says where the archive is) and its data directory:
        chronik archive verify --config chronik.yaml
        chronik archive verify --data-dir /var/lib/chronik
      """,
    subcommands: [Rebuild.self, Verify.self, Export.self, RemoveUnknown.self])

  public init() {}

  struct Options: ParsableArguments {
    @OptionGroup var options: ConfigurationOptions
    @Option(name: .long, help: ArgumentHelp("Where the broker keeps its data.", valueName: "dir"))
    var dataDir: String?
    @Option(name: .long, help: ArgumentHelp("The archive's name in the chain, when it has several.", valueName: "name"))
    var tier: String?

    func open() throws -> OfflineArchive {
      try OfflineArchive.open(options.config, dataDirectory: dataDir, tier: tier)
    }
  }

  struct Rebuild: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make the index again from the objects in the store.",
      discussion: """
        What the index holds and the store does not is removed from it; what
        the store holds is added. The objects are not changed.

        Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.
        """)
    @OptionGroup var options: Options
    @Flag(name: .long, help: "Print one JSON object.") var json = false

    func run() throws {
      let offline = try options.open()
      defer { offline.close() }
      let bar = ProgressLine("rebuilding")
      let summary = try ArchiveOutput.run { try offline.archive.rebuild { bar.show($0, $1) } }
      bar.end()
      if json { return Terminal.say(ArchiveOutput.json(summary, [])) }
      Terminal.say("\(offline.name): \(ArchiveOutput.text(summary)); \(summary.repaired) entries changed")
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compare the index with the store in both directions; change nothing.",
      discussion: """
        Prints one line for each finding: its kind, the object's key and what
        was seen.

        Exit codes: 0 index and store agree, 1 they do not or cannot be read,
        64 wrong usage, 78 wrong configuration.
        """)
    @OptionGroup var options: Options
    @Flag(name: .long, help: "Read every object and check every checksum.") var full = false
    @Flag(name: .long, help: "Print one JSON object.") var json = false

    func run() throws {
      let offline = try options.open()
      defer { offline.close() }
      let bar = ProgressLine("verifying")
      var findings: [ArchiveExtension.Finding] = []
      func visit(_ finding: ArchiveExtension.Finding) {
        if json { return findings.append(finding) }
        bar.end()
        Terminal.say("\(finding.kind)  \(finding.key)  \(finding.detail)")
      }
      let summary = try ArchiveOutput.run {
        let unknown = try offline.unknownTopics()
        var summary = try offline.archive.verify(
          readsEverything: full, progress: { bar.show($0, $1) }, visit: { visit($0) })
        for topic in unknown { visit(ArchiveOutput.finding(topic)) }
        summary.findings += UInt64(unknown.count)
        return summary
      }
      bar.end()
      if json {
        Terminal.say(ArchiveOutput.json(summary, findings))
      } else {
        Terminal.say(
          "\(offline.name): \(ArchiveOutput.text(summary)); "
            + (summary.findings == 0 ? "all good" : "\(summary.findings) findings"))
      }
      if summary.findings > 0 { throw ExitCode.failure }
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the index as JSON.",
      discussion: """
        Example:
          chronik archive export orders | jq '.partitions[].objects | length'

        Exit codes: 0 done, also when the index has nothing of the topic,
        1 failed, 64 wrong usage, 78 wrong configuration.
        """)
    @OptionGroup var options: Options
    @Argument(help: "Only this topic.") var topic: String?

    func run() throws {
      let offline = try options.open()
      defer { offline.close() }
      try ArchiveOutput.run {
        try offline.archive.exportJSON(topic: topic ?? "") { Terminal.put($0) }
      }
    }
  }
}
