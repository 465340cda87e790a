import Glibc

/// A thread of this tier's own, for work that waits for the store. `join` must be called once.
final class WorkerThread: @unchecked Sendable {
  private var thread = pthread_t()
  /// False when the system had no thread left.
  let isRunning: Bool

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs `body` to its end. When the system has no thread left it does not run at all; the work is then left to
  /// whoever asks next.
  init(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(body))
    let status = pthread_create(&thread, nil, { argument in
      Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
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
