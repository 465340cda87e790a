internal import KafkaRecords

/// Whose records in which offsets were taken back.
struct AbortedRanges {
  private let ranges: [Int64: [ClosedRange<Int64>]]

  init(_ transactions: [AbortedTransaction]) {
    var ranges: [Int64: [ClosedRange<Int64>]] = [:]
    for transaction in transactions where transaction.firstOffset <= transaction.lastOffset {
      ranges[transaction.producerID, default: []].append(transaction.firstOffset...transaction.lastOffset)
    }
    self.ranges = ranges
  }

  /// True when the records of the batch belong to an aborted transaction.
  func contains(_ header: RecordBatchHeader) -> Bool {
    guard header.isTransactional, !header.isControl, let own = ranges[header.producerID] else { return false }
    return own.contains { $0.contains(header.baseOffset) }
  }
}
