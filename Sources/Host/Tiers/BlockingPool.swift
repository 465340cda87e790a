import CHostSupport
import DequeModule
import Dispatch
import Glibc
import NIOConcurrencyHelpers

/// The threads that may wait for disks and networks. Bounded in threads; named after it in every thread list.
///
/// Work runs in the order in which it was submitted, as threads become free. Unlike NIO's pool it runs everything that
/// was submitted before ``stop()`` returns. Of several idle threads the one that worked last gets it, whose memory and
/// caches are warm; under little load one thread does all.
final class BlockingPool: Sendable {
  typealias Work = @Sendable () -> Void

  /// A thread that has nothing to do.
  private final class Sleeper: @unchecked Sendable {
    let signal = DispatchSemaphore(value: 0)
    /// What it is woken for; nil: the pool stops. Guarded by the pool's lock.
    var work: Work?
  }

  private struct State: Sendable {
    /// Empty while anybody is idle.
    var queue: Deque<Work> = []
    var idle: [Sleeper] = []
    var isStopping = false
  }

  private enum Step { case run(Work), sleep, end }

  private let name: String
  private let priority: ThreadPriority
  private let state = NIOLockedValueBox(State())
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
  func run(_ work: @escaping Work) {
    let sleeper = state.withLockedValue { state -> Sleeper? in
      guard let sleeper = state.idle.popLast() else {
        state.queue.append(work)
        return nil
      }
      sleeper.work = work
      return sleeper
    }
    sleeper?.signal.signal()
  }

  /// ``stop()`` was called; long work that nobody needs any more looks here. From any thread.
  var isStopping: Bool { state.withLockedValue { $0.isStopping } }

  /// Finishes what was submitted and ends the threads. Blocks. Called once.
  func stop() {
    let idle = state.withLockedValue { state -> [Sleeper] in
      state.isStopping = true
      defer { state.idle = [] }
      return state.idle
    }
    for sleeper in idle { sleeper.signal.signal() }
    for thread in threads { thread.join() }
  }

  private func work() {
    chostsupport_name_thread(name)
    priority.apply()
    let me = Sleeper()
    while true {
      let step = state.withLockedValue { state -> Step in
        if let next = state.queue.popFirst() { return .run(next) }
        if state.isStopping { return .end }
        state.idle.append(me)
        return .sleep
      }
      switch step {
      case .run(let next): next()
      case .end: return
      case .sleep:
        me.signal.wait()
        state.withLockedValue { _ in me.work.take() }?()
      }
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
