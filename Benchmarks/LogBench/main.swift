// bench-log DIRECTORY [append|group|spread|open|read …] [PARTITIONS, for spread]
//
// Runs the storage core against plain system calls in the same process, alternating, and prints medians of five with the
// range. DIRECTORY is emptied: give it one of its own, on the disk to be measured.

import Glibc

var limit = rlimit()
getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
limit.rlim_cur = limit.rlim_max
setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)

guard CommandLine.arguments.count > 1, CommandLine.arguments[1].hasPrefix("/") else {
  print("usage: bench-log /absolute/empty/directory [append] [group] [spread [1000]] [open] [read]")
  exit(2)
}
let directory = CommandLine.arguments[1]
mkdir(directory, 0o755)
let chosen = Set(CommandLine.arguments.dropFirst(2))
func isChosen(_ name: String) -> Bool { chosen.isEmpty || chosen.contains(name) }

func digits(_ value: Double) -> String {
  let scaled = value >= 100 ? value.rounded() : (value * 100).rounded() / 100
  return scaled >= 100 ? String(Int(scaled)) : String(scaled)
}

/// Alternates both sides five times and prints medians and the ratio per pair.
func compare(_ title: String, _ unit: String, ours: () throws -> Double, raw: () throws -> Double) throws {
  var mine: [Double] = []
  var theirs: [Double] = []
  for _ in 0..<5 {
    theirs.append(try raw())
    mine.append(try ours())
  }
  let ratios = zip(mine, theirs).map { $0 / $1 }
  print(
    "\(title): \(digits(median(mine))) \(unit), raw \(digits(median(theirs))), ratio \(digits(median(ratios))) "
      + "(\(digits(ratios.min()!)) … \(digits(ratios.max()!)))")
  fflush(nil)
}

if isChosen("append") {
  for (name, step) in [("preallocated", Int64(64 << 20)), ("plain", 0)] {
    try compare(
      "append 1 MiB, \(name)", "GB/s",
      ours: { try appendLog(directory, size: 1 << 20, count: 1_024, preallocate: step) },
      raw: { try appendRaw(directory, size: 1 << 20, count: 1_024, preallocate: step > 0) })
  }
  try compare(
    "append 1 KiB, plain", "GB/s",
    ours: { try appendLog(directory, size: 1 << 10, count: 300_000, preallocate: 0) },
    raw: { try appendRaw(directory, size: 1 << 10, count: 300_000, preallocate: false) })
}
if isChosen("group") {
  for inFlight in [1, 64, 1_024] {
    let count = inFlight == 1 ? 3_000 : 200_000
    try compare(
      "group commit 1 KiB, \(inFlight) in flight", "durable/s",
      ours: { try groupCommitLog(directory, count: count, inFlight: inFlight) },
      raw: { try groupCommitRaw(directory, count: count, inFlight: inFlight) })
  }
}
if isChosen("spread") {
  func milliseconds(_ cost: SpreadCost) -> String {
    "\(digits(cost.median * 1e3)) ms (mean \(digits(cost.mean * 1e3)), appends \(digits(cost.appends * 1e3)), "
      + "processor \(digits(cost.processor * 1e3)))"
  }
  let wanted = chosen.compactMap { Int($0) }
  for partitions in wanted.isEmpty ? [4, 16, 100, 1_000] : wanted {
    var ratios: [Double] = []
    var means: [Double] = []
    for _ in 0..<3 {
      let rounds = partitions >= 1_000 ? 250 : 150
      let one = try spread(directory, partitions: 1, batches: partitions, rounds: rounds, usesCommitLog: true)
      let many = try spread(directory, partitions: partitions, batches: partitions, rounds: rounds, usesCommitLog: true)
      let direct = try spread(
        directory, partitions: partitions, batches: partitions, rounds: 20, usesCommitLog: false)
      ratios.append(many.median / one.median)
      means.append(many.mean / one.mean)
      print(
        "\(partitions) KiB to one partition: \(milliseconds(one)); to \(partitions): \(milliseconds(many)); "
          + "without commit log: \(milliseconds(direct))")
      fflush(nil)
    }
    print("  \(partitions) partitions cost \(digits(median(ratios))) times one by medians, \(digits(median(means))) by means")
  }
}
if isChosen("open") {
  let (clean, killed) = try opening(directory, count: 10_000)
  print("start with 10,000 partitions, one thread: clean \(digits(clean)) s, after a kill \(digits(killed)) s")
}
if isChosen("read") {
  for (batch, size) in [(1 << 20, 1 << 20), (16 << 10, 1 << 20), (1 << 10, 1 << 20), (200, 64 << 10)] {
    let (sequential, random) = try reading(directory, batch: batch, size: size)
    print(
      "nonblocking read of \(size) bytes, batches of \(batch): \(digits(sequential)) ns in order, \(digits(random)) ns at random")
  }
}
clear(directory)
