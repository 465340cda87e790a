import Foundation

/// Wall and processor time of this thread.
struct Stopwatch {
  private let wall = ContinuousClock.now
  private let processor = Self.processorSeconds()

  static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  var wallSeconds: Double {
    let duration = (ContinuousClock.now - wall).components
    return Double(duration.seconds) + Double(duration.attoseconds) / 1e18
  }

  var processorSeconds: Double { Self.processorSeconds() - processor }
}

/// A set of measurements of one thing.
struct Samples {
  private var values: [Double] = []

  mutating func add(_ value: Double) { values.append(value) }

  private func quantile(_ part: Double) -> Double {
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
  }

  var median: Double { quantile(0.5) }
  var p99: Double { quantile(0.99) }
  var minimum: Double { values.min()! }
  var maximum: Double { values.max()! }
}

/// Memory of this process, from the system.
enum ProcessMemory {
  /// Megabytes of the field `name` of /proc/self/status, which counts in kibibytes.
  static func megabytes(_ name: String) throws -> Double {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }!
    return Double(line.split(whereSeparator: { !$0.isNumber }).first!)! * 1024 / 1e6
  }

  /// Starts the high-water mark anew.
  static func resetPeak() throws { try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs")) }
}

func format(_ value: Double, _ digits: Int = 1) -> String { String(format: "%.\(digits)f", value) }
