import Glibc
import SegmentFormat

/// Checks partitions one after the other and collects what is damaged.
struct LogVerifier {
  private(set) var damages: [String] = []
  private(set) var segmentCount = 0
  private(set) var batchCount = 0

  /// Damages that are listed; a ruined disk must not fill the memory.
  private static let damagesMax = 10_000

  /// `advance` is told how many bytes of .log files were read. A file that cannot be read is damage like other.
  mutating func verify(_ partition: PartitionFiles, advance: (Int64) -> Void) {
    var expected: Int64 = 0
    for base in partition.segments {
      if base < expected {
        report("\(partition.path)/\(SegmentFileName.format(base, .log)) byte 0: the segment before reaches offset \(expected)")
      }
      let result: SegmentVerifier.Report
      do throws(FileFailure) {
        result = try SegmentVerifier.verify(directory: partition.path, baseOffset: base)
      } catch {
        report("\(partition.path)/\(SegmentFileName.format(base, .log)): cannot be checked: \(error)")
        segmentCount += 1
        continue
      }
      for finding in result.findings { report("\(finding)") }
      expected = result.nextOffset
      segmentCount += 1
      batchCount += result.batchCount
      advance(result.byteCount)
    }
  }

  private mutating func report(_ damage: String) {
    if damages.count < Self.damagesMax { damages.append(damage) }
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
