import KafkaRecords

/// Checks the files of one segment against their formats and against each other, from the disk, changing nothing.
public enum SegmentVerifier {
  public struct Finding: Sendable, Equatable, CustomStringConvertible {
    public var path: String
    /// Byte of the file at which the trouble begins.
    public var position: Int64
    public var reason: String
    public var description: String { "\(path) byte \(position): \(reason)" }
  }

  public struct Report: Sendable {
    public var findings: [Finding] = []
    public var batchCount = 0
    public var byteCount: Int64 = 0
    /// Offset behind the last good batch; the base offset when there is none.
    public var nextOffset: Int64
  }

  /// Reads the whole log (every checksum) and both indexes. `directory` holds the files; memory use does not depend on
  /// their size, but for the index: 8 bytes for each of its entries. Throws when a file cannot be read; a missing index
  /// is a finding.
  public static func verify(directory: String, baseOffset: Int64) throws(FileFailure) -> Report {
    func path(_ kind: SegmentFileName.Kind) -> String { "\(directory)/\(SegmentFileName.format(baseOffset, kind))" }
    var report = Report(nextOffset: baseOffset)
    let offsets = try entries(path(.index), of: OffsetIndexEntry.self, &report)
    let times = try entries(path(.timeIndex), of: TimeIndexEntry.self, &report)
    try verifyLog(path(.log), baseOffset, offsets, path(.index), &report)
    let length = report.nextOffset - baseOffset
    for (number, entry) in times.enumerated() where entry.relativeOffset < 0 || Int64(entry.relativeOffset) >= length {
      report.findings.append(
        Finding(
          path: path(.timeIndex), position: Int64(number * TimeIndexEntry.byteCount),
          reason: IndexDamage.outOfRange.description))
      break
    }
    return report
  }

  private static func entries<Entry: IndexEntry>(
    _ path: String, of type: Entry.Type, _ report: inout Report
  ) throws(FileFailure) -> [Entry] {
    let file: FileSource
    do {
      file = try FileSource(path: path)
    } catch {
      report.findings.append(Finding(path: path, position: 0, reason: "\(error)"))
      return []
    }
    var reader = IndexFileReader(file, of: type, byteCount: try file.byteCount())
    var result: [Entry] = []
    while true {
      switch try reader.next() {
      case .entry(let entry, _): result.append(entry)
      case .end: return result
      case .damage(let damage, let position):
        report.findings.append(Finding(path: path, position: position, reason: damage.description))
        return result
      }
    }
  }

  /// Walks the log and, beside it, the index, whose entries must name batches that are there.
  private static func verifyLog(
    _ path: String, _ base: Int64, _ index: [OffsetIndexEntry], _ indexPath: String, _ report: inout Report
  ) throws(FileFailure) {
    let file = try FileSource(path: path)
    report.byteCount = try file.byteCount()
    var scanner = LogScanner(file, to: report.byteCount, expectedOffset: base)
    var nextEntry = 0
    func noteIndex(_ reason: String, _ report: inout Report) {
      report.findings.append(
        Finding(path: indexPath, position: Int64(nextEntry * OffsetIndexEntry.byteCount), reason: reason))
      nextEntry = index.count
    }
    while true {
      switch try scanner.next() {
      case .batch(let header, let position):
        report.batchCount += 1
        report.nextOffset = header.nextOffset
        guard nextEntry < index.count, Int64(index[nextEntry].position) <= position else { continue }
        let entry = index[nextEntry]
        if Int64(entry.position) < position {
          noteIndex("the entry points into a batch", &report)
        } else if base + Int64(entry.relativeOffset) < header.baseOffset {
          noteIndex("the entry's offset lies before its batch", &report)
        } else {
          nextEntry += 1
        }
      case .end:
        if nextEntry < index.count { noteIndex(IndexDamage.outOfRange.description, &report) }
        return
      case .damage(let damage, let position):
        report.findings.append(Finding(path: path, position: position, reason: damage.description))
        return
      }
    }
  }
}
