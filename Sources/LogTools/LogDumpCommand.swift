import ArgumentParser
import KafkaRecords
import SegmentFormat

/// `chronik log dump FILE`
struct LogDumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Print what a file of the log holds.",
    discussion: """
      FILE is a .log, .index or .timeindex, a commit-log-NN,
      or one of the small text files (checkpoints,
      partition.metadata). Positions and sizes are bytes,
      timestamps milliseconds since 1970. An empty file
      prints nothing.

      Exit codes: 0 all of it was printed, 1 the file is
      damaged (the byte is named, what came before is
      printed) or cannot be read, 64 wrong usage.

      Examples:
        chronik log dump 00000000000000000000.log
        chronik log dump --records --json FILE.log | jq .
      """)

  @Argument(help: "The file.") var file: String
  @Flag(name: .long, help: "Print every record of a .log, not only its batches.") var records = false
  @Flag(name: .long, help: "Print one JSON object per line.") var json = false

  func run() throws {
    defer { LogToolOutput.flush() }
    let name = String(file.split(separator: "/").last ?? "")
    let output = DumpOutput(isJSON: json)
    if CommitLogFormat.parse(fileName: name) != nil { return try CommitLogDump.run(file, output) }
    guard let (baseOffset, kind) = SegmentFileName.parse(name) else { return try dumpText(name, output) }
    let source = try FileSource(path: file)
    switch kind {
    case .log: try dumpLog(source, baseOffset, output)
    case .index:
      try dumpIndex(source, OffsetIndexEntry.self, output) { entry in
        [("offset", .integer(baseOffset + Int64(entry.relativeOffset))), ("position", .integer(Int64(entry.position)))]
      }
    case .timeIndex:
      try dumpIndex(source, TimeIndexEntry.self, output) { entry in
        [("timestamp", .integer(entry.timestamp)), ("offset", .integer(baseOffset + Int64(entry.relativeOffset)))]
      }
    }
  }

  private func dumpLog(_ source: FileSource, _ baseOffset: Int64, _ output: DumpOutput) throws {
    var scanner = LogScanner(source, to: try source.byteCount(), expectedOffset: baseOffset)
    while true {
      switch try scanner.next() {
      case .end: return
      case .damage(let damage, let position): try fail(position, "\(damage)")
      case .batch(let header, let position):
        output.line(BatchDescription.fields(header, position: position))
        if records { try dumpRecords(source, header, position, output) }
      }
    }
  }

  private func dumpRecords(
    _ source: FileSource, _ header: RecordBatchHeader, _ position: Int64, _ output: DumpOutput
  ) throws {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: header.byteCount, alignment: 16)
    defer { bytes.deallocate() }
    let count = try source.read(at: position, into: bytes)
    guard count == header.byteCount else { return try fail(position + Int64(count), "the file ends inside a batch") }
    do {
      let reader = try RecordBatchReader(UnsafeRawBufferPointer(bytes), limit: LogToolLimits.decompressedByteCountMax)
      try reader.forEach { record in
        output.line(BatchDescription.fields(record, header), indent: true)
      }
    } catch {
      try fail(position, "\(error)")
    }
  }

  private func dumpIndex<Entry: IndexEntry>(
    _ source: FileSource, _ type: Entry.Type, _ output: DumpOutput, _ describe: (Entry) -> [DumpOutput.Field]
  ) throws {
    var reader = IndexFileReader(source, of: type, byteCount: try source.byteCount())
    while true {
      switch try reader.next() {
      case .end: return
      case .damage(let damage, let position): try fail(position, "\(damage)")
      case .entry(let entry, let position): output.line([("byte", .integer(position))] + describe(entry))
      }
    }
  }

  private func dumpText(_ name: String, _ output: DumpOutput) throws {
    let text = try textFile()
    do {
      switch name {
      case "recovery-point-offset-checkpoint", "log-start-offset-checkpoint":
        let sorted = try OffsetCheckpoint.parse(text).sorted {
          ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition)
        }
        for (key, offset) in sorted {
          output.line([
            ("topic", .text(key.topic)), ("partition", .integer(Int64(key.partition))), ("offset", .integer(offset)),
          ])
        }
      case "recovery-tail-checkpoint":
        for (key, tail) in try TailCheckpoint.parse(text).sorted(by: {
          ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition)
        }) {
          output.line([
            ("topic", .text(key.topic)), ("partition", .integer(Int64(key.partition))),
            ("offset", .integer(tail.recoveryPoint)), ("segment", .integer(tail.segmentBase)),
            ("byte", .integer(tail.position)), ("maxTimestamp", .integer(tail.maxTimestamp)),
          ])
        }
      case "leader-epoch-checkpoint":
        for entry in try LeaderEpochCheckpoint.parse(text) {
          output.line([("epoch", .integer(Int64(entry.epoch))), ("startOffset", .integer(entry.startOffset))])
        }
      case "partition.metadata":
        let id = try PartitionMetadata.parse(text)
        output.line([("topicId", .text(id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()))])
      default:
        LogToolOutput.complain(
          "\(file): not a file of the log: .log, .index, .timeindex, commit-log-NN, a checkpoint, partition.metadata")
        throw ExitCode.failure
      }
    } catch let defect as TextFileDefect {
      LogToolOutput.complain("\(file): \(defect)")
      throw ExitCode.failure
    }
  }

  private func textFile() throws -> String {
    let source = try FileSource(path: file)
    let size = try source.byteCount()
    guard size <= LogToolLimits.textFileByteCountMax else {
      LogToolOutput.complain("\(file): \(size) bytes are too many for a checkpoint, which has at most \(LogToolLimits.textFileByteCountMax)")
      throw ExitCode.failure
    }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    let count = try bytes.withUnsafeMutableBytes { try source.read(at: 0, into: $0) }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  private func fail(_ position: Int64, _ reason: String) throws {
    LogToolOutput.complain("\(file): damaged at byte \(position): \(reason)")
    throw ExitCode.failure
  }
}
