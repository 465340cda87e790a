import DequeModule
import KafkaProtocol
import KafkaRecords

/// One partition of the offsets topic as the coordinator writes it.
///
/// A *unit* is a list of records that belong together: the offsets of one commit, the snapshot of one group. One batch
/// is on its way at a time; units that arrive meanwhile share the next one. So the order of calls is the order of
/// the log and of the completions, and the number of batches follows the disk, not the clients.
///
/// All of it is confined to the coordinator's event loop.
final class GroupLog: @unchecked Sendable {
  enum Phase: Sendable {
    /// Its records are being read.
    case loading
    case ready
    /// Its records could not be read; tried again later.
    case unreadable
  }

  typealias Record = (key: [UInt8], value: [UInt8]?)

  private struct Unit {
    var records: [Record]
    var byteCount: Int
    /// Whether the records are durable.
    var completion: (Bool) -> Void
  }

  let log: PartitionLog
  var phase: Phase
  private let now: () -> Int64
  private let onLoop: (@escaping @Sendable () -> Void) -> Void
  private var queue: Deque<Unit> = []
  private var isAppending = false

  /// `now` in milliseconds since 1970; `onLoop` runs a closure on the coordinator's event loop, from any thread.
  init(
    log: PartitionLog, phase: Phase, now: @escaping () -> Int64,
    onLoop: @escaping (@escaping @Sendable () -> Void) -> Void
  ) {
    self.log = log
    self.phase = phase
    self.now = now
    self.onLoop = onLoop
  }

  /// Appends a unit; `completion` is called once, on the loop, after this returns. False, and nothing is done, when the
  /// unit is larger than `GroupLimits.unitByteCountMax`. Requests that wait for the completion bound the queue.
  func append(_ records: [Record], completion: @escaping (Bool) -> Void) -> Bool {
    precondition(!records.isEmpty, "a unit has records")
    let byteCount = records.reduce(0) { $0 + $1.key.count + ($1.value?.count ?? 0) }
    guard byteCount <= GroupLimits.unitByteCountMax else { return false }
    queue.append(Unit(records: records, byteCount: byteCount, completion: completion))
    appendNext()
    return true
  }

  private func appendNext() {
    guard !isAppending, !queue.isEmpty else { return }
    isAppending = true
    var units: [Unit] = []
    var byteCount = 0
    while let next = queue.first, units.isEmpty || byteCount + next.byteCount <= GroupLimits.combinedByteCountMax {
      byteCount += next.byteCount
      units.append(queue.removeFirst())
    }
    let box = UncheckedTransfer(units)
    log.append(request(units) { [self] outcome in
      onLoop { self.finish(box.value, succeeded: outcome.code == .none) }
    })
  }

  private func request(_ units: [Unit], _ completion: @escaping @Sendable (AppendOutcome) -> Void) -> AppendRequest {
    var builder = RecordBatchBuilder()
    let time = now()
    for unit in units {
      for record in unit.records { builder.append(timestamp: time, key: record.key, value: record.value) }
    }
    let bytes = builder.build()
    let frame = FrameBuffer(copying: bytes)
    let header = bytes.withUnsafeBytes { bytes in
      do { return try RecordBatchHeader(parsing: bytes) } catch { preconditionFailure("our own batch: \(error)") }
    }
    return AppendRequest(
      frame: frame, batches: [ValidatedBatch(range: 0..<bytes.count, header: header)], acks: .all,
      completion: completion)
  }

  private func finish(_ units: [Unit], succeeded: Bool) {
    isAppending = false
    for unit in units { unit.completion(succeeded) }
    appendNext()
  }
}
