import NIOPosix

/// The threads that may wait for disks and networks. Bounded in threads; named after it in every thread list.
final class BlockingPool: Sendable {
  private let pool: NIOThreadPool

  init(threads: Int) {
    pool = NIOThreadPool(numberOfThreads: threads)
    pool.start()
  }

  /// Runs `work` once, on one of the threads. Requests in flight bound the queue (`InFlightBudget`).
  func run(_ work: @escaping @Sendable () -> Void) {
    pool.submit { _ in work() }
  }

  /// Finishes what was submitted. Blocks.
  func stop() {
    do { try pool.syncShutdownGracefully() } catch { preconditionFailure("the pool was stopped twice: \(error)") }
  }
}
