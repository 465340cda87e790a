import CHostSupport
import DequeModule
import Dispatch
import Glibc
import NIOConcurrencyHelpers

/// The threads that may wait for disks and networks. Bounded in threads; named after it in every thread list.
///
/// Work runs in the order in which it was submitted, as threads become free. Unlike NIO's pool it runs everything that
/// was submitted before ``stop()`` returns.
final class BlockingPool: Sendable {
  private struct State: Sendable {
    var queue: Deque<@Sendable () -> Void> = []
    var isStopping = false
  }

  private let name: String
  private let priority: ThreadPriority
  private let state = NIOLockedValueBox(State())
  /// Counts what is queued, and one more for each thread when the pool stops: it wakes one thread for each piece of
  /// work, where a condition would wake all of them for one to find it.
  private let signal = DispatchSemaphore(value: 0)
  private let threads: [JoinableThread]

  /// `name`: at most 15 characters.
  init(name: String = "blocking", threads count: Int, priority: ThreadPriority = .normal) {
    precondition(count > 0)
    self.name = name
    self.priority = priority
    let starter = NIOLockedValueBox<BlockingPool?>(nil)
    let ready = ConditionLock(value: 0)
    threads = (0..<count).map { _ in
      JoinableThread {
        ready.lock(whenValue: 1)
        ready.unlock()
        starter.withLockedValue { $0 }?.work()
      }
    }
    starter.withLockedValue { $0 = self }
    ready.lock()
    ready.unlock(withValue: 1)
  }

  /// Runs `work` once, on one of the threads. Does not block. Requests in flight bound the queue (`InFlightBudget`).
  func run(_ work: @escaping @Sendable () -> Void) {
    state.withLockedValue { state in
      state.queue.append(work)
    }
    signal.signal()
  }

  /// Finishes what was submitted and ends the threads. Blocks. Called once.
  func stop() {
    state.withLockedValue { $0.isStopping = true }
    for _ in threads { signal.signal() }
    for thread in threads { thread.join() }
  }

  private func work() {
    chostsupport_name_thread(name)
    priority.apply()
    while true {
      signal.wait()
      let (next, isStopping) = state.withLockedValue { ($0.queue.popFirst(), $0.isStopping) }
      if let next { next() } else if isStopping { return }
    }
  }
}

/// A thread that somebody waits for.
final class JoinableThread: @unchecked Sendable {
  private let handle: pthread_t

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  init(_ body: @escaping @Sendable () -> Void) {
    var created = pthread_t()
    let status = pthread_create(
      &created, nil,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(Body(body)).toOpaque())
    precondition(status == 0, "no thread to be had: \(status)")
    handle = created
  }

  /// Waits for the end. Called once.
  func join() { pthread_join(handle, nil) }
}
