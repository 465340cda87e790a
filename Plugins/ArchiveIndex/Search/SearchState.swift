internal import ArchiveFormat
internal import Synchronization
internal import TierKit

/// What the units of one search share: the records found, the counters, the budget. For many threads.
final class SearchState: Sendable {
  let limits: SearchLimits
  let order: Query.Order
  private let byteCountMax: Int
  private let deadline: Int64
  private let clock: @Sendable () -> Int64
  private let isCancelledByCaller: @Sendable () -> Bool
  private let values: Mutex<Values>

  struct Values {
    var best: BestRecords
    var total = 0
    var totalIsExact = true
    /// Why the answer is not complete: what came first.
    var reason: String?
    var failure: TierError?
    var isCancelled = false
    var finishedUnitCount = 0
    var objectCount = 0
    var byteCount = 0
    var roundCountMax = 0
    var scannedRecordCount = 0
    /// The time and the bytes that the current phase may use.
    var phaseDeadline: Int64
    var phaseByteCountMax: Int
  }

  init(_ request: SearchRequest, order: Query.Order, limits: SearchLimits, clock: @escaping @Sendable () -> Int64) {
    self.limits = limits
    self.order = order
    self.clock = clock
    deadline = request.deadline
    byteCountMax = request.byteBudget == 0 ? limits.byteCountMax : Int(clamping: request.byteBudget)
    isCancelledByCaller = request.isCancelled
    values = Mutex(
      Values(
        best: BestRecords(limit: request.limit, byteCountMax: limits.hitByteCountMax),
        phaseDeadline: request.deadline, phaseByteCountMax: byteCountMax))
  }

  /// Bounds what follows to half of what is left, so that something remains for the phase behind it.
  func beginHalf() {
    let now = clock()
    values.withLock {
      if deadline != .max { $0.phaseDeadline = now &+ max(0, deadline &- now) / 2 }
      $0.phaseByteCountMax = $0.byteCount + (byteCountMax - $0.byteCount) / 2
    }
  }

  func endHalf() {
    values.withLock {
      $0.phaseDeadline = deadline
      $0.phaseByteCountMax = byteCountMax
    }
  }

  /// True when nothing more may be read; says why in the answer. To be asked before every read.
  func mustStop() -> Bool {
    let isCancelled = isCancelledByCaller()
    let now = clock()
    return values.withLock {
      if isCancelled { $0.isCancelled = true }
      if $0.isCancelled { return true }
      if now >= $0.phaseDeadline {
        $0.note("the deadline passed")
        return true
      }
      if $0.byteCount >= $0.phaseByteCountMax {
        $0.note("the budget of \(byteCountMax) bytes was used up")
        return true
      }
      return false
    }
  }

  var call: StoreCall {
    StoreCall(deadline: deadline, isCancelled: isCancelledByCaller)
  }

  /// Newest first: records with a timestamp below this are not wanted any more.
  var floor: Int64? { order == .newest ? values.withLock { $0.best.floor } : nil }

  func countBytes(_ count: Int) { values.withLock { $0.byteCount += count } }

  func countRecords(_ count: Int) { values.withLock { $0.scannedRecordCount += count } }

  func countObject(rounds: Int) {
    values.withLock {
      $0.objectCount += 1
      $0.roundCountMax = max($0.roundCountMax, rounds)
    }
  }

  /// A unit was not looked at because later records were found.
  func leaveOut() { values.withLock { $0.totalIsExact = false } }

  /// A part of the search could not be done.
  func fail(_ error: TierError) {
    values.withLock {
      if $0.failure == nil { $0.failure = error }
      $0.note(error.message)
    }
  }

  func finishUnit() { values.withLock { $0.finishedUnitCount += 1 } }

  /// Adds what a unit of `partition` found.
  func add(_ answer: SearchAnswer, partition: Int) {
    values.withLock {
      $0.total += answer.total
      if !answer.totalIsExact { $0.totalIsExact = false }
      for record in answer.records { $0.best.insert(record, SearchRank(record, order, partition: partition)) }
      guard var cut = answer.cut else { return }
      cut.partition = partition
      $0.best.endBefore(cut)
    }
  }

  /// The state when every unit has ended.
  func finish() -> Values { values.withLock { $0 } }
}

extension SearchState.Values {
  fileprivate mutating func note(_ reason: String) {
    totalIsExact = false
    if self.reason == nil { self.reason = reason }
  }
}
