import Glibc
import LocalSegmentsCore
import TierKit

/// Opening many partitions with much data, in a process of its own each time: after a clean stop, and after a kill -9
/// with batches behind the last recovery point in every partition. Their pages are dropped from the cache before.
struct OpenBench {
  let directory: String
  let partitions: Int
  /// In all.
  let byteCount: Int

  /// As many as the broker uses.
  private static let threads = 4
  private static let batchByteCount = 64 << 10
  /// Every tenth partition has several segments.
  private static let smallSegmentByteCount: Int64 = 512 << 10

  func run(into report: inout Report) throws {
    try clear(directory)
    let filling = try Meter.of { try fill() }
    report.add(
      Figure(
        name: "fill \(partitions) partitions, \(byteCount >> 20) MiB",
        values: [("wall", filling.seconds, "s"), ("processor", filling.processor.total, "s")]))
    for state in ["clean stop", "kill -9, tails of one batch", "kill -9, again"] {
      try dropCache(directory)
      let cost = try openInChild()
      report.add(
        Figure(
          name: "open after \(state)",
          values: [
            ("wall", cost[0], "s"), ("processor", cost[1], "s"), ("resident", cost[2] / 1024, "MiB"),
            ("read", cost[3] / Double(1 << 20), "MiB"), ("from disk", cost[4] / Double(1 << 20), "MiB"),
          ]))
    }
    try clear(directory)
  }

  private func settings(_ number: Int) -> PartitionSettings {
    PartitionSettings(segmentBytes: number % 10 == 0 ? Self.smallSegmentByteCount : 1 << 30)
  }

  private func fill() throws {
    let tier = try makeTier(directory, preallocate: 0)
    let count = max(1, byteCount / partitions / Self.batchByteCount)
    try inParallel(2, partitions) { number in
      let log = try tier.open(partition(number), settings: settings(number), initialOffset: 0)
      let source = BatchSource(byteCount: Self.batchByteCount, isSealed: true)
      for _ in 0..<count { try source.append(to: log) }
    }
    tier.stop()
  }

  /// This program again, with the work of `child`; the processor and the memory are its own then.
  private func openInChild() throws -> [Double] {
    let result = directory + ".result"
    let arguments = ["bench-log", directory, "open-child", "\(partitions)", result]
    var pointers = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var process = pid_t()
    let status = posix_spawn(&process, "/proc/self/exe", nil, nil, &pointers, environ)
    guard status == 0 else { throw SystemError(call: "posix_spawn", code: status) }
    var end: Int32 = 0
    try checked("waitpid", Int(waitpid(process, &end, 0)))
    guard end & 0x7F == SIGKILL else { throw TierError(.permanent, "the child ended with status \(end)") }
    defer { unlink(result) }
    return try textFile(result).split(separator: " ").compactMap { Double($0) }
  }

  /// Opens everything, says what it cost, appends a batch to every partition without a flush and kills itself.
  func child(result: String) throws {
    var logs = [PartitionLog?](repeating: nil, count: partitions)
    var tier: LocalSegmentsTier?
    let meter = try Meter.of {
      let started = try makeTier(directory, preallocate: 0)
      tier = started
      try logs.withUnsafeMutableBufferPointer { slots in
        // Each index is written by the one thread that opens it.
        nonisolated(unsafe) let slots = slots
        try inParallel(Self.threads, partitions) { number in
          slots[number] = try started.open(partition(number), settings: settings(number), initialOffset: 0)
        }
      }
    }
    let resident = try kilobytes("VmRSS", of: "/proc/self/status")
    let read = try kilobytes("rchar", of: "/proc/self/io")
    let fromDisk = try kilobytes("read_bytes", of: "/proc/self/io")
    let source = BatchSource(byteCount: Self.batchByteCount, isSealed: true)
    for log in logs.compactMap({ $0 }) {
      source.offset = log.currentState.endOffset
      try source.append(to: log)
    }
    let file = try RawFile(result)
    let text = "\(meter.seconds) \(meter.processor.total) \(resident) \(read) \(fromDisk)"
    try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
    withExtendedLifetime(tier) { _ = kill(getpid(), SIGKILL) }
  }

  /// The number behind a name in one of the kernel's text files.
  private func kilobytes(_ name: String, of path: String) throws -> Double {
    for line in try textFile(path).split(separator: "\n") where line.hasPrefix(name + ":") {
      if let value = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Double($0) }) {
        return value
      }
    }
    throw TierError(.permanent, "\(path) has no \(name)")
  }

  private func textFile(_ path: String) throws -> String {
    let descriptor = try checkedOpen(path)
    defer { PosixFileSystem().close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let capacity = bytes.count
    let count = try bytes.withUnsafeMutableBytes { try checked("read", Glibc.read(descriptor, $0.baseAddress!, capacity)) }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Lets the kernel forget the pages of every file; they must be on disk already.
  private func dropCache(_ directory: String) throws {
    let fileSystem = PosixFileSystem()
    sync()
    for entry in try fileSystem.list(directory) {
      let path = "\(directory)/\(entry.name)"
      if entry.isDirectory {
        try dropCache(path, fileSystem)
      } else {
        try drop(path, fileSystem)
      }
    }
  }

  private func dropCache(_ directory: String, _ fileSystem: PosixFileSystem) throws {
    for entry in try fileSystem.list(directory) { try drop("\(directory)/\(entry.name)", fileSystem) }
  }

  private func drop(_ path: String, _ fileSystem: PosixFileSystem) throws {
    let descriptor = try fileSystem.open(path, .existing)
    defer { fileSystem.close(descriptor) }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
  }
}

/// Calls `body` for each index below `count` on so many threads; throws what the first failing one threw.
func inParallel(_ threads: Int, _ count: Int, _ body: (Int) throws -> Void) throws {
  try withoutActuallyEscaping(body) { escaping in
    let work = ParallelWork(count: count, body: escaping)
    var started: [pthread_t] = []
    for _ in 0..<threads {
      var thread = pthread_t()
      let status = pthread_create(&thread, nil, { argument in
        Unmanaged<ParallelWork>.fromOpaque(argument!).takeUnretainedValue().run()
        return nil
      }, Unmanaged.passUnretained(work).toOpaque())
      if status == 0 { started.append(thread) }
    }
    work.run()
    for thread in started { pthread_join(thread, nil) }
    work.body = { _ in }
    if let failure = work.failure { throw failure }
  }
}

private final class ParallelWork: @unchecked Sendable {
  var body: (Int) throws -> Void
  private let count: Int
  private var mutex = pthread_mutex_t()
  // Guarded by `mutex`.
  private var next = 0
  private(set) var failure: (any Error)?

  init(count: Int, body: @escaping (Int) throws -> Void) {
    self.count = count
    self.body = body
    pthread_mutex_init(&mutex, nil)
  }

  deinit { pthread_mutex_destroy(&mutex) }

  func run() {
    while true {
      pthread_mutex_lock(&mutex)
      let index = failure == nil ? next : count
      next += 1
      pthread_mutex_unlock(&mutex)
      if index >= count { return }
      do { try body(index) } catch {
        pthread_mutex_lock(&mutex)
        failure = failure ?? error
        pthread_mutex_unlock(&mutex)
      }
    }
  }
}
