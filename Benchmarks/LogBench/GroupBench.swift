import Glibc
import LocalSegmentsCore
import TierKit

/// Group commit: one thread appends 1 KiB with at most `inFlight` not yet durable, another makes durable what is there,
/// again and again, as with acks=all and so many producers.
struct GroupBench {
  let directory: String
  let count: Int
  let inFlight: Int

  func own() throws -> Measurement {
    try clear(directory)
    let tier = try makeTier(directory)
    defer { tier.stop() }
    let log = try tier.open(partition(0), settings: PartitionSettings(segmentBytes: 1 << 30), initialOffset: 0)
    let source = BatchSource(byteCount: 1024)
    return try run(append: { try source.append(to: log) }) { _ = try tier.flush(logs: [log])[0].get() }
  }

  func raw() throws -> Measurement {
    try clear(directory)
    let file = try RawFile("\(directory)/raw")
    let descriptor = file.descriptor
    let source = BatchSource(byteCount: 1024)
    var position = 0
    return try run(
      append: {
        try source.write(to: file, at: position)
        position += 1024
      }, flush: { try PosixFileSystem().syncData(descriptor) })
  }

  private func run(
    append: () throws -> Void, flush: @escaping @Sendable () throws -> Void
  ) throws -> Measurement {
    let window = Window(count: count, inFlight: inFlight, flush: flush)
    let meter = try Meter.of {
      var thread = pthread_t()
      let status = pthread_create(&thread, nil, { argument in
        Unmanaged<Window>.fromOpaque(argument!).takeUnretainedValue().flushAll()
        return nil
      }, Unmanaged.passUnretained(window).toOpaque())
      guard status == 0 else { throw SystemError(call: "pthread_create", code: status) }
      defer { pthread_join(thread, nil) }
      for _ in 0..<count {
        do { try append() } catch {
          window.end(error)
          throw error
        }
        guard window.appended() else { break }
      }
    }
    if let failure = window.failure { throw failure }
    return Measurement(meter, amount: Double(count), byteCount: count * 1024)
  }
}

/// What is appended and not durable yet, between the appending and the flushing thread.
private final class Window: @unchecked Sendable {
  private var mutex = pthread_mutex_t()
  private var changed = pthread_cond_t()
  // Guarded by `mutex`.
  private var appendedCount = 0
  private var durableCount = 0
  private(set) var failure: (any Error)?
  private let count: Int
  private let inFlight: Int
  private let flush: @Sendable () throws -> Void

  init(count: Int, inFlight: Int, flush: @escaping @Sendable () throws -> Void) {
    self.count = count
    self.inFlight = inFlight
    self.flush = flush
    pthread_mutex_init(&mutex, nil)
    pthread_cond_init(&changed, nil)
  }

  deinit {
    pthread_mutex_destroy(&mutex)
    pthread_cond_destroy(&changed)
  }

  /// One more; waits while too many are not durable. False when the other side has failed.
  func appended() -> Bool {
    pthread_mutex_lock(&mutex)
    defer { pthread_mutex_unlock(&mutex) }
    appendedCount += 1
    pthread_cond_signal(&changed)
    while appendedCount - durableCount >= inFlight, failure == nil { pthread_cond_wait(&changed, &mutex) }
    return failure == nil
  }

  func end(_ error: any Error) {
    pthread_mutex_lock(&mutex)
    failure = failure ?? error
    pthread_cond_broadcast(&changed)
    pthread_mutex_unlock(&mutex)
  }

  /// Flushes until everything is durable.
  func flushAll() {
    while true {
      pthread_mutex_lock(&mutex)
      while appendedCount == durableCount, failure == nil { pthread_cond_wait(&changed, &mutex) }
      let end = appendedCount
      let hasFailed = failure != nil
      pthread_mutex_unlock(&mutex)
      if hasFailed { return }
      do { try flush() } catch { return self.end(error) }
      pthread_mutex_lock(&mutex)
      durableCount = end
      pthread_cond_signal(&changed)
      pthread_mutex_unlock(&mutex)
      if end == count { return }
    }
  }
}
