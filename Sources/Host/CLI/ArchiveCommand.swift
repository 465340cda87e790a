public import ArgumentParser
import Configuration
import Glibc
import PluginLoader

/// `chronik archive …`: looking after an archive while its broker is stopped.
public struct ArchiveCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "archive", abstract: "Rebuild, verify and export the index of an archive. The broker must be stopped.",
    subcommands: [Rebuild.self, Verify.self, Export.self])

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
      discussion: "What the index holds and the store does not is removed from it; what the store holds is added.")
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
        was seen. Exit code 0: index and store agree; 1: they do not.
        """)
    @OptionGroup var options: Options
    @Flag(name: .long, help: "Read every object and check every checksum.") var full = false
    @Flag(name: .long, help: "Print one JSON object.") var json = false

    func run() throws {
      let offline = try options.open()
      defer { offline.close() }
      let bar = ProgressLine("verifying")
      var findings: [ArchiveExtension.Finding] = []
      let summary = try ArchiveOutput.run {
        try offline.archive.verify(readsEverything: full, progress: { bar.show($0, $1) }) { finding in
          if json {
            findings.append(finding)
          } else {
            bar.end()
            Terminal.say("\(finding.kind)  \(finding.key)  \(finding.detail)")
          }
        }
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
    static let configuration = CommandConfiguration(abstract: "Print the index as JSON.")
    @OptionGroup var options: Options
    @Argument(help: "Only this topic.") var topic: String?

    func run() throws {
      let offline = try options.open()
      defer { offline.close() }
      try ArchiveOutput.run {
        try offline.archive.exportJSON(topic: topic ?? "") { piece in
          var rest = piece
          while !rest.isEmpty {
            let count = write(STDOUT_FILENO, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
          }
        }
      }
      Terminal.say("")
    }
  }
}

/// What the archive's commands print.
private enum ArchiveOutput {
  /// A failure of the tier becomes a line and exit code 1.
  static func run<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch {
      Terminal.complain("chronik: \(error)")
      throw ExitCode.failure
    }
  }

  static func text(_ summary: ArchiveExtension.Summary) -> String {
    "\(summary.partitions) partitions, \(summary.objects) objects, \(summary.objectBytes) bytes in the store for "
      + "\(summary.recordBytes) bytes of records, \(summary.pendingDeletions) deletions pending"
  }

  static func json(_ summary: ArchiveExtension.Summary, _ findings: [ArchiveExtension.Finding]) -> String {
    let numbers: [(String, UInt64)] = [
      ("partitions", summary.partitions), ("objects", summary.objects), ("object_bytes", summary.objectBytes),
      ("record_bytes", summary.recordBytes), ("findings", summary.findings), ("repaired", summary.repaired),
      ("pending_deletions", summary.pendingDeletions),
    ]
    let list = findings.map { finding in
      JSONText.object([
        ("kind", JSONText.string(finding.kind)), ("key", JSONText.string(finding.key)),
        ("detail", JSONText.string(finding.detail)),
      ])
    }
    return JSONText.object(numbers.map { ($0.0, String($0.1)) } + [("list", JSONText.array(list))])
  }
}

/// A line on standard error that shows how far a command has come; nothing when that is no terminal.
private final class ProgressLine {
  private let title: String
  private let isShown = isatty(STDERR_FILENO) == 1
  private var isOpen = false

  init(_ title: String) { self.title = title }

  func show(_ done: UInt64, _ total: UInt64) {
    guard isShown else { return }
    isOpen = true
    let width = 30
    let share = total > 0 ? min(1, Double(done) / Double(total)) : 0
    let filled = Int(share * Double(width))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    let text = "\r\(title) \(bar) \(done)\(total > 0 ? " of \(total)" : "")\u{1B}[K"
    _ = text.utf8.withContiguousStorageIfAvailable { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  /// Gives the line back.
  func end() {
    guard isOpen else { return }
    isOpen = false
    _ = write(STDERR_FILENO, "\r\u{1B}[K", 4)
  }
}
