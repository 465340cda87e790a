import Glibc
import LocalSegmentsCore
import TierKit

/// What one round of appending and flushing costs, in seconds.
struct SpreadCost {
  /// Over all rounds, what runs behind them included.
  var mean: Double
  var median: Double
  /// Of the appends alone.
  var appends: Double
  /// Processor seconds of the process.
  var processor: Double
}

/// The same number of 1 KiB batches to one partition and to as many partitions, made durable together.
struct SpreadBench {
  let directory: String
  /// Batches of a round.
  let batches: Int
  let rounds: Int
  var byteCount = 1024
  /// Rounds before counting begins: names and commit-log files are made by the first ones.
  private static let warmUpRounds = 5

  /// Appends round robin to `partitions` and flushes them together.
  func own(partitions: Int, usesCommitLog: Bool = true, alwaysLogs: Bool = false) throws -> SpreadCost {
    try clear(directory)
    let tier = try makeTier(directory) { configuration in
      configuration.usesCommitLog = usesCommitLog
      if alwaysLogs {
        configuration.loggedPartitionsMin = 1
        configuration.loggedByteCountMax = .max
      }
    }
    defer { tier.stopWithoutFlush() }
    let settings = PartitionSettings(segmentBytes: 1 << 30)
    let logs = try (0..<partitions).map { try tier.open(partition($0), settings: settings, initialOffset: 0) }
    let sources = makeSources()
    var ends = [Int64](repeating: 0, count: partitions)
    let cost = try measure(
      append: {
        for (index, source) in sources.enumerated() {
          source.offset = ends[index % partitions]
          try source.append(to: logs[index % partitions])
          ends[index % partitions] += 1
        }
      }, flush: { for result in tier.flush(logs: logs) { _ = try result.get() } })
    BackgroundJobs.shared.wait()
    return cost
  }

  /// The same with plain calls: `pwrite` round robin to `files` plain files, then all bytes of the round once more into
  /// a preallocated log, with one write and one fdatasync. With one file its own fdatasync takes the log's place. Each file
  /// has a directory of its own, as Kafka's layout wants it: ext4 then keeps their inodes far apart, which is most of what
  /// an append costs more. This is as little as a round can cost when the bytes must be readable in a file for each
  /// partition.
  func raw(files: Int) throws -> SpreadCost {
    try clear(directory)
    let targets = try (0..<files).map { number in
      try PosixFileSystem().makeDirectory("\(directory)/\(number)")
      return RawTarget(try RawFile("\(directory)/\(number)/log"))
    }
    let log = try RawFile("\(directory)/log")
    let gathered = UnsafeMutableRawBufferPointer.allocate(byteCount: batches * byteCount, alignment: 4096)
    defer { gathered.deallocate() }
    gathered.initializeMemory(as: UInt8.self, repeating: 1)
    let sources = makeSources()
    let logRounds = max(1, (64 << 20) / gathered.count)
    for number in 0..<logRounds { try log.write(UnsafeRawBufferPointer(gathered), at: number * gathered.count) }
    try log.sync()
    var round = 0
    return try measure(
      append: {
        for (index, source) in sources.enumerated() { try targets[index % files].append(source) }
      },
      flush: {
        if files == 1 { return try targets[0].file.sync() }
        try log.write(UnsafeRawBufferPointer(gathered), at: round % logRounds * gathered.count)
        try log.sync()
        round += 1
      })
  }

  /// Different bytes for each batch of a round, as producers send them.
  private func makeSources() -> [BatchSource] { (0..<batches).map { _ in BatchSource(byteCount: byteCount) } }

  private func measure(append: () throws -> Void, flush: () throws -> Void) throws -> SpreadCost {
    var times: [Double] = []
    var appendTimes: [Double] = []
    for _ in 0..<Self.warmUpRounds {
      try append()
      try flush()
      BackgroundJobs.shared.wait()
    }
    let meter = try Meter.of {
      for _ in 0..<rounds {
        let start = now()
        try append()
        appendTimes.append(now() - start)
        try flush()
        times.append(now() - start)
      }
    }
    return SpreadCost(
      mean: meter.seconds / Double(rounds), median: median(times), appends: median(appendTimes),
      processor: meter.processor.total / Double(rounds))
  }
}

/// A file and where its next bytes go.
private final class RawTarget {
  let file: RawFile
  private var position = 0
  init(_ file: consuming RawFile) { self.file = file }

  func append(_ source: BatchSource) throws {
    try source.write(to: file, at: position)
    position += source.bytes.count
  }
}

extension SpreadBench {
  /// Both, with one and with many, three times; the ratios by medians.
  func compare(partitions: Int, into report: inout Report) throws {
    var own: [(one: SpreadCost, many: SpreadCost)] = []
    var raw: [(one: SpreadCost, many: SpreadCost)] = []
    for _ in 0..<3 {
      raw.append((try self.raw(files: 1), try self.raw(files: partitions)))
      own.append((try self.own(partitions: 1), try self.own(partitions: partitions)))
    }
    for (side, costs) in [("own", own), ("raw", raw)] {
      func value(_ costs: [SpreadCost], _ path: KeyPath<SpreadCost, Double>) -> Double {
        median(costs.map { $0[keyPath: path] }) * 1e3
      }
      for (name, list) in [("to one", costs.map(\.one)), ("to \(partitions)", costs.map(\.many))] {
        report.add(
          Figure(
            name: "spread \(side), \(batches) x \(byteCount) bytes \(name)",
            values: [
              ("median", value(list, \.median), "ms"), ("mean", value(list, \.mean), "ms"),
              ("appends", value(list, \.appends), "ms"), ("processor", value(list, \.processor), "ms"),
            ]))
      }
      func ratio(_ path: KeyPath<SpreadCost, Double>) -> Double {
        median(costs.map { $0.many[keyPath: path] / $0.one[keyPath: path] })
      }
      report.add(
        Figure(
          name: "  \(side) \(partitions) / one",
          values: [
            ("median", ratio(\.median), "x"), ("mean", ratio(\.mean), "x"), ("appends", ratio(\.appends), "x"),
            ("processor", ratio(\.processor), "x"),
          ]))
    }
  }

  /// A round of one batch for each partition, through the commit log and file by file, for few partitions and several
  /// sizes: where `Limits.loggedPartitionsMin` and `loggedByteCountMax` belong.
  static func sweep(_ directory: String, into report: inout Report) throws {
    for byteCount in [1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20] {
      for partitions in [2, 4, 8, 16, 32] {
        let rounds = max(20, min(300, (192 << 20) / (byteCount * partitions)))
        let bench = SpreadBench(directory: directory, batches: partitions, rounds: rounds, byteCount: byteCount)
        var logged: [SpreadCost] = []
        var direct: [SpreadCost] = []
        for _ in 0..<3 {
          logged.append(try bench.own(partitions: partitions, alwaysLogs: true))
          direct.append(try bench.own(partitions: partitions, usesCommitLog: false))
        }
        func value(_ costs: [SpreadCost], _ path: KeyPath<SpreadCost, Double>) -> Double {
          median(costs.map { $0[keyPath: path] }) * 1e3
        }
        report.add(
          Figure(
            name: "sweep \(partitions) x \(byteCount)",
            values: [
              ("logged", value(logged, \.median), "ms"), ("logged mean", value(logged, \.mean), "ms"),
              ("logged processor", value(logged, \.processor), "ms"), ("direct", value(direct, \.median), "ms"),
              ("direct mean", value(direct, \.mean), "ms"), ("direct processor", value(direct, \.processor), "ms"),
            ]))
      }
    }
  }
}
