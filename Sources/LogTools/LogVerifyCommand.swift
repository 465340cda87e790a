import ArgumentParser
import Glibc
import SegmentFormat

/// `chronik log verify DIR`
struct LogVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every batch of every segment below a directory.",
    discussion: """
      Reads all .log files and compares every checksum, the
      order of offsets within and between segments, and the
      index files with what they point at. Each damage names
      file and byte. Changes nothing.
      Says when a commit log holds what a start would bring
      into the segments first.

      Stop the broker first, or expect the newest batches of
      the active segments to be reported while they are written.

      Exit codes: 0 all good, 1 something is damaged or cannot be
      read, or there is no segment, 64 wrong usage.
      """)

  @Argument(help: "A data directory, a tier's directory, or a partition's.") var directory: String
  @Flag(name: .long, help: "No progress bar, which is shown on a terminal only.") var quiet = false

  func run() throws {
    var commitLogs: [String] = []
    var partitions = try PartitionFiles.find(below: directory, commitLogs: &commitLogs)
    partitions.sort { $0.path < $1.path }
    guard !partitions.isEmpty else {
      LogToolOutput.complain("\(directory): no segment files (…/00000000000000000000.log) below it")
      throw ExitCode.failure
    }
    let total = partitions.reduce(Int64(0)) { $0 + $1.logByteCount }
    var progress = ProgressBar(total: total, isShown: !quiet && isatty(STDERR_FILENO) == 1)
    var verifier = LogVerifier()
    for partition in partitions {
      verifier.verify(partition) { progress.advance(by: $0) }
    }
    progress.finish()
    for damage in verifier.damages { LogToolOutput.say(damage) }
    LogToolOutput.say(
      "\(partitions.count) partitions, \(verifier.segmentCount) segments, "
        + "\(verifier.batchCount) batches, \(total) bytes: "
        + (verifier.damages.isEmpty ? "all good" : "\(verifier.damages.count) damaged places"))
    if let remark = try CommitLogDump.remark(commitLogs) { LogToolOutput.say(remark) }
    LogToolOutput.flush()
    if !verifier.damages.isEmpty { throw ExitCode.failure }
  }
}

/// A partition's segment files.
struct PartitionFiles {
  var path: String
  /// Base offsets, ascending.
  var segments: [Int64]
  var logByteCount: Int64

  /// Every directory at or below `root` that holds a segment's .log, and commit-log files; symbolic links are not
  /// followed.
  static func find(below root: String, commitLogs: inout [String]) throws -> [PartitionFiles] {
    var found: [PartitionFiles] = []
    var open = [root]
    while let path = open.popLast() {
      guard let stream = opendir(path) else {
        LogToolOutput.complain("\(path): \(String(cString: strerror(errno)))")
        throw ExitCode.failure
      }
      defer { closedir(stream) }
      var files = PartitionFiles(path: path, segments: [], logByteCount: 0)
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name == "." || name == ".." { continue }
        var status = stat()
        guard lstat("\(path)/\(name)", &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR { open.append("\(path)/\(name)") }
        if CommitLogFormat.parse(fileName: name) != nil, status.st_mode & S_IFMT == S_IFREG {
          commitLogs.append("\(path)/\(name)")
        }
        guard let (base, kind) = SegmentFileName.parse(name), kind == .log else { continue }
        files.segments.append(base)
        files.logByteCount += Int64(status.st_size)
      }
      files.segments.sort()
      if !files.segments.isEmpty { found.append(files) }
    }
    return found
  }
}
