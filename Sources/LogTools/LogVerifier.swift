import Glibc
import KafkaRecords
import SegmentFormat

/// Checks partitions one after the other and collects what is damaged.
struct LogVerifier {
  private(set) var damages: [String] = []
  private(set) var segmentCount = 0
  private(set) var batchCount = 0
  private(set) var recordCount: Int64 = 0

  /// Damages that are listed; after that they are only counted, so that a ruined disk does not fill the memory.
  private static let damagesMax = 10_000

  /// `advance` is told how many bytes of .log files were read.
  mutating func verify(_ partition: PartitionFiles, advance: (Int64) -> Void) throws {
    var expected: Int64 = 0
    for base in partition.segments {
      let path = "\(partition.path)/\(SegmentFileName.format(base, .log))"
      if base < expected { report(path, 0, "the segment begins at \(base), but the one before reaches \(expected)") }
      let positions = try verifyLog(path, base, &expected, advance)
      try verifyIndex(partition.path, base, positions)
      segmentCount += 1
    }
  }

  /// Returns, for each batch, its position by last offset.
  private mutating func verifyLog(
    _ path: String, _ base: Int64, _ expected: inout Int64, _ advance: (Int64) -> Void
  ) throws -> [Int64: Int64] {
    let source = try FileSource(path: path)
    let size = try source.byteCount()
    var scanner = LogScanner(source, to: size, expectedOffset: base)
    var positions: [Int64: Int64] = [:]
    while true {
      switch try scanner.next() {
      case .end: return positions
      case .batch(let header, let position):
        positions[header.lastOffset] = position
        expected = header.nextOffset
        batchCount += 1
        recordCount += Int64(header.recordCount)
        advance(Int64(header.byteCount))
      case .damage(let damage, let position):
        report(path, position, "\(damage)")
        advance(size - position)
        return positions
      }
    }
  }

  /// Every entry must point at a batch that ends with its offset.
  private mutating func verifyIndex(_ directory: String, _ base: Int64, _ positions: [Int64: Int64]) throws {
    let path = "\(directory)/\(SegmentFileName.format(base, .index))"
    guard access(path, F_OK) == 0 else { return }
    let source = try FileSource(path: path)
    var reader = IndexFileReader(source, of: OffsetIndexEntry.self, byteCount: try source.byteCount())
    while true {
      switch try reader.next() {
      case .end: return
      case .damage(let damage, let position):
        // Kafka preallocates the active segment's index with zeros behind its entries.
        if damage != .outOfOrder { report(path, position, "\(damage)") }
        return
      case .entry(let entry, let position):
        if entry.relativeOffset == 0, entry.position == 0 { continue }
        guard positions[base + Int64(entry.relativeOffset)] == Int64(entry.position) else {
          report(path, position, "offset \(base + Int64(entry.relativeOffset)) is not at byte \(entry.position) of the log")
          continue
        }
      }
    }
  }

  private mutating func report(_ path: String, _ position: Int64, _ reason: String) {
    guard damages.count < Self.damagesMax else { return }
    damages.append("\(path): byte \(position): \(reason)")
  }
}

/// A bar on standard error, redrawn at most ten times a second.
struct ProgressBar {
  private let total: Int64
  private let isShown: Bool
  private var done: Int64 = 0
  private let start = ContinuousClock.now
  private var lastDrawn = ContinuousClock.now
  private static let width = 30

  init(total: Int64, isShown: Bool) {
    self.total = total
    self.isShown = isShown
  }

  mutating func advance(by count: Int64) {
    done += count
    guard isShown, ContinuousClock.now - lastDrawn > .milliseconds(100) else { return }
    lastDrawn = .now
    draw()
  }

  mutating func finish() {
    guard isShown else { return }
    let blank = String(repeating: " ", count: Self.width + 40)
    Self.write("\r\(blank)\r")
  }

  private func draw() {
    let fraction = total == 0 ? 1 : Double(done) / Double(total)
    let filled = Int(fraction * Double(Self.width))
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    let rate = Double(done) / max(0.001, Double(seconds) + Double(attoseconds) / 1e18) / 1e6
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
    Self.write("\r\(bar) \(Int(fraction * 100)) %  \(Int(rate)) MB/s ")
  }

  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
  }
}
