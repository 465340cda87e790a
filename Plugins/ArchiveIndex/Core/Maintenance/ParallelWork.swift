import TierKit

/// Numbered pieces of work that wait for the store, several at a time: on threads of its own, which last as long as the
/// work. The caller's thread receives what they bring, so that whatever is not thread-safe stays on it.
struct ParallelWork<Output: Sendable>: Sendable {
  /// Pieces at a time.
  let width: Int

  /// Does the pieces 0 to `count` - 1, in any order. `receive` gets what is new and how many pieces are done, at least
  /// every `Limits.progressStep` and once at the end; false ends the work early. The first failure of a piece or of
  /// `receive` ends it, too, and is thrown when no piece is under way any more. Blocks.
  func run(
    _ count: Int, _ work: @escaping @Sendable (Int) throws(TierError) -> Output,
    receive: ([Output], _ done: Int) throws(TierError) -> Bool
  ) throws(TierError) {
    let shift = Shift<Output>(count: count)
    let threads = (0..<min(width, count)).map { _ in WorkerThread { while shift.workOnce(work) {} } }
    // A system without a thread to spare leaves the work to the caller.
    let isAlone = !threads.contains(where: \.isRunning)
    defer {
      shift.end()
      for thread in threads { thread.join() }
    }
    while true {
      if isAlone { _ = shift.workOnce(work) }
      let news = try shift.news(waits: !isAlone)
      guard try receive(news.outputs, news.done), news.done < count else { return }
    }
  }
}

/// What the threads of one run share.
private final class Shift<Output: Sendable>: Sendable {
  private struct State {
    var next = 0
    var done = 0
    var outputs: [Output] = []
    var failure: TierError?
    var isEnded = false
  }

  private let count: Int
  private let state = Guarded(State())
  /// Outputs that are worth a look before the time for one has come.
  private static var batchCount: Int { 512 }

  init(count: Int) { self.count = count }

  /// Does the next piece; false when there is none.
  func workOnce(_ work: (Int) throws(TierError) -> Output) -> Bool {
    let number = state.withLock { state -> Int? in
      guard state.next < count, !state.isEnded, state.failure == nil else { return nil }
      state.next += 1
      return state.next - 1
    }
    guard let number else { return false }
    let result: Result<Output, TierError>
    do throws(TierError) { result = .success(try work(number)) } catch { result = .failure(error) }
    let wakes = state.withLock { state in
      switch result {
      case .success(let output):
        state.outputs.append(output)
        state.done += 1
      case .failure(let error): state.failure = state.failure ?? error
      }
      return isWorthALook(state)
    }
    if wakes { state.change { _ in } }
    return true
  }

  private func isWorthALook(_ state: State) -> Bool {
    state.failure != nil || state.done == count || state.outputs.count >= Self.batchCount
  }

  /// What came since the last call; waits for it a while. Throws the first failure.
  func news(waits: Bool) throws(TierError) -> (outputs: [Output], done: Int) {
    if waits {
      state.wait(nanoseconds: Limits.progressStep) { state -> Void? in isWorthALook(state) ? () : nil }
    }
    return try state.withLock { (state) throws(TierError) in
      if let failure = state.failure { throw failure }
      defer { state.outputs = [] }
      return (state.outputs, state.done)
    }
  }

  func end() { state.withLock { $0.isEnded = true } }
}
