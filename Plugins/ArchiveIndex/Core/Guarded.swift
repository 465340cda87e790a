import Glibc

/// A value behind a lock, with a condition to wait on. A POSIX mutex: a third of the cost of `Synchronization.Mutex` on
/// Linux, and race detectors understand it. Not recursive.
package final class Guarded<State>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let changed: UnsafeMutablePointer<pthread_cond_t>
  private var state: State

  package init(_ state: State) {
    self.state = state
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    changed = .allocate(capacity: 1)
    changed.initialize(to: pthread_cond_t())
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(changed, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(changed)
    changed.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Whether a thread is inside at this moment. For checks that one is, never to decide by.
  var isHeld: Bool {
    guard pthread_mutex_trylock(mutex) == 0 else { return true }
    pthread_mutex_unlock(mutex)
    return false
  }

  /// Runs `body` alone.
  package func withLock<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  /// Runs `body` alone and wakes everybody who waits.
  package func change<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(changed)
      pthread_mutex_unlock(mutex)
    }
    return try body(&state)
  }

  /// Runs `body` alone, again after every change, until it has an answer. Blocks.
  package func wait<R, E: Error>(_ body: (inout State) throws(E) -> R?) throws(E) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = try body(&state) { return result }
      pthread_cond_wait(changed, mutex)
    }
  }

  /// As `wait`, for at most `nanoseconds`; nil when the time is over.
  package func wait<R>(nanoseconds: Int64, _ body: (inout State) -> R?) -> R? {
    var deadline = timespec()
    clock_gettime(CLOCK_MONOTONIC, &deadline)
    let sum = Int64(deadline.tv_nsec) + nanoseconds
    deadline.tv_sec += Int(sum / 1_000_000_000)
    deadline.tv_nsec = Int(sum % 1_000_000_000)
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&state) { return result }
      if pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT { return body(&state) }
    }
  }
}
