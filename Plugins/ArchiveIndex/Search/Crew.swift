internal import Dispatch
internal import Synchronization

/// Does numbered pieces of work on the caller's thread and on as many others as it is given, and returns when all have
/// been done. The caller works too, so that nothing waits for threads that are busy elsewhere.
struct Crew: Sendable {
  /// Threads at most, the caller's included.
  let width: Int
  /// Runs a function on another thread, later perhaps; false when it will not.
  let spawn: @Sendable (@escaping @Sendable () -> Void) -> Bool

  func run(_ count: Int, _ work: @escaping @Sendable (Int) -> Void) {
    let shift = Shift(count: count)
    for _ in 1..<max(1, min(width, count)) {
      // A helper that comes when everything is done finds nothing to do.
      guard spawn({ shift.help(work) }) else { break }
    }
    while let number = shift.next() { work(number) }
    shift.close()
  }

  /// What the threads of one run share.
  private final class Shift: Sendable {
    private struct State {
      var next = 0
      var helperCount = 0
      var isClosed = false
    }

    private let count: Int
    private let state = Mutex(State())
    private let isDone = DispatchSemaphore(value: 0)

    init(count: Int) { self.count = count }

    func next() -> Int? {
      state.withLock { state in
        guard state.next < count else { return nil }
        state.next += 1
        return state.next - 1
      }
    }

    func help(_ work: (Int) -> Void) {
      let mayBegin = state.withLock {
        if $0.isClosed { return false }
        $0.helperCount += 1
        return true
      }
      guard mayBegin else { return }
      while let number = next() { work(number) }
      let isLast = state.withLock {
        $0.helperCount -= 1
        return $0.isClosed && $0.helperCount == 0
      }
      if isLast { isDone.signal() }
    }

    /// Lets no more helpers in and waits for those that are.
    func close() {
      let mustWait = state.withLock {
        $0.isClosed = true
        return $0.helperCount > 0
      }
      if mustWait { isDone.wait() }
    }
  }
}
