import Glibc
import LocalSegmentsCore
import TierAPI
import TierKit

/// A host that does nothing but run work and tell the time.
enum QuietHost {
  nonisolated(unsafe) static let table: UnsafeMutablePointer<chronik_host> = {
    let table = UnsafeMutablePointer<chronik_host>.allocate(capacity: 1)
    table.initialize(
      to: chronik_host(
        struct_size: UInt32(MemoryLayout<chronik_host>.size), abi_major: 1, abi_minor: 0, reserved: 0, context: nil,
        log: { _, level, text, _, _ in
          if level >= 3 { complain("log: \(String(text))") }
        },
        wall_clock_ms: { _ in 0 }, monotonic_ns: { _ in Int64(now() * 1e9) },
        random: { _ in UInt64.random(in: 0...UInt64.max) }, counter_add: { _, _, _ in }, gauge_set: { _, _, _ in },
        observe_seconds: { _, _, _ in }, account_memory: { _, _ in },
        run_blocking: { _, work, argument in
          BackgroundJobs.shared.run { work(argument) } ? CHRONIK_OK : CHRONIK_RETRIABLE
        }, get_extension: { _, _ in nil }))
    return table
  }()
}

/// The host's pool: a thread for each job, as jobs are rare.
final class BackgroundJobs: @unchecked Sendable {
  static let shared = BackgroundJobs()
  private var mutex = pthread_mutex_t()
  private var isIdle = pthread_cond_t()
  // Guarded by `mutex`.
  private var running = 0

  private final class Job {
    let work: () -> Void
    init(_ work: @escaping () -> Void) { self.work = work }
  }

  private init() {
    pthread_mutex_init(&mutex, nil)
    pthread_cond_init(&isIdle, nil)
  }

  func run(_ work: @escaping () -> Void) -> Bool {
    count(by: 1)
    let job = Unmanaged.passRetained(Job(work))
    var thread = pthread_t()
    let status = pthread_create(&thread, nil, { argument in
      Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue().work()
      BackgroundJobs.shared.count(by: -1)
      return nil
    }, job.toOpaque())
    guard status == 0 else {
      job.release()
      count(by: -1)
      return false
    }
    pthread_detach(thread)
    return true
  }

  private func count(by change: Int) {
    pthread_mutex_lock(&mutex)
    running += change
    if running == 0 { pthread_cond_broadcast(&isIdle) }
    pthread_mutex_unlock(&mutex)
  }

  /// Waits until what was begun has ended.
  func wait() {
    pthread_mutex_lock(&mutex)
    while running > 0 { pthread_cond_wait(&isIdle, &mutex) }
    pthread_mutex_unlock(&mutex)
  }
}

func makeTier(
  _ directory: String, preallocate: Int64 = 32 << 20, _ change: (inout Configuration) -> Void = { _ in }
) throws -> LocalSegmentsTier {
  var configuration = Configuration()
  configuration.preallocateStep = preallocate
  configuration.openFilesMax = 10_000
  configuration.unflushedByteCountMax = 1 << 40
  change(&configuration)
  let tier = try LocalSegmentsTier(
    fileSystem: PosixFileSystem(), host: HostServices(QuietHost.table), configuration: configuration,
    dataDirectory: directory)
  try tier.start()
  return tier
}

func partition(_ number: Int) -> PartitionID {
  PartitionID(topic: "bench", topicID: [UInt8](repeating: 7, count: 16), partition: Int32(number))
}
