import Glibc
import KafkaRecords
import LocalSegmentsCore
import TierAPI
import TierKit

/// What a thread of the host's pool is to do.
private struct Job {
  let work: @convention(c) (UnsafeMutableRawPointer?) -> Void
  let argument: UnsafeMutableRawPointer?
}

/// A host that does nothing but run work and tell the time.
enum QuietHost {
  nonisolated(unsafe) static let table: UnsafeMutablePointer<chronik_host> = {
    let table = UnsafeMutablePointer<chronik_host>.allocate(capacity: 1)
    table.initialize(
      to: chronik_host(
        struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: 1, abi_minor: 0, reserved: 0, context: nil,
        log: { _, level, text, _, _ in if level >= 3 { print("log:", String(text)) } },
        wall_clock_ms: { _ in 0 }, monotonic_ns: { _ in Int64(now() * 1e9) },
        random: { _ in UInt64.random(in: 0...UInt64.max) }, counter_add: { _, _, _ in }, gauge_set: { _, _, _ in },
        observe_seconds: { _, _, _ in }, account_memory: { _, _ in },
        run_blocking: { _, work, argument in
          // A thread each, as the work is rare.
          let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
          job.initialize(to: Job(work: work, argument: argument))
          var thread = pthread_t()
          let status = pthread_create(&thread, nil, { raw in
            let job = raw!.assumingMemoryBound(to: Job.self)
            let (work, argument) = (job.pointee.work, job.pointee.argument)
            job.deallocate()
            work(argument)
            return nil
          }, job)
          if status == 0 { pthread_detach(thread) }
          return status == 0 ? CHRONIK_OK : CHRONIK_RETRIABLE
        }, get_extension: { _, _ in nil }))
    return table
  }()
}

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func makeTier(
  _ directory: String, flushThreads: Int = 8, preallocate: Int64 = 32 << 20, usesCommitLog: Bool = true
) throws -> LocalSegmentsTier {
  var configuration = Configuration()
  configuration.flushThreads = flushThreads
  configuration.preallocateStep = preallocate
  configuration.openFilesMax = 10_000
  configuration.usesCommitLog = usesCommitLog
  configuration.unflushedByteCountMax = 1 << 40
  let tier = try LocalSegmentsTier(
    fileSystem: PosixFileSystem(), host: HostServices(QuietHost.table), configuration: configuration,
    dataDirectory: directory)
  try tier.start()
  return tier
}

func partition(_ number: Int) -> PartitionID {
  PartitionID(topic: "bench", topicID: [UInt8](repeating: 7, count: 16), partition: Int32(number))
}

/// One batch of a given size whose header is filled in again for each append.
final class BatchSource: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  var offset: Int64 = 0

  init(byteCount: Int) {
    bytes = .allocate(byteCount: byteCount, alignment: 64)
    for index in 0..<byteCount { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
    bytes.storeBytes(of: Int32(byteCount - 12).bigEndian, toByteOffset: 8, as: Int32.self)
    bytes.storeBytes(of: Int32(0), toByteOffset: 12, as: Int32.self)
    bytes[16] = 2
    bytes.storeBytes(of: Int32(0), toByteOffset: 23, as: Int32.self)
    bytes.storeBytes(of: Int32(1).bigEndian, toByteOffset: 57, as: Int32.self)
  }

  /// The next batch, one record long.
  func next() -> chronik_batch {
    bytes.storeBytes(of: offset.bigEndian, as: Int64.self)
    defer { offset += 1 }
    return chronik_batch(
      bytes: chronik_slice(
        ptr: UnsafePointer(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)), len: bytes.count,
        storage_bytes: bytes.count, owner: nil, retain: nil, release: nil),
      base_offset: offset, next_offset: offset + 1, max_timestamp: 1_000, leader_epoch: 0, record_count: 1,
      reserved: (0, 0))
  }

  /// Appends one batch, rolling when needed.
  func append(to log: PartitionLog) throws {
    let batch = next()
    let outcome = try withUnsafePointer(to: batch) {
      try log.append(UnsafeBufferPointer(start: $0, count: 1), nonblocking: true)
    }
    if case .wouldBlock = outcome {
      _ = try withUnsafePointer(to: batch) {
        try log.append(UnsafeBufferPointer(start: $0, count: 1), nonblocking: false)
      }
    }
  }
}

/// Removes everything in a directory that this run made.
func clear(_ directory: String) {
  let fileSystem = PosixFileSystem()
  guard let entries = try? fileSystem.list(directory) else { return }
  for entry in entries {
    let path = "\(directory)/\(entry.name)"
    if entry.isDirectory {
      clear(path)
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// Batches with a right checksum, for what recovery scans.
enum SealedBatch {
  static func append(_ offset: Int64, byteCount: Int, to log: PartitionLog) throws {
    let source = BatchSource(byteCount: byteCount)
    source.offset = offset
    let bytes = UnsafeRawBufferPointer(source.bytes)
    let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[21...]))
    source.bytes.storeBytes(of: crc.bigEndian, toByteOffset: 17, as: UInt32.self)
    try source.append(to: log)
  }
}
