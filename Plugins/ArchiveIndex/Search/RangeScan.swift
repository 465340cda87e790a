internal import KafkaRecords
internal import TierKit

/// Walks over the batches of a range of offsets through the source, the newest first in pieces of some megabytes:
/// reads go forward only, so a piece is guessed from how large records were so far, and cut in two where the guess was
/// too large. Not for use by several threads.
struct RangeScan {
  private let source: any SearchSource
  private let scope: Int
  private let offsets: Range<Int64>
  private let state: SearchState
  private var ends: TransactionEnds
  /// Offsets guessed to make a piece.
  private var span: Int64 = 1024

  init(source: any SearchSource, scope: Int, offsets: Range<Int64>, _ state: SearchState) {
    self.source = source
    self.scope = scope
    self.offsets = offsets
    self.state = state
    ends = TransactionEnds(source: source, scope: scope, end: offsets.upperBound, state)
  }

  /// What to do with a batch, from its header.
  enum Choice {
    case take, leave
  }

  /// Calls `body` with every batch but control batches that `choose` takes; `isVisible` is false for those of aborted
  /// transactions. `readsAll` is asked before every piece: true when most batches will be taken. False when the budget
  /// ended it.
  ///
  /// Throws what the source throws, `notFound` when the log no longer has the range, `corrupt` for damaged batches, and
  /// what `TransactionEnds` throws; everything newer was seen then.
  mutating func walk(
    readsAll: () -> Bool, choose: (RecordBatchHeader) -> Choice,
    body: (RecordBatchCursor.Batch, _ isVisible: Bool) -> Void
  ) throws(TierError) -> Bool {
    var end = offsets.upperBound
    while end > offsets.lowerBound {
      let start = end - offsets.lowerBound <= span ? offsets.lowerBound : end - span
      // Ranges still to be seen, the newest last.
      var open = [start..<end]
      end = start
      while let range = open.popLast() {
        if state.mustStop() { return false }
        guard let answer = try read(range) else {
          // The log begins above; where, two halves and their halves tell.
          guard range.count > 1 else {
            throw TierError(.notFound, "offsets up to \(range.lowerBound) are not in the log any more")
          }
          let middle = range.lowerBound + Int64(range.count / 2)
          open += [range.lowerBound..<middle, middle..<range.upperBound]
          continue
        }
        if answer.isEmpty { continue }
        guard answer.nextOffset > range.lowerBound else {
          throw TierError(.permanent, "the source answers offset \(range.lowerBound) with older batches")
        }
        if answer.nextOffset < range.upperBound {
          open += [range.lowerBound..<answer.nextOffset, answer.nextOffset..<range.upperBound]
          continue
        }
        end = min(end, answer.startOffset)
        try see(answer, readsAll(), choose, body)
        adapt(range, answer.byteCount)
      }
    }
    return true
  }

  private func read(_ range: Range<Int64>) throws(TierError) -> SourceAnswer? {
    let request = ReadRequest(
      offset: range.lowerBound, endOffset: range.upperBound, maxBytes: state.limits.pieceByteCount, minOneBatch: true,
      nonblocking: false)
    return try source.read(scope, request)
  }

  /// The batches of a piece, the newest first. The first one may begin in front of the range.
  private mutating func see(
    _ answer: SourceAnswer, _ readsAll: Bool, _ choose: (RecordBatchHeader) -> Choice,
    _ body: (RecordBatchCursor.Batch, Bool) -> Void
  ) throws(TierError) {
    let batches = try LentBatches(answer, readsAll: readsAll, state)
    for entry in batches.entries.reversed() {
      if entry.header.isControl {
        try ends.see(entry, in: batches)
      } else if choose(entry.header) == .take {
        let isVisible = try !ends.isAborted(entry.header)
        try batches.withBatch(entry) { body($0, isVisible) }
      }
    }
  }

  /// Aims at half of what the source gives at once, so that most pieces take one read.
  private mutating func adapt(_ range: Range<Int64>, _ byteCount: Int) {
    let wanted = Double(range.count) * Double(state.limits.pieceByteCount / 2) / Double(max(1, byteCount))
    span = max(1, min(Int64(min(wanted, 1e12)), 8 * span))
  }
}
