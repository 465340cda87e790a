import Glibc

/// Seconds of the monotonic clock.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Processor seconds of this process, all threads, those that ended included.
struct ProcessorTime {
  var user = 0.0
  var system = 0.0
  var total: Double { user + system }

  static var current: ProcessorTime {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return ProcessorTime(user: seconds(usage.ru_utime), system: seconds(usage.ru_stime))
  }

  static func - (left: Self, right: Self) -> Self {
    ProcessorTime(user: left.user - right.user, system: left.system - right.system)
  }

  static func += (left: inout Self, right: Self) {
    left.user += right.user
    left.system += right.system
  }

  static func / (left: Self, right: Double) -> Self {
    ProcessorTime(user: left.user / right, system: left.system / right)
  }
}

/// What a piece of work took. Work between `stop` and the next `start` does not count.
struct Meter {
  private(set) var seconds = 0.0
  private(set) var processor = ProcessorTime()
  private var startedAt = 0.0
  private var processorAtStart = ProcessorTime()

  mutating func start() {
    processorAtStart = .current
    startedAt = now()
  }

  mutating func stop() {
    seconds += now() - startedAt
    processor += .current - processorAtStart
  }

  static func of(_ work: () throws -> Void) rethrows -> Meter {
    var meter = Meter()
    meter.start()
    try work()
    meter.stop()
    return meter
  }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
