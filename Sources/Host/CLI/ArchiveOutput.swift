import ArgumentParser
import Configuration
import Glibc
import PluginLoader

/// What the archive's commands print.
enum ArchiveOutput {
  /// A failure of the tier becomes a line and exit code 1.
  static func run<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch {
      Terminal.complain("chronik: \(error)")
      throw ExitCode.failure
    }
  }

  static func finding(_ topic: UnknownTopic) -> ArchiveExtension.Finding {
    ArchiveExtension.Finding(
      kind: "unknown-topic", key: topic.key,
      detail: "\(topic.partitions.count) partitions of a topic that the catalogue does not know. Put the catalogue "
        + "(topics.journal) back, or delete them: chronik archive remove-unknown --topic-id=\(topic.id)")
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
final class ProgressLine {
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
