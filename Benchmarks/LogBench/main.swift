// bench-log DIRECTORY [append] [group] [read] [spread [PARTITIONS …]] [sweep] [open [PARTITIONS [GB]]] [--json] [--rounds N]
//
// Runs the storage core against plain system calls in the same process, alternately, and prints medians with the range of
// the ratios and the processor time for each MiB on both sides. DIRECTORY is emptied: give it one of its own, on the disk
// to be measured. Without a workload: append, group, read and spread.

import Glibc

func raiseDescriptorLimit() {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

func run(_ options: Options) throws {
  var report = Report(isJSON: options.isJSON)
  let directory = options.directory
  let rounds = options.rounds
  if options.isChosen("append") {
    for (name, batch, count, isPreallocated) in [
      ("append 1 MiB, preallocated", 1 << 20, 1_024, true), ("append 1 MiB", 1 << 20, 1_024, false),
      ("append 1 KiB", 1 << 10, 262_144, false),
    ] {
      let bench = AppendBench(directory: directory, batch: batch, count: count, isPreallocated: isPreallocated)
      report.add(try Comparison.run(name, "GB/s", rounds: rounds, own: bench.own, raw: bench.raw))
    }
  }
  if options.isChosen("group") {
    for (inFlight, count) in [(1, 2_000), (64, 200_000), (1_024, 400_000)] {
      let bench = GroupBench(directory: directory, count: count, inFlight: inFlight)
      let name = "group commit 1 KiB, \(inFlight) in flight"
      report.add(try Comparison.run(name, "durable/s", rounds: rounds, own: bench.own, raw: bench.raw))
    }
  }
  if options.isChosen("read") {
    for (name, batch) in [("1 MiB", 1 << 20), ("16 KiB", 16 << 10), ("1 KiB", 1 << 10)] {
      let bench = try ReadBench(directory: directory, batch: batch)
      report.add(try Comparison.run("fetch 1 MiB of \(name) batches", "GB/s", rounds: rounds, own: bench.own, raw: bench.raw))
      report.add(try bench.lookups())
      bench.stop()
    }
  }
  if options.isChosen("spread") {
    for partitions in options.numbers(of: "spread", [16, 1_000]) {
      let bench = SpreadBench(directory: directory, batches: partitions, rounds: partitions >= 1_000 ? 150 : 300)
      try bench.compare(partitions: partitions, into: &report)
    }
  }
  if options.isNamed("sweep") { try SpreadBench.sweep(directory, into: &report) }
  if options.isNamed("open") {
    let numbers = options.numbers(of: "open", [10_000, 20])
    let gigabytes = numbers.count > 1 ? numbers[1] : 20
    try OpenBench(directory: directory, partitions: numbers[0], byteCount: gigabytes * 1_000_000_000)
      .run(into: &report)
  }
  report.end()
}

raiseDescriptorLimit()
let arguments = CommandLine.arguments
if arguments.count == 5, arguments[2] == "open-child", let partitions = Int(arguments[3]) {
  try OpenBench(directory: arguments[1], partitions: partitions, byteCount: 0).child(result: arguments[4])
}
guard let options = Options(arguments.dropFirst()) else {
  complain(Options.usage)
  exit(2)
}
do {
  if mkdir(options.directory, 0o755) != 0, errno != EEXIST { throw SystemError(call: "mkdir \(options.directory)") }
  try run(options)
  try clear(options.directory)
} catch {
  complain("bench-log: \(error)")
  exit(1)
}
