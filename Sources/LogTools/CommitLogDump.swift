import ArgumentParser
import Glibc
import SegmentFormat

/// Commit-log files as named fields.
enum CommitLogDump {
  /// Prints every entry of the file's generation. Throws `ExitCode.failure` at what is not a commit log or not whole.
  static func run(_ path: String, _ output: DumpOutput) throws {
    let source = try FileSource(path: path)
    let reader = try CommitLogReader(source, byteCount: try source.byteCount())
    switch reader.header {
    case .generation(let generation):
      output.line([("byte", .integer(0)), ("generation", .text("\(generation)"))])
    case .blank:
      return output.line([("byte", .integer(0)), ("state", .text("blank"))])
    case .otherVersion(let version):
      try fail(path, 0, "a commit log of version \(version), which this program does not know")
    case .none:
      try fail(path, 0, "no header of a commit log")
    }
    while true {
      switch try reader.next() {
      case .entry(let entry, let bytes, let position): output.line(fields(entry, bytes, position))
      case .end: return
      case .damage(let damage, let position): try fail(path, position, "\(damage)")
      }
    }
  }

  private static func fields(
    _ entry: CommitLogEntry, _ bytes: UnsafeRawBufferPointer, _ position: Int64
  ) -> [DumpOutput.Field] {
    let front: [DumpOutput.Field] = [
      ("byte", .integer(position)), ("sequence", .text("\(entry.sequence)")), ("kind", .text("\(entry.kind)")),
    ]
    let name = UnsafeRawBufferPointer(
      rebasing: bytes[CommitLogFormat.entryHeaderByteCount..<entry.dataStart])
    let id = entry.topicID.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let partition: [DumpOutput.Field] = [
      ("topic", .text(String(decoding: name, as: UTF8.self))), ("topicId", .text(id)),
      ("partition", .integer(Int64(entry.partition))),
    ]
    switch entry.kind {
    case .padding: return front + [("size", .integer(Int64(entry.byteCount)))]
    case .begin:
      return front + [
        ("previousGeneration", .text("\(UInt64(bitPattern: entry.baseOffset))")),
        ("previousEntries", .text("\(UInt64(bitPattern: entry.position))")),
      ]
    case .release: return front + partition + [("segmentsBelow", .integer(entry.baseOffset))]
    case .data:
      return front + partition + [
        ("segment", .text(SegmentFileName.format(max(0, entry.baseOffset), .log))),
        ("position", .integer(entry.position)),
        ("size", .integer(Int64(entry.dataByteCount))),
      ]
    }
  }

  private static func fail(_ path: String, _ position: Int64, _ reason: String) throws {
    LogToolOutput.complain("\(path): damaged at byte \(position): \(reason)")
    throw ExitCode.failure
  }

  /// What `log verify` says about the commit-log files of a directory; nil when there are none or nothing in them
  /// counts. They are no part of any partition: what they hold comes into the segments at the next start.
  static func remark(_ paths: [String]) throws -> String? {
    var entries = 0
    for path in paths {
      let source = try FileSource(path: path)
      let reader = try CommitLogReader(source, byteCount: try source.byteCount())
      while case .entry(let entry, _, _) = try reader.next() {
        if entry.kind == .data { entries += 1 }
      }
    }
    if entries == 0 { return nil }
    return
      "the commit log holds \(entries) entries: after a crash the ends of segments are only "
        + "right once the broker has started"
  }
}
