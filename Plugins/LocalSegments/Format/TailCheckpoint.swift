// recovery-tail-checkpoint: where in its segment each recovery point lies, so that a start after a crash reads only
// what was written since. Kafka has no such file and leaves it alone; without it a start reads the segment from its
// beginning.
//
//     0                                                         version
//     1                                                         entries
//     orders 0 4711 4000 81920 1700000000000 4700 1690000000000
//
// topic, partition, recovery point, base offset of its segment, byte of the log at which the recovery point lies, then
// of the batches before it: the largest timestamp, the last offset of the batch that has it, the timestamp of the
// first.
//
// A line counts only beside the same recovery point in recovery-point-offset-checkpoint, which is written after it.

/// What is known of a segment up to a recovery point in it.
public struct RecoveryTail: Sendable, Equatable {
  public var recoveryPoint: Int64
  public var segmentBase: Int64
  /// Bytes of the batches below the recovery point, at least 1.
  public var position: Int64
  /// Milliseconds; -1: none of the batches has one.
  public var maxTimestamp: Int64
  /// -1 without a largest timestamp.
  public var maxTimestampLast: Int64
  /// Milliseconds; -1: unknown.
  public var firstTimestamp: Int64

  public init(
    recoveryPoint: Int64, segmentBase: Int64, position: Int64, maxTimestamp: Int64, maxTimestampLast: Int64,
    firstTimestamp: Int64
  ) {
    self.recoveryPoint = recoveryPoint
    self.segmentBase = segmentBase
    self.position = position
    self.maxTimestamp = maxTimestamp
    self.maxTimestampLast = maxTimestampLast
    self.firstTimestamp = firstTimestamp
  }
}

public enum TailCheckpoint {
  public static func parse(_ text: String) throws(TextFileDefect) -> [OffsetCheckpoint.Key: RecoveryTail] {
    let expected = "topic, partition, recovery point, base offset, byte, timestamp, offset and timestamp"
    var result: [OffsetCheckpoint.Key: RecoveryTail] = [:]
    for (index, row) in try rows(text, fields: 8, expected: expected).enumerated() {
      let numbers = row.dropFirst(2).compactMap { Int64($0) }
      guard let partition = Int32(row[1]), partition >= 0, numbers.count == 6, numbers[1] >= 0,
        numbers[0] > numbers[1], numbers[2] > 0, numbers[3...].allSatisfy({ $0 >= -1 })
      else { throw TextFileDefect(line: index + 3, expected: expected) }
      result[OffsetCheckpoint.Key(topic: String(row[0]), partition: partition)] = RecoveryTail(
        recoveryPoint: numbers[0], segmentBase: numbers[1], position: numbers[2], maxTimestamp: numbers[3],
        maxTimestampLast: numbers[4], firstTimestamp: numbers[5])
    }
    return result
  }

  public static func format(_ tails: [OffsetCheckpoint.Key: RecoveryTail]) -> String {
    var text = "0\n\(tails.count)\n"
    let sorted = tails.sorted { ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition) }
    for (key, tail) in sorted {
      text += "\(key.topic) \(key.partition) \(tail.recoveryPoint) \(tail.segmentBase) \(tail.position) "
      text += "\(tail.maxTimestamp) \(tail.maxTimestampLast) \(tail.firstTimestamp)\n"
    }
    return text
  }
}
