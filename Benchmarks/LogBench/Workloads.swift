import Glibc
import LocalSegmentsCore
import Synchronization
import TierKit

/// Appends `count` batches of `size` bytes; returns GB/s. About 128 MiB stay on disk, so that pages are used again;
/// syncing and removing old segments is outside the timing.
func appendLog(_ directory: String, size: Int, count: Int, preallocate: Int64) throws -> Double {
  clear(directory)
  let tier = try makeTier(directory, preallocate: preallocate)
  let log = try tier.open(partition(0), settings: PartitionSettings(segmentBytes: 64 << 20), initialOffset: 0)
  let source = BatchSource(byteCount: size)
  let perSegment = (64 << 20) / size
  var seconds = 0.0
  var index = 0
  while index < count {
    let start = now()
    for _ in 0..<perSegment / 4 { try source.append(to: log) }
    index += perSegment / 4
    if preallocate > 0 { log.reserve() }
    seconds += now() - start
    if index % perSegment == 0 {
      _ = try log.flush().get()
      try log.evict(before: Int64(index - perSegment))
    }
  }
  tier.stopWithoutFlush()
  return Double(size * index) / seconds / 1e9
}

/// The same pattern with plain system calls.
func appendRaw(_ directory: String, size: Int, count: Int, preallocate: Bool) throws -> Double {
  clear(directory)
  let fileSystem = PosixFileSystem()
  let source = BatchSource(byteCount: size)
  let perSegment = (64 << 20) / size
  var descriptors: [(Int32, String)] = []
  var seconds = 0.0
  var index = 0
  while index < count {
    let start = now()
    let path = "\(directory)/\(index)"
    let descriptor = try fileSystem.open(path, .replacing)
    descriptors.append((descriptor, path))
    if preallocate { try fileSystem.allocate(descriptor, at: 0, byteCount: 64 << 20) }
    for position in 0..<perSegment {
      _ = pwrite(descriptor, source.bytes.baseAddress!, size, off_t(position * size))
    }
    index += perSegment
    seconds += now() - start
    try fileSystem.syncData(descriptor)
    if descriptors.count > 2 {
      let (old, name) = descriptors.removeFirst()
      fileSystem.close(old)
      unlink(name)
    }
  }
  for (descriptor, _) in descriptors { fileSystem.close(descriptor) }
  return Double(size * index) / seconds / 1e9
}

/// One thread appends with at most `inFlight` not yet durable, another makes durable what is there, again and again.
/// Returns durable appends per second.
func groupCommit(
  count: Int, inFlight: Int, append: @escaping @Sendable () -> Void, flush: @escaping @Sendable () -> Void
) -> Double {
  final class Shared: @unchecked Sendable {
    var mutex = pthread_mutex_t()
    var changed = pthread_cond_t()
    var appended = 0
    var durable = 0
    let count: Int
    let flush: @Sendable () -> Void
    init(_ count: Int, _ flush: @escaping @Sendable () -> Void) {
      self.count = count
      self.flush = flush
      pthread_mutex_init(&mutex, nil)
      pthread_cond_init(&changed, nil)
    }
  }
  let shared = Shared(count, flush)
  var thread = pthread_t()
  let start = now()
  pthread_create(&thread, nil, { argument in
    let shared = Unmanaged<Shared>.fromOpaque(argument!).takeUnretainedValue()
    while true {
      pthread_mutex_lock(&shared.mutex)
      while shared.appended == shared.durable { pthread_cond_wait(&shared.changed, &shared.mutex) }
      let end = shared.appended
      pthread_mutex_unlock(&shared.mutex)
      shared.flush()
      pthread_mutex_lock(&shared.mutex)
      shared.durable = end
      pthread_cond_signal(&shared.changed)
      pthread_mutex_unlock(&shared.mutex)
      if end == shared.count { return nil }
    }
  }, Unmanaged.passUnretained(shared).toOpaque())
  for _ in 0..<count {
    append()
    pthread_mutex_lock(&shared.mutex)
    shared.appended += 1
    pthread_cond_signal(&shared.changed)
    while shared.appended - shared.durable >= inFlight { pthread_cond_wait(&shared.changed, &shared.mutex) }
    pthread_mutex_unlock(&shared.mutex)
  }
  pthread_join(thread, nil)
  return Double(count) / (now() - start)
}

func groupCommitLog(_ directory: String, count: Int, inFlight: Int) throws -> Double {
  clear(directory)
  let tier = try makeTier(directory)
  let log = try tier.open(partition(0), settings: PartitionSettings(segmentBytes: 1 << 30), initialOffset: 0)
  let source = BatchSource(byteCount: 1024)
  defer { tier.stop() }
  return groupCommit(count: count, inFlight: inFlight, append: { try! source.append(to: log) }) {
    _ = try! tier.flush(logs: [log])[0].get()
  }
}

func groupCommitRaw(_ directory: String, count: Int, inFlight: Int) throws -> Double {
  clear(directory)
  let fileSystem = PosixFileSystem()
  let descriptor = try fileSystem.open("\(directory)/raw", .replacing)
  defer { fileSystem.close(descriptor) }
  let source = BatchSource(byteCount: 1024)
  return groupCommit(
    count: count, inFlight: inFlight,
    append: {
      _ = pwrite(descriptor, source.bytes.baseAddress!, 1024, off_t(source.offset * 1024))
      source.offset += 1
    }, flush: { try! fileSystem.syncData(descriptor) })
}

/// What one round of appending and flushing costs, in seconds.
struct SpreadCost {
  /// Over all rounds, what runs behind them included.
  var mean: Double
  var median: Double
  /// Of the appends alone.
  var appends: Double
  /// Processor seconds of the process, over all rounds.
  var processor: Double
}

/// Appends 1 KiB to each of `partitions` and flushes them together, `rounds` times; with one partition, `batches` of them.
func spread(
  _ directory: String, partitions: Int, batches: Int, rounds: Int, usesCommitLog: Bool
) throws -> SpreadCost {
  clear(directory)
  let tier = try makeTier(directory, usesCommitLog: usesCommitLog)
  let settings = PartitionSettings(segmentBytes: 1 << 30)
  let logs = try (0..<partitions).map { try tier.open(partition($0), settings: settings, initialOffset: 0) }
  let sources = logs.map { _ in BatchSource(byteCount: 1024) }
  var times: [Double] = []
  var appendTimes: [Double] = []
  func round() throws {
    let start = now()
    for _ in 0..<(batches / partitions) {
      for (log, source) in zip(logs, sources) { try source.append(to: log) }
    }
    appendTimes.append(now() - start)
    for result in tier.flush(logs: logs) { _ = try result.get() }
    times.append(now() - start)
  }
  // Names and commit-log files are made by the first rounds.
  for _ in 0..<5 {
    try round()
    usleep(100_000)
  }
  times = []
  appendTimes = []
  let start = now()
  let processorStart = processorSeconds()
  for _ in 0..<rounds { try round() }
  let mean = (now() - start) / Double(rounds)
  let processor = (processorSeconds() - processorStart) / Double(rounds)
  tier.stop()
  for source in sources { source.bytes.deallocate() }
  return SpreadCost(mean: mean, median: median(times), appends: median(appendTimes), processor: processor)
}

/// Seconds to start and open `count` partitions of two segments each, after a clean stop and after a kill.
func opening(_ directory: String, count: Int) throws -> (clean: Double, killed: Double) {
  clear(directory)
  let settings = PartitionSettings(segmentBytes: 1 << 30)
  var tier = try makeTier(directory)
  let first = try tier.open(partition(0), settings: settings, initialOffset: 0)
  for index in 0..<10 {
    try SealedBatch.append(Int64(index), byteCount: 2_000, to: first)
    if index == 4 { try first.seal() }
  }
  tier.stop()
  try multiply(directory, count: count)
  var start = now()
  tier = try makeTier(directory)
  for number in 0..<count { _ = try tier.open(partition(number), settings: settings, initialOffset: 0) }
  let clean = now() - start
  tier.stopWithoutFlush()
  start = now()
  tier = try makeTier(directory)
  for number in 0..<count { _ = try tier.open(partition(number), settings: settings, initialOffset: 0) }
  let killed = now() - start
  tier.stopWithoutFlush()
  return (clean, killed)
}

/// Copies partition 0 to `count` partitions, checkpoint included, without syncing anything.
private func multiply(_ directory: String, count: Int) throws {
  let fileSystem = PosixFileSystem()
  func write(_ path: String, _ bytes: [UInt8]) throws {
    let descriptor = try fileSystem.open(path, .replacing)
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress!, $0.count, 0) }
    fileSystem.close(descriptor)
  }
  func load(_ path: String) throws -> [UInt8] {
    let descriptor = try fileSystem.open(path, .existing)
    defer { fileSystem.close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Int(try fileSystem.byteCount(descriptor)))
    let size = bytes.count
    _ = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, size, 0) }
    return bytes
  }
  let files = try fileSystem.list("\(directory)/bench-0").map { ($0.name, try load("\(directory)/bench-0/\($0.name)")) }
  var checkpoint = "0\n\(count)\n"
  for number in 0..<count {
    checkpoint += "bench \(number) 10\n"
    if number == 0 { continue }
    try fileSystem.makeDirectory("\(directory)/bench-\(number)")
    for (name, bytes) in files { try write("\(directory)/bench-\(number)/\(name)", bytes) }
  }
  try write("\(directory)/recovery-point-offset-checkpoint", Array(checkpoint.utf8))
}

/// Processor seconds of this process, which other load on the machine does not change much.
func processorSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Processor nanoseconds of a nonblocking read of `size` bytes, one after the other, and at random offsets.
func reading(_ directory: String, batch: Int, size: Int) throws -> (sequential: Double, random: Double) {
  clear(directory)
  let tier = try makeTier(directory)
  let log = try tier.open(partition(0), settings: PartitionSettings(segmentBytes: 1 << 30), initialOffset: 0)
  let source = BatchSource(byteCount: batch)
  let count = (256 << 20) / batch
  for _ in 0..<count { try source.append(to: log) }
  _ = try log.flush().get()
  var offset: Int64 = 0
  var reads = 0
  var refused = 0
  func read(_ offset: Int64) throws -> Int64 {
    let request = ReadRequest(
      offset: offset, endOffset: .max, maxBytes: size, minOneBatch: true, nonblocking: true)
    let (outcome, slice) = try log.read(request, limit: 4) { _ in }
    if case .wouldBlock = outcome { refused += 1 }
    return outcome == .ok ? slice.nextOffset : offset
  }
  var start = processorSeconds()
  while offset < Int64(count) {
    offset = try read(offset)
    reads += 1
  }
  let sequential = (processorSeconds() - start) / Double(reads) * 1e9
  start = processorSeconds()
  for _ in 0..<10_000 { _ = try read(Int64.random(in: 0..<Int64(count))) }
  let random = (processorSeconds() - start) / 10_000 * 1e9
  tier.stop()
  if refused > 0 { print("\(refused) reads would have blocked") }
  return (sequential, random)
}
