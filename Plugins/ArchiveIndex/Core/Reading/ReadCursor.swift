import TierKit

/// How far an answer has come. Pure, but for what it lends to the answer.
struct ReadCursor {
  /// The wanted offset while the answer is empty, then where it goes on.
  private(set) var offset: Int64
  private let wanted: Int64
  private let endOffset: Int64
  private let byteCountMax: Int
  private let minOneBatch: Bool
  private(set) var byteCount = 0
  private var startOffset: Int64?

  init(_ request: ReadRequest) {
    offset = request.offset
    wanted = request.offset
    endOffset = request.endOffset
    byteCountMax = min(request.maxBytes, Limits.answerByteCountMax)
    minOneBatch = request.minOneBatch
  }

  var isEmpty: Bool { startOffset == nil }
  /// Bytes that still fit, at least 1 while the first batch may come whatever its size.
  var room: Int { isEmpty ? max(byteCountMax, minOneBatch ? 1 : 0) : byteCountMax - byteCount }

  /// Adds batches of a frame; false when the answer ends here.
  mutating func add(_ frame: DecodedFrame, to answer: borrowing ReadAnswer) -> Bool {
    guard answer.remainingExtents > 0 else { return false }
    var taken: Range<Int>?
    var isFull = false
    for batch in frame.batches where batch.nextOffset > offset {
      let isFirst = isEmpty && taken == nil
      let fits = byteCount + batch.bytes.count <= byteCountMax || (isFirst && minOneBatch)
      guard fits, batch.baseOffset < endOffset else {
        isFull = true
        break
      }
      if isFirst { startOffset = min(batch.baseOffset, wanted) }
      taken = (taken?.lowerBound ?? batch.bytes.lowerBound)..<batch.bytes.upperBound
      byteCount += batch.bytes.count
      offset = batch.nextOffset
    }
    if let taken {
      answer.addMemory(frame.bytes(taken), owner: frame)
      answer.setOffsets(start: startOffset!, next: offset)
    }
    return !isFull && (isEmpty || byteCount < byteCountMax)
  }

  /// Goes on behind offsets that have no batch.
  mutating func skip(to next: Int64, _ answer: borrowing ReadAnswer) {
    guard next > offset else { return }
    offset = next
    answer.setOffsets(start: startOffset ?? wanted, next: next)
  }

  /// Nothing at or behind the cursor may be seen.
  var isAtEnd: Bool { offset >= endOffset }
}
