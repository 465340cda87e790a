internal import ArchiveFormat
internal import Synchronization

/// Counts what a search asks of an object.
final class MeteredSource<Base: RangeSource & Sendable>: RangeSource, Sendable {
  private let base: Base
  private let state: SearchState
  private let rounds = Mutex(0)

  init(_ base: Base, _ state: SearchState) {
    self.base = base
    self.state = state
  }

  var roundCount: Int { rounds.withLock { $0 } }

  func read(_ ranges: [Range<Int>]) throws -> [[UInt8]] {
    rounds.withLock { $0 += 1 }
    state.countBytes(ranges.reduce(0) { $0 + $1.count })
    return try base.read(ranges)
  }
}
