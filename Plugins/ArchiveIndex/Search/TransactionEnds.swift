internal import KafkaRecords
internal import TierKit

/// How transactions ended, learned while a log is read backwards: a producer's records are taken back when the next
/// marker of that producer behind them is an abort.
///
/// Where a range ends before the marker, the log is read on behind the range, headers mostly, until the marker is
/// found.
struct TransactionEnds {
  private let source: any SearchSource
  private let scope: Int
  private let state: SearchState
  /// By producer: whether the first marker behind what was read so far is an abort.
  private var isAbort: [Int64: Bool] = [:]
  /// The same behind the range.
  private var isAbortBeyond: [Int64: Bool] = [:]
  private var nextBeyond: Int64
  private var byteCountBeyond = 0

  /// `end` is where the range ends that is read backwards.
  init(source: any SearchSource, scope: Int, end: Int64, _ state: SearchState) {
    self.source = source
    self.scope = scope
    self.state = state
    nextBeyond = end
  }

  /// Takes note of a control batch in front of everything seen so far.
  mutating func see(_ entry: LentBatches.Entry, in batches: LentBatches) throws(TierError) {
    guard let kind = try Self.marker(entry, in: batches) else { return }
    isAbort[entry.header.producerID] = kind == .abort
  }

  /// Whether the records of a batch in front of everything seen so far were taken back.
  ///
  /// Throws `retriable` when the transaction's end cannot be found: it has none yet, or is too far away.
  mutating func isAborted(_ header: RecordBatchHeader) throws(TierError) -> Bool {
    guard header.isTransactional else { return false }
    if let known = isAbort[header.producerID] { return known }
    while isAbortBeyond[header.producerID] == nil {
      guard byteCountBeyond < state.limits.lookAheadByteCountMax, !state.mustStop(), try lookBeyond() else {
        throw TierError(.retriable, "the end of the transaction at offset \(header.baseOffset) cannot be found")
      }
    }
    return isAbortBeyond[header.producerID]!
  }

  /// Reads one piece behind the range; false at the end of the log.
  private mutating func lookBeyond() throws(TierError) -> Bool {
    let request = ReadRequest(
      offset: nextBeyond, endOffset: .max, maxBytes: state.limits.pieceByteCount, minOneBatch: true,
      nonblocking: false)
    guard let answer = try source.read(scope, request), !answer.isEmpty, answer.nextOffset > nextBeyond else {
      return false
    }
    let batches = try LentBatches(answer, readsAll: false, state)
    for entry in batches.entries where entry.header.isControl && entry.header.baseOffset >= nextBeyond {
      let producer = entry.header.producerID
      guard isAbortBeyond[producer] == nil, let kind = try Self.marker(entry, in: batches) else { continue }
      isAbortBeyond[producer] = kind == .abort
    }
    nextBeyond = answer.nextOffset
    byteCountBeyond += answer.byteCount
    return true
  }

  /// What a control batch says about its producer's transaction, if anything.
  private static func marker(
    _ entry: LentBatches.Entry, in batches: LentBatches
  ) throws(TierError) -> ControlRecord.Kind? {
    var kind: ControlRecord.Kind?
    try batches.withBatch(entry) { batch in
      do throws(RecordBatchError) {
        let reader = try RecordBatchReader(batch.bytes, limit: batch.bytes.count)
        try reader.withCursor { (cursor) throws(RecordBatchError) in
          while let record = try cursor.next() {
            let found = try ControlRecord(record, index: cursor.index - 1).kind
            if found.endsTransaction { kind = found }
          }
        }
      } catch {
        // A control record of a kind to come says nothing about transactions.
        kind = nil
      }
    }
    return kind
  }
}
