import Glibc
import Synchronization

/// A few threads that run the same function for many indices at once. They exist for flushes: syncs of separate files
/// overlap on the disk.
///
/// One `run` at a time; the caller works along and returns when all indices are done.
final class WorkerPool: @unchecked Sendable {
  private var mutex = pthread_mutex_t()
  private var hasWork = pthread_cond_t()
  private var isDone = pthread_cond_t()
  private var threads: [pthread_t] = []
  // Guarded by `mutex`.
  private var generation = 0
  private var running = 0
  private var invited = 0
  private var isStopping = false
  private var body: ((Int) -> Void)?
  private var count = 0
  private let next = Atomic<Int>(0)
  /// Whether a run is going on; its lock makes runs wait for each other.
  private let serial = Guarded(false)

  /// `threadCount` threads besides the caller; 0 is legal.
  init(threadCount: Int) {
    pthread_mutex_init(&mutex, nil)
    pthread_cond_init(&hasWork, nil)
    pthread_cond_init(&isDone, nil)
    for _ in 0..<threadCount {
      var thread = pthread_t()
      let status = pthread_create(&thread, nil, { argument in
        Unmanaged<WorkerPool>.fromOpaque(argument!)._withUnsafeGuaranteedRef { $0.work() }
        return nil
      }, Unmanaged.passUnretained(self).toOpaque())
      if status == 0 { threads.append(thread) }
    }
  }

  /// Ends the threads; `run` still works, on the caller alone.
  func stop() {
    pthread_mutex_lock(&mutex)
    isStopping = true
    pthread_cond_broadcast(&hasWork)
    pthread_mutex_unlock(&mutex)
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  deinit {
    stop()
    pthread_cond_destroy(&hasWork)
    pthread_cond_destroy(&isDone)
    pthread_mutex_destroy(&mutex)
  }

  /// Calls `body` once for each index below `count`, in any order and on several threads.
  func run(_ count: Int, _ body: (Int) -> Void) {
    if count <= 1 || threads.isEmpty {
      for index in 0..<count { body(index) }
      return
    }
    serial.withLock { isRunning in
      isRunning = true
      defer { isRunning = false }
      withoutActuallyEscaping(body) { escaping in
        pthread_mutex_lock(&mutex)
        self.body = escaping
        self.count = count
        next.store(0, ordering: .relaxed)
        generation += 1
        invited = min(threads.count, count - 1)
        pthread_cond_broadcast(&hasWork)
        pthread_mutex_unlock(&mutex)
        takeIndices(escaping, count)
        pthread_mutex_lock(&mutex)
        invited = 0
        while running > 0 { pthread_cond_wait(&isDone, &mutex) }
        self.body = nil
        pthread_mutex_unlock(&mutex)
      }
    }
  }

  private func takeIndices(_ body: (Int) -> Void, _ count: Int) {
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      if index >= count { return }
      body(index)
    }
  }

  private func work() {
    var seen = 0
    pthread_mutex_lock(&mutex)
    while true {
      while !isStopping, generation == seen || invited == 0 { pthread_cond_wait(&hasWork, &mutex) }
      if isStopping { break }
      seen = generation
      invited -= 1
      running += 1
      let body = self.body!
      let count = self.count
      pthread_mutex_unlock(&mutex)
      takeIndices(body, count)
      pthread_mutex_lock(&mutex)
      running -= 1
      if running == 0 { pthread_cond_signal(&isDone) }
    }
    pthread_mutex_unlock(&mutex)
  }
}
