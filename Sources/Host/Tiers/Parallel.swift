import NIOConcurrencyHelpers

/// Work spread over a few threads for the length of one call.
enum Parallel {
  /// Maps in order. Blocks. Throws the first error after everything that had begun has ended.
  static func map<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], threads: Int, _ transform: @escaping @Sendable (Input) throws -> Output
  ) throws -> [Output] {
    guard inputs.count > 1 else { return try inputs.map(transform) }
    let state = NIOLockedValueBox(
      State<Output>(results: Array(repeating: nil, count: inputs.count), next: 0, failure: nil))
    let workers = (0..<min(threads, inputs.count)).map { _ in
      JoinableThread {
        while let index = state.withLockedValue({ $0.take(inputs.count) }) {
          let result = Result { try transform(inputs[index]) }
          state.withLockedValue { $0.set(index, result) }
        }
      }
    }
    for worker in workers { worker.join() }
    return try state.withLockedValue { state in
      if let failure = state.failure { throw failure }
      return state.results.compactMap { $0 }
    }
  }

  private struct State<Output: Sendable>: Sendable {
    var results: [Output?]
    var next: Int
    var failure: (any Error)?

    mutating func take(_ count: Int) -> Int? {
      guard failure == nil, next < count else { return nil }
      defer { next += 1 }
      return next
    }

    mutating func set(_ index: Int, _ result: Result<Output, any Error>) {
      switch result {
      case .success(let output): results[index] = output
      case .failure(let error): failure = failure ?? error
      }
    }
  }
}
