import Glibc
import Synchronization

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a thread that nobody waits for.
func startThread(_ body: @escaping @Sendable () -> Void) { pthread_detach(makeThread(body)) }

/// Runs every closure on its own thread and returns when all have ended.
func runTogether(_ bodies: [@Sendable () -> Void]) {
  for thread in bodies.map(makeThread) { pthread_join(thread, nil) }
}

private func makeThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  var thread = pthread_t()
  let box = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
  let status = pthread_create(
    &thread, nil,
    { argument in
      Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
      return nil
    }, box)
  precondition(status == 0, "the system refuses another thread")
  return thread
}

func makeDirectory(_ path: String) { mkdir(path, 0o755) }

/// The first failure of several threads.
final class FirstFailure: Sendable {
  private let end = Mutex<RuleEnd?>(nil)

  func record(_ body: () throws(RuleEnd) -> Void) {
    do {
      try body()
    } catch {
      end.withLock { if $0 == nil { $0 = error } }
    }
  }

  func rethrow() throws(RuleEnd) {
    if let end = end.withLock({ $0 }) { throw end }
  }
}
