import Glibc
import TierKit

/// A thread of this tier's own, for work that waits for the store. `join` must be called once.
final class WorkerThread: @unchecked Sendable {
  private var thread = pthread_t()
  /// False when the system had no thread left.
  let isRunning: Bool

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    let priority: ThreadPriority
    init(_ priority: ThreadPriority, _ run: @escaping @Sendable () -> Void) {
      self.priority = priority
      self.run = run
    }
  }

  /// Runs `body` to its end. When the system has no thread left it does not run at all; the work is then left to
  /// whoever asks next.
  init(_ priority: ThreadPriority = .normal, _ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(priority, body))
    let status = pthread_create(&thread, nil, { argument in
      let body = Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
      body.priority.apply()
      body.run()
      return nil
    }, box.toOpaque())
    isRunning = status == 0
    if status != 0 { box.release() }
  }

  /// Waits for the end of the body.
  func join() {
    if isRunning { pthread_join(thread, nil) }
  }
}
